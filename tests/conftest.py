"""What holds for all tests, however they were started."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# Here and nowhere else: each directory that names the fixture would get a lab of its own in the
# same process, and the later one's home would be taken for the earlier one's.
from tests.deployed import Installation, in_directory, keeping_in
from tests.lab_fixture import lab

__all__ = ["lab"]

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("unhurried", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("unhurried")

# Tests start our own programs some thousand times: each would compile its modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A process that nohup or a CI started ignores SIGHUP, and so do all its children: the tests
# of what a lost terminal does would then test something else.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def repository(here: Installation, tmp_path: Path) -> Iterator[None]:
    """The only one that the installation of the test's file knows."""
    with keeping_in(here, in_directory(tmp_path / "kept")):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: one that is begun last keeps a single process busy at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
