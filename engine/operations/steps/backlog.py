"""What waits in the queues of an application that has moved: watched until it is as little as it
was before. It serves by then, and nothing is undone for a queue that stays long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from engine.errors import RemoteFailure
from engine.methods.place import Place
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.operations.steps.secret_steps import secret_path
from engine.state.protocols import Ground, HasBacklog
from engine.state.registry import state_kind
from engine.state.units import units_of

_LEEWAY = 10
"""Messages more than before that are nothing to wait for; a tenth where that is more."""
_LOOK_SECONDS = 1.0
_LOOKS = 2
"""In succession: right after the start, what piled up may not have come in yet."""


@handles("backlog.watch@1")
def watch(ctx: StepContext) -> StepOutcome:
    """args: units; seconds, after which it is told how much waits, and the move goes on. Its
    output has for each unit how many waited before and wait now, and whether that is as usual."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    ground = Ground(place, ctx.backends.secrets, secret_path(ctx))
    deadline = time.monotonic() + float(ctx.step.args["seconds"])
    found: dict[str, Any] = {}
    for unit in (unit for unit in units_of(place) if unit.id in ctx.step.args["units"]):
        kind = state_kind(unit.kind)
        assert isinstance(kind, HasBacklog)
        before = int((ctx.output_of(f"state.seed.{unit.id}") or {}).get("backlog", 0))

        def count(kind: HasBacklog = kind, unit: Any = unit) -> int:
            ctx.raise_if_cancelled()
            return kind.backlog(unit, ground)

        try:
            now, usual = wait_until_usual(count, before, deadline, ctx.log)
        except RemoteFailure as failure:
            ctx.log(f"{unit.id}: nobody can tell how much waits: {failure.why}")
            continue
        word = "as before the move" if usual else "more than before the move; look at its workers"
        ctx.log(f"{unit.id}: {now} wait, {before} did before: {word}")
        found[unit.id] = {"before": before, "now": now, "usual": usual}
    return StepOutcome(changed=False, output={"backlog": found})


def wait_until_usual(
    count: Callable[[], int],
    before: int,
    deadline: float,
    log: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, bool]:
    """How many wait in the end, and whether that is as many as usual. deadline: of clock."""
    most, looks, told = before + max(_LEEWAY, before // 10), 0, -1
    while True:
        now = count()
        looks = looks + 1 if now <= most else 0
        if looks == _LOOKS or clock() > deadline:
            return now, looks > 0
        if not looks and now != told:
            log(f"{now} wait; {before} did before")
            told = now
        sleep(_LOOK_SECONDS)
