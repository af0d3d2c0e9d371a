"""What an operation that is over came to, and what to do next: one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.progress import Progress
from tui.text import Line, labelled

if TYPE_CHECKING:
    from engine.model.move import Move
    from engine.model.plan import Plan


def outcome(progress: Progress) -> str:
    """What happened."""
    plan = progress.operation.plan
    if progress.status == "succeeded":
        if plan.records is not None:
            return f"{plan.name} has these records in DNS, at every name server."
        done = {
            "rotate": f"{plan.name} runs with other passwords and keys; the old ones are gone",
            "deploy": f"{plan.name} answers as {plan.domain}",
            "destroy": f"{plan.name} and all that it owned is gone",
            "upgrade": f"{plan.name} runs release {plan.release}, with its data",
            "rollback": f"{plan.name} runs release {plan.release} again, with the data of then",
            "backup": f"the backup of {plan.name} is in its repository; {plan.name} runs on",
            "restore": f"{plan.name} runs release {plan.release} with the backup's data",
            "drill": "the backup started and answered; its throw-away guest is gone",
            "probe": f"{plan.application} was used and looked at; its throw-away guest is gone",
            "migrate": f"{plan.name} serves at {plan.provider}, with all of its state",
            "revert": f"{plan.name} serves at {plan.provider} again",
            "confirm": f"{plan.name} stays at {plan.provider}; the other side is gone",
        }
        return done.get(plan.intent.value, f"{plan.name} runs with its new configuration") + "."
    if was_taken_back(progress):
        if plan.intent.value == "drill":
            return "The backup did not prove itself; its throw-away guest is gone."
        if plan.intent.value == "probe":
            return "It was not looked at to the end; its throw-away guest is gone."
        return f"It was taken back: {plan.name} runs as it did before, with its data."
    if progress.status == "cancelled":
        return "It stopped as you asked. What was finished is still there."
    return "It failed. What was finished is still there; t tries again from there."


def was_taken_back(progress: Progress) -> bool:
    """Its own way back was gone to the end."""
    back = [progress.steps.get(step) for step in progress.operation.plan.rollback_ids]
    return bool(back) and all(step and step.state in ("done", "unchanged") for step in back)


def is_past_return(progress: Progress) -> bool:
    """The step after which a move only goes forward is done."""
    step = progress.steps.get(progress.operation.plan.no_return)
    return step is not None and step.state in ("done", "unchanged")


def cancelling_means(progress: Progress) -> str:
    """What becomes of it if it is cancelled now."""
    plan = progress.operation.plan
    if is_past_return(progress):
        if plan.intent.value == "rotate":
            return f"{plan.name} runs on with what is new; what is old goes when t goes on."
        return "it stops where it is, with nobody answered; only going on helps then."
    if plan.rollback is not None and _has_begun(progress):
        if plan.rollback.provider != plan.provider:
            return f"it is taken back, and {plan.name} serves on at {plan.rollback.provider}."
        return "it is taken back."
    return "what is finished stays; t goes on from there."


def _has_begun(progress: Progress) -> bool:
    """There is something to take back."""
    first = progress.steps.get(progress.operation.plan.rollback_from)
    return first is not None and first.state != "waiting"


def next_lines(progress: Progress, move: Move | None, width: int) -> list[Line]:
    """What to do now. move: the deployment's, where it is known."""
    plan = progress.operation.plan
    if progress.status == "succeeded":
        return _after_success(plan, move, width)
    if plan.intent.value in ("migrate", "revert") and is_past_return(progress):
        said = "t goes on from where it stopped. Nobody is answered until then"
        said += "; or Enter opens its page, where v goes back." if plan.no_return else "."
        return labelled(" next", said, width)
    if plan.intent.value == "migrate" and was_taken_back(progress):
        said = f"{plan.provider} keeps what was made there. Enter opens its page: m moves again, "
        return labelled(" next", f"{said}c removes what is kept.", width)
    return []


def _after_success(plan: Plan, move: Move | None, width: int) -> list[Line]:
    lines: list[Line] = []
    if plan.intent.value == "migrate" and move is not None:
        if move.downtime_seconds is not None:
            away = f"for {move.downtime_seconds:.1f} s, from the freeze to its first answer"
            lines += labelled(" away", away, width)
        kept = f"{move.source} keeps its side, fenced. Look at the application, then settle it."
        lines += labelled(" kept", kept, width)
    following = {
        "deploy": "Enter opens its page: address, account, password. n there backs it up.",
        "upgrade": "Enter opens its page; b there takes the upgrade back, data included.",
        "migrate": "Enter opens its page: c there confirms that it stays, v goes back.",
        "revert": "Enter opens its page; c there removes what the other side still keeps.",
        "confirm": "Back it up where it is now: Enter opens its page, n there makes a backup.",
        "backup": "Enter shows its backups: open one to restore it, or to prove that it starts.",
        "restore": "Enter opens its page. Look whether all is there that should be.",
        "drill": "Enter shows the backup.",
    }
    said = following.get(plan.intent.value)
    return [*lines, *labelled(" next", said, width)] if said else lines
