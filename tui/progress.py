"""What the events of an operation add up to: pure, so that a recorded stream replays a screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui.moving import away_steps

if TYPE_CHECKING:
    from engine.model.events import Event, QuestionAsked
    from engine.model.plan import Operation, PlannedStep

RATE_SECONDS = 10.0
"""A rate is that of the last seconds: what a line carries now, not what it did on the average."""
LOG_LINES = 2000
"""Lines of an operation's log that are kept for the page; all of them are in the journal."""


@dataclass
class StepState:
    """One step as far as the events tell. `state` is a key of `tui.words.STEP`."""

    step: PlannedStep
    state: str = "waiting"
    started: datetime | None = None
    seconds: float | None = None
    attempt: int = 1
    done: float | None = None
    total: float | None = None
    unit: str = "items"
    note: str = ""
    error: dict[str, Any] | None = None
    heard: deque[tuple[datetime, float]] = field(default_factory=deque)
    """What was done by when, over the last seconds."""

    def elapsed(self, now: datetime) -> float | None:
        """Seconds of work so far; None for a step that has not begun."""
        if self.seconds is not None:
            return self.seconds
        return None if self.started is None else (now - self.started).total_seconds()

    def progressed(self, at: datetime, done: float, total: float | None, unit: str) -> None:
        """So much is done by that time, in bytes, items or seconds."""
        self.done, self.total, self.unit = done, total, unit
        if self.heard and done < self.heard[-1][1]:
            self.heard.clear()  # it began again
        self.heard.append((at, done))
        while (at - self.heard[0][0]).total_seconds() > RATE_SECONDS and len(self.heard) > 2:
            self.heard.popleft()

    @property
    def rate(self) -> float | None:
        """Of late, a second; None where too little has been heard to say so."""
        if len(self.heard) < 2:
            return None
        (begun, before), (last, done) = self.heard[0], self.heard[-1]
        seconds = (last - begun).total_seconds()
        return (done - before) / seconds if seconds >= 0.5 else None

    @property
    def seconds_left(self) -> float | None:
        """At the rate of late; None where that or the whole is not known, or it all but stands."""
        if self.rate is None or self.rate < 1 or self.total is None or self.done is None:
            return None
        return max(0.0, self.total - self.done) / self.rate


@dataclass
class Progress:
    """An operation and all that has been heard of it."""

    operation: Operation
    steps: dict[str, StepState] = field(default_factory=dict)
    log: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    """Step id and text of each line."""
    status: str = ""
    error: dict[str, Any] | None = None
    heard: int = 0
    ended: datetime | None = None
    question: QuestionAsked | None = None
    """What a step waits for somebody to say, while it does."""

    def __post_init__(self) -> None:
        self.status = self.status or self.operation.status.value
        self.error = self.error or self.operation.error
        for step in self.operation.plan.steps:
            self.steps.setdefault(step.id, StepState(step))

    @property
    def is_final(self) -> bool:
        return self.status in ("succeeded", "failed", "cancelled")

    @property
    def finished(self) -> int:
        """How many steps are over and done with."""
        return sum(1 for step in self.steps.values() if step.state in ("done", "unchanged"))

    @property
    def running(self) -> list[StepState]:
        return [step for step in self.steps.values() if step.state in ("running", "retrying")]

    @property
    def expected_seconds(self) -> float:
        """How long the plan says it takes, along its longest chain of steps."""
        ends: dict[str, float] = {}
        for step in self.operation.plan.steps:
            begin = max((ends.get(before, 0.0) for before in step.after), default=0.0)
            ends[step.id] = begin + step.expected_seconds
        return max(ends.values(), default=0.0)

    def away_seconds(self, now: datetime) -> float | None:
        """How long nobody has been answered, or was not; None while, or where, that is not so."""
        steps = [self.steps[step.id] for step in away_steps(self.operation.plan)]
        if not steps or steps[0].started is None:
            return None
        last = steps[-1]
        if self.is_final and last.seconds is None:
            return None
        until = now
        if last.started is not None and last.seconds is not None:
            until = last.started + timedelta(seconds=last.seconds)
        return (until - steps[0].started).total_seconds()

    def elapsed(self, now: datetime) -> float:
        """Seconds since it began, or that it took."""
        begun = self.operation.started or self.operation.created
        until = self.ended or self.operation.ended
        return ((until if self.is_final and until else now) - begun).total_seconds()

    def take(self, events: Iterable[Event]) -> bool:
        """Add events in their order; True where there was one."""
        before = self.heard
        for event in events:
            self.heard += 1
            _APPLY[event.type](self, event)
        return self.heard != before

    # one method per type of event

    def _operation(self, event: Any) -> None:
        self.status = event.status.value
        self.error = event.error
        if event.status.is_final:
            self.question = None
        self.ended = event.at if event.status.is_final else None

    def _started(self, event: Any) -> None:
        if state := self.steps.get(event.step) or self._on_the_way_back(event.step):
            state.state, state.started, state.seconds = "running", event.at, None
            state.attempt, state.error, state.done = event.attempt, None, None
            state.heard.clear()

    def _on_the_way_back(self, step: str) -> StepState | None:
        """A step that takes the operation back is shown from when it begins."""
        back = self.operation.plan.rollback
        found = next((one for one in back.steps if one.id == step), None) if back else None
        return self.steps.setdefault(step, StepState(found)) if found else None

    def _progress(self, event: Any) -> None:
        if state := self.steps.get(event.step):
            state.progressed(event.at, event.done, event.total, event.unit)
            state.note = event.note

    def _log(self, event: Any) -> None:
        self.log.append((event.step, event.text))

    def _finished(self, event: Any) -> None:
        if self.question is not None and self.question.step == event.step:
            self.question = None
        if state := self.steps.get(event.step):
            state.state, state.seconds, state.error = event.outcome, event.seconds, event.error

    def _asked(self, event: Any) -> None:
        self._log(event)
        self.question = event

    def _answered(self, event: Any) -> None:
        self._log(event)
        self.question = None

    def _retrying(self, event: Any) -> None:
        if state := self.steps.get(event.step):
            state.state, state.error = "retrying", event.error


_APPLY = {
    "operation": Progress._operation,
    "step-started": Progress._started,
    "progress": Progress._progress,
    "log": Progress._log,
    "step-finished": Progress._finished,
    "step-retrying": Progress._retrying,
    "question": Progress._asked,
    "answer": Progress._answered,
}
