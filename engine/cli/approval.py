"""Showing a plan, asking for approval, and carrying it out: the same for every change."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from engine.cli import output
from engine.cli.watch import watch
from engine.homeport import Homeport
from engine.if_it_fails import way_back
from engine.model.forecast import Forecast
from engine.model.plan import Effect, Plan

NOT_APPROVED = 3
_MARKS = {Effect.READ: " ", Effect.CREATE: "+", Effect.CHANGE: "~", Effect.DELETE: "-"}


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--plan", action="store_true", help="show the plan and change nothing")
    choice.add_argument("--yes", action="store_true", help="apply the plan without asking")
    parser.add_argument("--detach", action="store_true", help="do not watch the operation")


def show_plan(plan: Plan) -> None:
    """The plan for a reader: what goes first, what comes, what changes, counts last."""
    output.line(f"{plan.intent.value} {plan.name}: {plan.application} {plan.release}")
    origin = plan.rollback.provider if plan.rollback else plan.provider
    way = "at" if origin == plan.provider else f"from {origin} to"
    output.line(f"  {way} {plan.provider} as {plan.domain}")
    for step in plan.deletes:
        output.line(f"  - will be deleted: {step.subject or step.title}")
    for step in plan.steps:
        if step.effect is not Effect.DELETE:
            subject = f"  {step.subject}" if step.subject else ""
            output.line(f"  {_MARKS[step.effect]} {step.title}{subject}")
        if step.id == plan.no_return:
            output.line("  = point of no return: from here on it only goes forward")
    for change in plan.changes:
        output.line(f"  ~ {change.path}: {_shown(change.old)} -> {_shown(change.new)}")
    for told in _foreseen(plan.forecast) if plan.forecast else ():
        output.line(f"  # {told}")
    for warning in plan.warnings:
        output.line(f"  ! {warning}")
    if plan.rollback is not None:
        output.line(f"  < if it fails{way_back(plan)}")
    counts = {effect: sum(step.effect is effect for step in plan.steps) for effect in Effect}
    seconds = sum(step.expected_seconds for step in plan.steps)
    output.line(
        f"{counts[Effect.CREATE]} to create, {counts[Effect.CHANGE]} to change, "
        f"{counts[Effect.DELETE]} to delete; about {seconds:.0f} s; plan {plan.hash[:12]}"
    )


def _foreseen(forecast: Forecast) -> Iterator[str]:
    """How much there is, and how long each phase takes, those away marked."""
    for unit in forecast.units:
        yield f"{unit.unit} ({unit.kind}): {unit.items} items, {unit.bytes / 1e6:.1f} MB"
    yield ", ".join(
        f"{phase.phase} {phase.seconds:.1f} s{' (away)' if phase.is_away else ''}"
        for phase in forecast.phases
    )


def _shown(value: object) -> str:
    return "(not set)" if value is None else str(value)


def settle(homeport: Homeport, plan: Plan, options: argparse.Namespace) -> int:
    """Show, ask and apply as the options say; the exit status."""
    if options.plan or plan.is_empty:
        if options.json:
            output.emit_json({"plan": plan.model_dump(mode="json"), "hash": plan.hash})
        elif plan.is_empty:
            output.line("nothing to change")
        else:
            show_plan(plan)
        return 0
    if not options.json:
        show_plan(plan)
    if not options.yes and not approved():
        output.line("Not applied. Approve it with --yes.")
        return NOT_APPROVED
    operation = homeport.apply(plan, plan.hash)
    if not options.detach:
        return watch(homeport, operation.id, as_json=options.json)
    if options.json:
        output.emit_json(operation.model_dump(mode="json"))
    else:
        output.line(f"operation {operation.id} runs; watch it: homeport attach {operation.id}")
    return 0


def approved() -> bool:
    """Whether somebody at the terminal says yes; without one nobody does."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return input("Apply this plan? Type yes: ").strip() == "yes"
