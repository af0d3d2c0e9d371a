"""A deployment's move to another provider: which side may write, and how far it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

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


class Move(Model):
    """The last move of a deployment.

    writer: the provider whose side may write; no application is started at any other one.
    frozen, served: when writing ended at the one side, and when the other first answered
    through the public name.
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

    @property
    def is_open(self) -> bool:
        """There is another side, which is kept."""
        return self.phase is not MovePhase.CONFIRMED

    @property
    def is_fenced(self) -> bool:
        """The source may not write any more."""
        return self.writer != self.source

    @property
    def downtime_seconds(self) -> float | None:
        """From the freeze to the first healthy answer through the public name."""
        if self.frozen is None or self.served is None:
            return None
        return (self.served - self.frozen).total_seconds()
