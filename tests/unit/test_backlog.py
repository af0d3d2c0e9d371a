"""Waiting for queues to be as short as they were."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.operations.steps.backlog import wait_until_usual


@pytest.mark.parametrize(
    ("counts", "before", "found"),
    [
        # What piled up may come in only after the first look.
        ((0, 300, 120, 5, 3), 0, (3, True)),
        ((40, 44), 40, (44, True)),
        ((1090, 1100), 1000, (1100, True)),
        ((80, 81, 82, 83, 84, 85, 86, 87), 10, (86, False)),
        # Not more at the last look is as good as it gets.
        ((90, 90, 90, 90, 90, 90, 12, 11), 10, (12, True)),
    ],
)
def test_it_is_usual_when_two_looks_say_so_or_told_when_the_time_is_over(
    counts: Sequence[int], before: int, found: tuple[int, bool]
) -> None:
    looks, now, lines = iter(counts), [0.0], list[str]()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    said = wait_until_usual(lambda: next(looks), before, 5.5, lines.append, sleep, lambda: now[0])
    assert said == found
    assert len(lines) <= len(counts)
