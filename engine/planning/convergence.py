"""How long the last copy of a move will take, and whether another pass makes it shorter.

Pure: what was measured of earlier passes goes in. While the source serves, a pass brings what
was written since the one before began. What is written while it runs is left for the next, so
passes get shorter as long as the line is faster than the writing, down to what a pass costs
that finds nothing new. A source that is written faster than it can be copied never gets there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

_NOTICEABLE = 0.9
"""A pass that leaves more than this part of what was left before did not help."""
_SETTLED_SECONDS = 5.0
"""Without a window: a rest this short is not worth another pass."""
_MOST_PASSES = 6
"""Without a window, at most."""


@dataclass(frozen=True)
class Pass:
    """One pass over one unit. began: seconds since the epoch."""

    began: float
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Pace:
    """Of one unit: bytes written and copied per second, and seconds of a pass that finds
    nothing new. None of it is known before the second pass."""

    written: float
    copied: float
    looking: float

    @classmethod
    def of(cls, passes: Sequence[Pass]) -> Pace | None:
        if len(passes) < 2:
            return None
        before, last = passes[-2:]
        copied = max(one.bytes / max(one.seconds, 0.001) for one in passes)
        written = last.bytes / max(last.began - before.began, 0.001)
        if copied == 0:
            return cls(0.0, 0.0, last.seconds)
        return cls(written, copied, max(0.0, last.seconds - last.bytes / copied))

    @property
    def is_overrun(self) -> bool:
        return self.copied > 0 and self.written >= self.copied

    def rest(self, since: float) -> float:
        """Seconds of a pass over what is written in that many seconds."""
        return self.looking + (self.written * since / self.copied if self.copied else 0.0)


@dataclass(frozen=True)
class Outlook:
    """Seconds of the time away by what takes them. rests: of the last copy, by unit. fixed: of
    the rest, by a word for it, which no pass makes shorter. overrun: units that were written
    faster than they are copied."""

    rests: Mapping[str, float]
    fixed: Mapping[str, float]
    overrun: frozenset[str] = frozenset()

    @property
    def seconds(self) -> float:
        return sum(self.rests.values()) + self.floor

    @property
    def floor(self) -> float:
        return sum(self.fixed.values())

    @property
    def limiting(self) -> str:
        """What takes the most."""
        terms = {f"the last copy of {unit}": s for unit, s in self.rests.items()}
        terms |= self.fixed
        return max(terms, key=lambda term: terms[term]) if terms else ""


class Verdict(StrEnum):
    ENOUGH = "enough"
    AGAIN = "again"
    NEVER = "never"


def verdict(outlooks: Sequence[Outlook], window: float | None) -> Verdict:
    """outlooks: after each pass so far, at least one. window: seconds that it may be away."""
    now = outlooks[-1]
    if window is None:
        return _without_window(outlooks)
    if now.seconds <= window:
        return Verdict.ENOUGH
    if now.floor > window:
        return Verdict.NEVER
    if len(outlooks) > 1 and now.overrun & outlooks[-2].overrun:
        # Once may be a burst; twice, and each pass leaves more than the one before.
        return Verdict.NEVER
    if len(outlooks) < 3:
        return Verdict.AGAIN
    before = min(_rest(one) for one in outlooks[:-2])
    helped = min(_rest(one) for one in outlooks[-2:]) < _NOTICEABLE * before
    return Verdict.AGAIN if helped else Verdict.NEVER


def _without_window(outlooks: Sequence[Outlook]) -> Verdict:
    now = _rest(outlooks[-1])
    if now <= _SETTLED_SECONDS or len(outlooks) >= _MOST_PASSES:
        return Verdict.ENOUGH
    helped = len(outlooks) < 2 or now < _NOTICEABLE * _rest(outlooks[-2])
    return Verdict.AGAIN if helped else Verdict.ENOUGH


def _rest(outlook: Outlook) -> float:
    return sum(outlook.rests.values())
