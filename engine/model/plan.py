"""A plan: what would be done, step by step. Computing one changes nothing.

The plan is data. Approval binds its hash; the operation that carries it out is an
interpreter of its steps, so it outlives an update of Homeport (design.md, section 5).
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from engine.model.base import Model
from engine.model.forecast import Forecast
from engine.model.record import RecordSet

FORMAT = 1
"""Version of the plan format; the pinned application version of durable operations."""


class Intent(StrEnum):
    DEPLOY = "deploy"
    RECONFIGURE = "reconfigure"
    ROTATE = "rotate"
    UPGRADE = "upgrade"
    ROLLBACK = "rollback"
    BACKUP = "backup"
    RESTORE = "restore"
    DRILL = "drill"
    PROBE = "probe"
    MIGRATE = "migrate"
    REVERT = "revert"
    CONFIRM = "confirm"
    DESTROY = "destroy"


class Effect(StrEnum):
    """What a step does to the thing it names; deletes are listed first to the reader."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


class PlannedStep(Model):
    """One idempotent, journaled unit.

    id: unique in the plan ("guest"). kind: versioned handler ("guest.ensure@1").
    args: identifiers and secret references only. after: ids of steps to wait for.
    """

    id: str
    kind: str
    title: str
    effect: Effect
    subject: str = ""
    """What it acts on, in the user's words: "guest radicale-1 (1 core, 512 MiB)"."""
    args: dict[str, Any] = Field(default_factory=dict)
    after: tuple[str, ...] = ()
    expected_seconds: float = 1.0
    at: str = ""
    """Name of the provider that it acts at; empty: the plan's own."""


class Change(Model):
    """One option whose value this plan changes. Secret values are shown as `(secret)`."""

    path: str
    old: Any = None
    new: Any = None


class Plan(Model):
    format: int = FORMAT
    intent: Intent
    deployment: str
    """Id of the deployment."""
    name: str
    application: str
    release: str
    provider: str
    domain: str
    values: dict[str, Any] = Field(default_factory=dict)
    """The deployment's values after this plan."""
    records: tuple[RecordSet, ...] | None = None
    """What its owner added in DNS, after this plan; None: as it is."""
    steps: tuple[PlannedStep, ...] = ()
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    rollback: Plan | None = None
    """What takes this plan back, carried out by the same operation if it ends otherwise than
    well. Its release and values are those to go back to; its steps' ids are none of `steps`."""
    rollback_from: str = ""
    """Id of the step from whose beginning on there is something to take back."""
    no_return: str = ""
    """Id of the step from whose end on nothing is taken back: what follows is only resumed."""
    forecast: Forecast | None = None
    """What it foresees; informs the reader and changes nothing of what is done."""

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of everything in the plan, as hex."""
        words = self.model_dump(mode="json")
        if self.rollback is None:
            # A plan without a way back is hashed as it was before plans could have one.
            del words["rollback"], words["rollback_from"]
        _leave_out_what_came_later(words)
        text = json.dumps(words, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def is_empty(self) -> bool:
        """True where carrying it out would change nothing."""
        return all(step.effect is Effect.READ for step in self.steps)

    @property
    def rollback_ids(self) -> frozenset[str]:
        """Ids of the steps that take this plan back."""
        return frozenset(step.id for step in self.rollback.steps) if self.rollback else frozenset()

    @property
    def deletes(self) -> tuple[PlannedStep, ...]:
        return tuple(step for step in self.steps if step.effect is Effect.DELETE)


def _leave_out_what_came_later(words: dict[str, Any]) -> None:
    """Plans that do not use them are hashed as they were before there were these fields."""
    if not words["no_return"]:
        del words["no_return"]
    if words["forecast"] is None:
        del words["forecast"]
    if words["records"] is None:
        del words["records"]
    for step in words["steps"]:
        if not step["at"]:
            del step["at"]
    if words.get("rollback"):
        _leave_out_what_came_later(words["rollback"])


class OperationStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (self.SUCCEEDED, self.FAILED, self.CANCELLED)


class Operation(Model):
    """One durable run of a plan."""

    id: str
    plan: Plan
    status: OperationStatus
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    error: dict[str, Any] | None = None
    """HomeportError.describe() of what ended it, where it failed."""
    attempt: int = 1
    """Rises with every retry; finished steps of earlier attempts are not run again."""
