"""One kind of state unit, as captures see it. Kinds are found by the entry points of the
group `homeport.state`, each named by the kind that a package's manifest writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import Field

from engine.backends.protocols import Secrets
from engine.methods.place import Place
from engine.model.base import Model

UNFINISHED = ".part"
"""Ending of a capture's directory until all of it is there and verified."""


@dataclass(frozen=True)
class Unit:
    """A piece of one deployment's data; `engine.catalog.package.StateUnit` in its place.

    locator: as the kind reads it, without placeholders: a path on the guest, a database, the
    name of a secret. empty: tables that are emptied when older state is restored.
    """

    id: str
    kind: str
    locator: str
    exclude: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ground:
    """Where units live: the guest with the application, and the deployment's secrets, whose
    paths begin with `secrets_prefix` ("deployments/ab12cd34")."""

    place: Place
    secrets: Secrets
    secrets_prefix: str


class Size(Model):
    items: int = Field(ge=0)
    bytes: int = Field(ge=0)


class Captured(Size):
    """What a unit was when it was captured: counts, and what the kind compares it by."""

    facts: dict[str, Any] = Field(default_factory=dict)
    """Checksums, rows, owners: JSON values, never what the application stores."""


@dataclass(frozen=True)
class Side:
    """One unit as it lies at one side of a move."""

    unit: Unit
    ground: Ground


class Moved(Size):
    """What a pass brought over; items and bytes are those that went from guest to guest."""

    seconds: float = Field(ge=0)


class Compared(Size):
    """What both sides have. level: V2 for content, V3 for meaning as well (design.md, 7)."""

    level: str


class StateKind(Protocol):
    """Every verb is idempotent, may be killed anywhere and called again.

    into: where the capture keeps this unit, a path on the guest that exists neither before
    `capture` nor matters to anybody else; the kind makes what it needs at it and beside it.
    All raise RemoteFailure that names the unit, and Locked while an earlier call is still busy.
    """

    def measure(self, unit: Unit, ground: Ground) -> Size:
        """How much there is, for space and for the plan; quick rather than exact."""

    def capture(self, unit: Unit, ground: Ground, into: str) -> Captured: ...

    def verify(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> None:
        """What lies at `into` is all of what was captured. RemoteFailure where it is not."""

    def restore(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> bool:
        """The unit is what it was. False where it was so already.

        Nothing of the present state is touched before what replaces it is written and
        compared, as far as the kind can (Redis cannot). The application must be stopped.
        """
