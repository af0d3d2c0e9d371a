"""One kind of state unit: kept in captures, and carried from guest to guest. Kinds are found by
the entry points of the group `homeport.state`, each named by the kind that a manifest writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

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
    name of a secret. empty: tables that are emptied when older state is restored. queues: keys of
    what holds work that waits.
    """

    id: str
    kind: str
    locator: str
    exclude: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()


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
    """A unit at one side of a move, with the locator that it has there."""

    unit: Unit
    ground: Ground


class Moved(Size):
    """What one pass brought over. items: files, rows or keys. bytes: of content, as far as the
    pass had to move it; a second pass over what did not change moves none. waits: nothing of
    the unit can be brought while the source serves; all of it comes with the delta."""

    waits: bool = False


class Compared(Size):
    """What was found the same at both sides.

    level: as in design.md, section 7. 2: content, byte for byte or row for row; 3: meaning too
    (schema, sequences, extensions, collation, rights).
    """

    level: int = Field(ge=1, le=3)


class Passage(Protocol):
    """How the target's guest reaches the source's, for one move (`engine.state.passage`)."""

    @property
    def name(self) -> str:
        """Of the move, [a-z0-9-]."""

    @property
    def config(self) -> str:
        """File at the target for `ssh -F`, in which the source's guest is the host `source`."""

    @property
    def limit(self) -> int:
        """KiB per second that may be brought over; 0 for as fast as it goes."""

    def connect(self, service: str, address: str, port: int) -> int:
        """A port on the target's loopback address that leads to this one of the source's guest,
        until the way is closed. service: its name, [a-z]. Repeated, it is the same port."""

    def pull(
        self, source: str, target: str, *, exclude: tuple[str, ...] = (), thorough: bool = False
    ) -> Moved:
        """The target's path becomes what the source's is: a file or a whole tree, with links,
        holes, attributes, owners and times; what is there too much is removed.

        exclude: paths below it that are left alone. thorough: content is compared also where
        size and time are the same.
        """

    def desk(self, side: Side) -> str:
        """A directory at that side for what is on its way; gone when the way is closed."""


class StateKind(Protocol):
    """Every verb is idempotent, may be killed anywhere and called again.

    into: where the capture keeps this unit, a path on the guest that exists neither before
    `capture` nor matters to anybody else; the kind makes what it needs at it and beside it.
    All raise RemoteFailure that names the unit, and Locked while an earlier call is still busy.
    """

    is_seeded: ClassVar[bool]
    """`seed` brings something; else all of the unit goes over after the freeze."""
    is_compared_ahead: ClassVar[bool]
    """`compare` reads little of the unit: what was not written since was compared before."""

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

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        """Brought over while the source serves, as far as that is possible: called again and
        again, it moves what changed. What is at the target afterwards need not be consistent."""

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        """The last pass: the target has all of it. Nobody writes at either side.

        thorough: nothing is taken for the same because it looks so; for who has found that
        `compare` fails after a quick pass.
        """

    def compare(self, source: Side, target: Side) -> Compared:
        """Read at both sides anew and found the same. RemoteFailure that names what is not.
        Nobody writes at either side."""


@runtime_checkable
class ReadsAhead(Protocol):
    """A kind whose `compare` need not read again what was read before and not written since."""

    def read_ahead(self, source: Side, target: Side) -> int:
        """While the source serves; bytes that were read now, at both sides. It makes `compare`
        shorter and nothing else: what it leaves is gone by `Settles.settle`."""


@runtime_checkable
class HasBacklog(Protocol):
    """A kind whose units hold work that waits to be done."""

    def backlog(self, unit: Unit, ground: Ground) -> int:
        """Messages that wait or are being worked on; quick, while the application runs."""


@runtime_checkable
class Settles(Protocol):
    """A kind whose seed leaves something at work at either side, which has to go with the way:
    after the move, or when it is cancelled before the fence."""

    def settle(self, source: Side, target: Side, passage: Passage) -> None:
        """Nothing is left of it at the source, which is as it was; what came over by `delta`
        stays. Idempotent; nothing is done where nothing was seeded."""
