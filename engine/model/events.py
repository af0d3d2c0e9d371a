"""The one typed stream of an operation: progress pane, `--json` and reports are views of it.

Events are redacted at the source, before they are stored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from engine.model.base import Model
from engine.model.plan import OperationStatus


class _Event(Model):
    seq: int = 0
    """Rises by one within an operation; given by the store."""
    at: datetime
    step: str = ""
    """Id of the planned step it belongs to; empty for the operation itself."""


class OperationChanged(_Event):
    type: Literal["operation"] = "operation"
    status: OperationStatus
    error: dict[str, Any] | None = None


class StepStarted(_Event):
    type: Literal["step-started"] = "step-started"
    title: str
    attempt: int = 1


class StepProgress(_Event):
    type: Literal["progress"] = "progress"
    done: float
    total: float | None = None
    unit: Literal["bytes", "items", "seconds"] = "items"
    note: str = ""


class LogLine(_Event):
    type: Literal["log"] = "log"
    text: str


class StepFinished(_Event):
    type: Literal["step-finished"] = "step-finished"
    outcome: Literal["done", "unchanged", "failed", "cancelled"]
    seconds: float
    error: dict[str, Any] | None = None
    spent: dict[str, float] = Field(default_factory=dict)
    """Seconds by cause within the step: "package-installer", "application-start",
    "provider-task"; what is left is Homeport's own overhead."""


class StepRetrying(_Event):
    type: Literal["step-retrying"] = "step-retrying"
    error: dict[str, Any]
    wait_seconds: float


class QuestionAsked(_Event):
    """The step waits for a person. Asked again by each run of the step that still waits."""

    type: Literal["question"] = "question"
    question: Literal["hold"] = "hold"
    text: str
    until: datetime | None = None
    """It goes on by itself then."""


class QuestionAnswered(_Event):
    type: Literal["answer"] = "answer"
    question: Literal["hold"] = "hold"
    text: str


Event = Annotated[
    OperationChanged
    | StepStarted
    | StepProgress
    | LogLine
    | StepFinished
    | StepRetrying
    | QuestionAsked
    | QuestionAnswered,
    Field(discriminator="type"),
]
event_adapter: TypeAdapter[Event] = TypeAdapter(Event)
