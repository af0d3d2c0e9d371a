"""`homeport cancel ID`: the operation stops at its next safe point; nothing is undone."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.approval import show_plan
from engine.cli.watch import watch
from engine.errors import Conflict, InvalidInput
from engine.homeport import Homeport
from engine.model.plan import Intent, Operation, OperationStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", help="id of the operation, or its beginning")
    parser.add_argument(
        "--remove",
        action="store_true",
        help="of a move: when it has stopped, remove what it made at the target",
    )


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        operation = homeport.operation(options.operation)
        if options.remove and operation.plan.intent is not Intent.MIGRATE:
            raise InvalidInput(
                what="only a move leaves something that can be removed so",
                on=f"{operation.id}: {operation.plan.intent.value} {operation.plan.name}",
                left="it goes on",
                do="Cancel it without --remove.",
            )
        homeport.cancel(operation.id)
        if options.remove:
            return _removed(homeport, operation, as_json=options.json)
    if options.json:
        output.emit_json({"operation": operation.id, "cancelling": True})
    else:
        output.line(
            f"operation {operation.id} stops at its next safe point; "
            f"run it on with: homeport resume {operation.id}"
        )
    return 0


def _removed(homeport: Homeport, operation: Operation, *, as_json: bool) -> int:
    """Wait for the end and remove the target's side. Conflict where the move was too far."""
    watch(homeport, operation.id, as_json=as_json)
    name = operation.plan.name
    if homeport.operation(operation.id).status is OperationStatus.SUCCEEDED:
        raise Conflict(
            what="the move came to its end before it could be stopped",
            on=name,
            left=f"{name} serves at {operation.plan.provider}; nothing was removed",
            do=f"To go back: homeport revert {name}",
        )
    plan = homeport.plan_confirm(name)
    if not as_json:
        show_plan(plan)
    return watch(homeport, homeport.apply(plan, plan.hash).id, as_json=as_json)
