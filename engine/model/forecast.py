"""What a plan foresees: how much there is to bring, how long each phase takes, how long away."""

from __future__ import annotations

from pydantic import Field

from engine.model.base import Model


class UnitSize(Model):
    """waits: all of it goes over after the freeze. compared_ahead: only what was written since is
    read after the freeze to compare it. Both as the unit's kind says."""

    unit: str
    kind: str
    items: int = Field(ge=0)
    bytes: int = Field(ge=0)
    waits: bool = False
    compared_ahead: bool = False


class PhaseTime(Model):
    """is_away: nobody is served meanwhile."""

    phase: str
    seconds: float
    is_away: bool = False


class Forecast(Model):
    """units: empty where the source could not be asked; unknown then says why. limiting: what
    takes most of the time away."""

    units: tuple[UnitSize, ...] = ()
    unknown: str = ""
    phases: tuple[PhaseTime, ...] = ()
    limiting: str = ""

    @property
    def away_seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases if phase.is_away)

    @property
    def bytes(self) -> int:
        return sum(unit.bytes for unit in self.units)
