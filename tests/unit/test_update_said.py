"""What the dashboard says of a newer release."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.model.deployment import Deployment
from engine.model.outdated import Outdated
from tui.updates import update_said


@pytest.mark.parametrize(
    ("new", "by_itself", "attention", "said"),
    [
        (40, 0, ("a.b", "c"), "3.9.0: 2 to decide (a.b, c), 40 new options"),
        (1, 0, (), "3.9.0: nothing to decide, 1 new option"),
        (0, 3, (), "3.9.0: nothing to decide, 3 change by themselves"),
        (0, 1, ("a",), "3.9.0: 1 to decide (a), 1 changes by itself"),
        (0, 0, (), "3.9.0: nothing to decide"),
        (0, 0, ("a", "b", "c", "d"), "3.9.0: 4 to decide (a, b and 2 more)"),
    ],
)
def test_what_needs_a_person_is_told_apart_from_what_is_new(
    new: int, by_itself: int, attention: tuple[str, ...], said: str
) -> None:
    now = datetime.now(UTC)
    deployment = Deployment(
        id="abcd1234", name="cal", application="radicale", release="3.5.4", provider="harbour",
        domain="cal.example", values={}, status="running", created=now, changed=now,
    )  # fmt: skip
    assert (
        update_said(
            Outdated(
                deployment, "3.9.0", 1, new + by_itself + len(attention), new, by_itself, attention
            )
        )
        == said
    )
