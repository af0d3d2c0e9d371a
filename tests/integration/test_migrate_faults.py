"""Faults in the middle of a move, one of each sort that a machine alone brings about; the whole
list, over as many seeds as one likes, is run by `python -m tests.integration.move_faults`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.move_faults import COMPILER, FAULTS, Scene, run, scene
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def moving(lab: RunningLab) -> Iterator[Scene]:
    with scene(lab, "radicale") as made:
        yield made


@pytest.mark.parametrize(
    ("seed", "fault"),
    list(
        enumerate(
            (
                "bits flipped at the target",
                "disk of the target full",
                "source reboots after the fence",
                "target loses power",
                "clock a day ahead",
            )
        )
    ),
)
def test_a_move_that_is_struck_loses_no_acknowledged_write_and_never_has_two_writers(
    moving: Scene, seed: int, fault: str
) -> None:
    if FAULTS[fault].turns_clock and not COMPILER:
        pytest.skip("no clock can be turned: there is no C compiler")
    assert run(moving, seed, fault).acknowledged
