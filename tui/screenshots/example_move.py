"""A move as values: its plan, its events half-way, and where it stands afterwards."""

from __future__ import annotations

from datetime import timedelta

from engine.model.events import Event, OperationChanged, StepFinished, StepProgress, StepStarted
from engine.model.move import Move, MovePhase
from engine.model.plan import Effect, Intent, OperationStatus, Plan, PlannedStep
from tui.screenshots.example_values import CHAT, NOW, operation, plan_for

_MOVE = (
    ("move.check", Effect.READ, "Check the source", "chat runs at harbour-a", 1),
    ("preflight", Effect.READ, "Check the target", "harbour-b", 2),
    ("secrets.copy", Effect.CREATE, "Copy its secrets", "6 secrets, byte for byte", 1),
    ("address.allocate", Effect.CREATE, "Take an address", "from the pool of harbour-b", 1),
    ("guest.ensure", Effect.CREATE, "Create the guest", "chat: 2 cores, 2048 MiB, 20 GiB", 12),
    ("guest.start", Effect.CHANGE, "Start the guest", "guest chat", 15),
    ("app.install", Effect.CREATE, "Install the application", "synapse 1.137.0", 40),
    ("passage.open", Effect.CREATE, "Open a way for the data", "SSH, a key for this move", 2),
    ("state.seed.database", Effect.CREATE, "Copy database while it serves", "database", 95),
    ("state.seed.media", Effect.CREATE, "Copy media while it serves", "media", 80),
    ("source.freeze", Effect.CHANGE, "Stop it at the source", "requests to it wait", 2),
    ("state.delta.database", Effect.CHANGE, "Copy the rest of database", "database", 4),
    ("state.delta.media", Effect.CHANGE, "Copy the rest of media", "media", 1),
    ("state.compare.database", Effect.READ, "Compare database", "database", 3),
    ("state.compare.media", Effect.READ, "Compare media", "media", 2),
    ("source.fence", Effect.CHANGE, "Fence the source", "proven by a failing write", 1),
    ("target.run", Effect.CHANGE, "Start it at the target", "synapse 1.137.0", 4),
    ("move.serving", Effect.READ, "Wait for its answer", "chat.harbour-a.lab", 1),
    ("dns.apply", Effect.CHANGE, "Point the name at the target", "A chat.harbour-a.lab", 3),
    ("app.health", Effect.READ, "Ask it by its public name", "chat.harbour-a.lab", 1),
    ("deployment.settle", Effect.CHANGE, "Say where it lives", "chat lives at harbour-b", 1),
)
_KINDS = {
    "source.freeze": "side.freeze",
    "source.fence": "side.fence",
    "target.run": "app.run",
}
MIB = 1 << 20


def move_plan() -> Plan:
    """Of the chat server, to the other harbour."""
    here = plan_for(CHAT, Intent.RECONFIGURE)
    steps: list[PlannedStep] = []
    for name, effect, title, subject, seconds in _MOVE:
        kind = _KINDS.get(name) or ".".join(name.split(".")[:2])
        steps.append(
            PlannedStep(
                id=name,
                kind=f"{kind}@1",
                title=title,
                effect=effect,
                subject=subject,
                after=(steps[-1].id,) if steps else (),
                expected_seconds=seconds,
            )
        )
    return here.model_copy(
        update={
            "intent": Intent.MIGRATE,
            "provider": "harbour-b",
            "steps": tuple(steps),
            "warnings": (
                "Synapse is away for about 18 s, from the freeze to its first answer at the "
                "target.",
                "harbour-a keeps all of its side until you confirm the move.",
            ),
            "rollback": here.model_copy(update={"intent": Intent.MIGRATE, "steps": ()}),
            "rollback_from": "passage.open",
            "no_return": "source.fence",
        }
    )


MOVING_CHAT = operation(12, move_plan(), OperationStatus.RUNNING, NOW - timedelta(seconds=95), None)
MOVED_CHAT = operation(12, move_plan(), OperationStatus.SUCCEEDED, NOW - timedelta(minutes=31), 264)


def move_of_chat(phase: MovePhase) -> Move:
    """With the target serving since a while."""
    served = NOW - timedelta(minutes=28)
    return Move(
        deployment=CHAT.id,
        source="harbour-a",
        target="harbour-b",
        operation=MOVED_CHAT.id,
        phase=phase,
        writer="harbour-b",
        began=NOW - timedelta(minutes=31),
        changed=served,
        frozen=served - timedelta(seconds=18.4),
        served=served,
    )


def events_of_move() -> list[Event]:
    """Up to the middle of what is copied while the source serves."""
    run = MOVING_CHAT
    clock = run.created
    events: list[Event] = [OperationChanged(at=clock, status=OperationStatus.RUNNING)]
    for step in run.plan.steps[:9]:
        events.append(StepStarted(at=clock, step=step.id, title=step.title))
        clock += timedelta(seconds=9)
        if step.id == "state.seed.database":
            whole = 212 * MIB
            events.append(
                StepProgress(at=clock, step=step.id, done=whole, total=whole, unit="bytes")
            )
        events.append(StepFinished(at=clock, step=step.id, outcome="done", seconds=9))
    media = run.plan.steps[9]
    events.append(StepStarted(at=clock, step=media.id, title=media.title))
    for second in range(1, 9):
        events.append(
            StepProgress(
                at=clock + timedelta(seconds=second),
                step=media.id,
                done=61 * MIB * second,
                total=1940 * MIB,
                unit="bytes",
            )
        )
    return [event.model_copy(update={"seq": number}) for number, event in enumerate(events, 1)]


def events_of_moved() -> list[Event]:
    """To its end; the step before the last one was the longest without an answer."""
    run = MOVED_CHAT
    clock = run.created
    events: list[Event] = [OperationChanged(at=clock, status=OperationStatus.RUNNING)]
    for step in run.plan.steps:
        events.append(StepStarted(at=clock, step=step.id, title=step.title))
        seconds = step.expected_seconds
        clock += timedelta(seconds=seconds)
        events.append(StepFinished(at=clock, step=step.id, outcome="done", seconds=seconds))
    events.append(OperationChanged(at=clock, status=OperationStatus.SUCCEEDED))
    return [event.model_copy(update={"seq": number}) for number, event in enumerate(events, 1)]
