"""A secret of the deployment, kept beside itself in the secrets backend.

A secret never comes to lie on a guest for the sake of a capture. Its copy has the capture's
name in its path and goes with the deployment's other secrets when that is destroyed.
"""

from __future__ import annotations

import hmac
import posixpath
from typing import ClassVar

from engine.errors import NotFound, RemoteFailure
from engine.state.protocols import (
    UNFINISHED,
    Captured,
    Compared,
    Ground,
    Moved,
    Passage,
    Side,
    Size,
    Unit,
)
from engine.state.running import differs

COPIES = "captures"
"""Copies lie below this name among the deployment's secrets."""


def open_kind() -> SecretKind:
    return SecretKind()


class SecretKind:
    """`engine.state.protocols.StateKind`. Bytes are not counted: a length tells of a secret."""

    is_seeded: ClassVar[bool] = True
    is_compared_ahead: ClassVar[bool] = False

    def measure(self, unit: Unit, ground: Ground) -> Size:
        return Size(items=int(_value(ground, unit.locator) is not None), bytes=0)

    def capture(self, unit: Unit, ground: Ground, into: str) -> Captured:
        value = _value(ground, unit.locator)
        if value is None:
            return Captured(items=0, bytes=0, facts={"absent": True})
        copy = _copy(unit, into)
        ground.secrets.put(f"{ground.secrets_prefix}/{copy}", value)
        return Captured(items=1, bytes=0, facts={"copy": copy})

    def verify(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> None:
        if not captured.facts.get("absent") and _value(ground, captured.facts["copy"]) is None:
            raise RemoteFailure(
                "captured state is not what it was",
                on=f"{unit.id} (secret {unit.locator})",
                why="its copy is not in the secrets backend any more",
                do="Nothing of this capture can be restored; look who removed the secret.",
            )

    def restore(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> bool:
        """A secret that there was none of is left alone: nothing is lost by a further one."""
        if captured.facts.get("absent"):
            return False
        self.verify(unit, ground, into, captured)
        wanted = _value(ground, captured.facts["copy"])
        if wanted is None or wanted == _value(ground, unit.locator):
            return False
        ground.secrets.put(f"{ground.secrets_prefix}/{unit.locator}", wanted)
        return True

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        return self.delta(source, target, passage)

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        """From store to store, through the engine's memory; it never lies on a guest."""
        value = _value(source.ground, source.unit.locator)
        if value is None or _same(value, _value(target.ground, target.unit.locator)):
            return Moved(items=0, bytes=0)
        target.ground.secrets.put(f"{target.ground.secrets_prefix}/{target.unit.locator}", value)
        return Moved(items=1, bytes=0)

    def compare(self, source: Side, target: Side) -> Compared:
        value = _value(source.ground, source.unit.locator)
        if value is not None and not _same(value, _value(target.ground, target.unit.locator)):
            raise differs(target, "the secret in the target's store is another one, or none")
        return Compared(items=int(value is not None), bytes=0, level=2)


def _same(value: str, other: str | None) -> bool:
    return other is not None and hmac.compare_digest(value.encode(), other.encode())


def _value(ground: Ground, name: str) -> str | None:
    try:
        return ground.secrets.get(f"{ground.secrets_prefix}/{name}")
    except NotFound:
        return None


def _copy(unit: Unit, into: str) -> str:
    """Named by the capture, whose directory has another ending while it is made."""
    capture = posixpath.basename(posixpath.dirname(into)).removesuffix(UNFINISHED)
    return f"{COPIES}/{capture}/{unit.locator}"
