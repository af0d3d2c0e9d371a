"""Which state units can be carried side by side, and which have to follow each other.

Two paths, one of which lies in the other, are filled one after the other: the pass over the outer
one would see, and remove, what the inner one's pass has put there for a moment. So are units of
one server: a PostgreSQL cluster, say, follows and is promoted as a whole. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.catalog.package import StateUnit

MOST = 4
"""A guest's SSH server takes ten sessions on one connection (sshd_config(5), MaxSessions), and a
unit may need two; and what is copied by more streams than that is not there sooner."""


def lanes(units: Sequence[StateUnit], most: int = MOST) -> list[list[StateUnit]]:
    """Each unit in one lane, in the order given; lanes do not disturb each other."""
    found: list[list[StateUnit]] = []
    for unit in units:
        meeting = [lane for lane in found if any(_meet(unit, other) for other in lane)]
        found = [lane for lane in found if lane not in meeting]
        found.append([*(other for lane in meeting for other in lane), unit])
    joined = [[unit for lane in found[start::most] for unit in lane] for start in range(most)]
    in_turn = [sorted(lane, key=units.index) for lane in joined if lane]
    return sorted(in_turn, key=lambda lane: units.index(lane[0]))


def _meet(one: StateUnit, other: StateUnit) -> bool:
    if one.is_path and other.is_path:
        return _within(one.locator, other.locator) or _within(other.locator, one.locator)
    return one.kind == other.kind


def _within(path: str, top: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{top.rstrip('/')}/")
