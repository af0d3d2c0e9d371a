"""A deployment's move to another provider: which side may write, and how far it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field

from engine.model.base import Model


class MovePhase(StrEnum):
    MOVING = "moving"
    """An operation is at it, or broke off; `homeport resume` goes on."""
    STOPPED = "stopped"
    """It was taken back before the fence; what was made at the target is still there."""
    OBSERVING = "observing"
    """The target serves; the source is kept, fenced, until somebody confirms or reverts."""
    CONFIRMED = "confirmed"
    """The other side is gone."""
    REVERTED = "reverted"
    """The source serves again; the target is kept, fenced, until somebody confirms."""


class MoveTerms(Model):
    """What the user asks of a move.

    window_seconds: so long it may be away at most; None for as short as it easily gets. hold:
    it waits before the freeze until somebody says so. begin_at: not before this time.
    limit_kib: KiB per second that the data may take of the line; 0 for all there is.
    """

    window_seconds: float | None = Field(default=None, gt=0)
    hold: bool = False
    begin_at: AwareDatetime | None = None
    limit_kib: int = Field(default=0, ge=0)


class Forwarded(Model):
    """Requests that came by the address of the side that does not serve, and were passed on.

    since: of the first that is still counted. latest: None where there was none.
    """

    total: int = Field(ge=0)
    last_hour: int = Field(ge=0)
    since: AwareDatetime | None = None
    latest: AwareDatetime | None = None

    def told(self) -> str:
        """In words: what came in the last hour, what came at all, and when the last."""
        if self.latest is None:
            return "No request came by the old address."
        return (
            f"{_requests(self.last_hour)} came by the old address in the last hour, {self.total} "
            f"altogether, the last one at {self.latest:%Y-%m-%d %H:%M} UTC."
        )


def _requests(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"


class Move(Model):
    """The last move of a deployment.

    writer: the provider whose side may write; no application is started at any other one.
    frozen, served: when writing ended at the one side, and when the other first answered
    through the public name. held, released: since when it waits before the freeze, and when it
    was told to go on.
    """

    deployment: str
    source: str
    target: str
    operation: str
    phase: MovePhase
    writer: str
    began: datetime
    changed: datetime
    frozen: datetime | None = None
    served: datetime | None = None
    held: datetime | None = None
    released: datetime | None = None

    @property
    def is_open(self) -> bool:
        """There is another side, which is kept."""
        return self.phase is not MovePhase.CONFIRMED

    @property
    def is_fenced(self) -> bool:
        """The source may not write any more."""
        return self.writer != self.source

    @property
    def waits(self) -> bool:
        """It is held before the freeze, and the source serves."""
        held = self.held is not None and self.released is None and self.frozen is None
        return held and self.phase is MovePhase.MOVING

    @property
    def downtime_seconds(self) -> float | None:
        """From the freeze to the first healthy answer through the public name."""
        if self.frozen is None or self.served is None:
            return None
        return (self.served - self.frozen).total_seconds()
