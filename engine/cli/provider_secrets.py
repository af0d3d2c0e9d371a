"""`homeport providers secrets NAME --to STORE`, `... --drop STORE`, `homeport providers policy
NAME`: where a provider's secrets lie, who may read them, and moving them elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from engine.cli import output
from engine.cli.approval import NOT_APPROVED, approved
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.provider import BackendProfile, Service
from engine.planning.store_move import StoreMove

ReadSecrets = Callable[[BackendProfile], Mapping[str, str]]
"""Asks for the values that a store's settings refer to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deployment", default="", help="only the policy of this one (policy)")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--to", metavar="STORE", help="move them there: sealed, or a file (secrets)"
    )
    choice.add_argument(
        "--drop", metavar="STORE", help="remove the old copies from there (secrets)"
    )
    agree = parser.add_mutually_exclusive_group()
    agree.add_argument("--plan", action="store_true", help="show and change nothing (secrets)")
    agree.add_argument("--yes", action="store_true", help="do it without asking (secrets)")


def policy(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        text = homeport.secret_stores.policies(options.subject, options.deployment)
    if options.json:
        output.emit_json({"provider": options.subject, "commands": text})
    else:
        output.line(text)
    return 0


def secrets(options: argparse.Namespace, read_secrets: ReadSecrets) -> int:
    if not (options.to or options.drop):
        with Homeport.open() as homeport:
            store = homeport.provider(options.subject).backends[Service.SECRETS]
        if options.json:
            output.emit_json(store.model_dump(mode="json"))
        else:
            output.document(store.model_dump(mode="json"))
        return 0
    store = read_store(options.to or options.drop)
    with Homeport.open() as homeport:
        desk = homeport.secret_stores
        make = desk.plan_move if options.to else desk.plan_drop
        plan = make(options.subject, store)
        if not options.json:
            _show(plan)
        if not options.plan and not (options.yes or approved()):
            output.line("Not applied. Approve it with --yes.")
            return NOT_APPROVED
        if not options.plan:
            if options.to:
                desk.move(plan, plan.hash, read_secrets(store))
            else:
                desk.drop(plan, plan.hash)
    if options.json:
        done = {"plan": plan.model_dump(mode="json"), "hash": plan.hash, "done": not options.plan}
        output.emit_json(done)
    elif not options.plan:
        _tell(plan, options)
    return 0


def _show(plan: StoreMove) -> None:
    way = "copied to" if plan.action == "copy" else "removed from"
    output.line(f"secrets of {plan.provider}: {len(plan.paths)} {way} {plan.store.kind}")
    for path in plan.paths:
        output.line(f"  {'+' if plan.action == 'copy' else '-'} {path}")
    for name in plan.held_back:
        output.line(f"  ! {name}: kept, another provider uses them there")
    if plan.action == "copy":
        output.line(f"  ~ {plan.provider} uses {plan.store.kind} once all were read back")


def _tell(plan: StoreMove, options: argparse.Namespace) -> None:
    if plan.action == "drop":
        output.line(f"{len(plan.paths)} old copies are removed")
        return
    output.line(
        f"{len(plan.paths)} secrets are at their new place, and {plan.provider} uses it. The old "
        "copies are kept; when you are content: "
        f"homeport providers secrets {options.subject} --drop OLD-STORE"
    )


def read_store(text: str) -> BackendProfile:
    """ "sealed", or a YAML file with `kind` and `settings` as a provider's profile has them."""
    if text == "sealed":
        return BackendProfile(kind="sealed")
    try:
        return BackendProfile.model_validate(yaml.safe_load(Path(text).read_text()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        why = str(error) if isinstance(error, OSError) else "it has no 'kind' and 'settings'"
        raise InvalidInput(
            "this is not a store of secrets",
            on=text,
            why=why,
            do="Say sealed, or name a YAML file with 'kind: openbao' and its 'settings'.",
        ) from None
