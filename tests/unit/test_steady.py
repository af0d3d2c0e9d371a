"""How long something took, though the clock was set meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.operations import steady


@pytest.mark.parametrize("turned", [timedelta(days=1), timedelta(0), timedelta(days=-1)])
def test_a_clock_that_is_set_does_not_change_how_long_it_took(turned: timedelta) -> None:
    marked = steady.mark()
    before = datetime.fromisoformat(marked["at"]) + turned  # and then it was set by as much back
    marked = marked | {"at": before.isoformat(), "uptime": marked["uptime"] - 21}
    took = steady.now_by(marked) - before
    assert timedelta(seconds=21) <= took < timedelta(seconds=81)


@pytest.mark.parametrize("marked", [{}, {"boot": "another", "at": "", "uptime": 1.0}])
def test_without_a_mark_of_this_run_of_the_machine_its_clock_is_believed(
    marked: dict[str, object],
) -> None:
    assert abs(steady.now_by(marked) - datetime.now(UTC)) < timedelta(minutes=1)
