"""`homeport providers add|edit NAME`: a provider by questions; full screen where there is a
terminal for it, by prompts (`--plain`), or without a person (`--answers`)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.cli import output
from engine.cli.checks import emit_checks, has_failed, print_checks
from engine.errors import InvalidInput
from engine.homeport import Homeport

if TYPE_CHECKING:
    from engine.model.provider import Check
    from engine.provider_setup.desk import SetupDesk
    from engine.provider_setup.draft import SetupDraft

open_screen: Callable[[str], int] | None = None
"""Opens a page of the interface ("add_provider:NAME", "edit_provider:NAME"); set by the console
script, where there is a terminal for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--plain", action="store_true", help="ask by prompts, line by line (add, edit)"
    )
    how.add_argument(
        "--answers",
        metavar="FILE",
        help="take the answers from there and ask nothing (add, edit): lines such as "
        "`zone = example.org`, `hypervisor = proxmox`, `hypervisor.storage = local-lvm`, or a "
        "YAML or JSON mapping of the same; - reads standard input",
    )
    parser.add_argument(
        "--unproven",
        action="store_true",
        help="save it though its check fails (add, edit)",
    )


def set_up(options: argparse.Namespace) -> int:
    """What `add` and `edit` do with a name, or without one."""
    name: str = options.subject or ""
    if options.answers:
        from engine.cli.provider_answers import answered

        with Homeport.open() as homeport:
            desk = homeport.provider_setup
            draft = answered(desk, opened(desk, options), options)
            return _settle(desk, draft, options)
    if options.plain or open_screen is None:
        from engine.cli.provider_prompts import ask_all

        with Homeport.open() as homeport:
            return ask_all(homeport.provider_setup, options)
    return open_screen(f"{options.what}_provider:{name}")


def opened(desk: SetupDesk, options: argparse.Namespace) -> SetupDraft:
    """The draft that is asked for."""
    if not options.subject:
        raise InvalidInput(
            "the provider has no name yet", do=f"Name it: homeport providers {options.what} NAME"
        )
    return desk.revise(options.subject) if options.what == "edit" else desk.begin(options.subject)


def _settle(desk: SetupDesk, draft: SetupDraft, options: argparse.Namespace) -> int:
    checks = desk.check(draft)
    failed = has_failed(checks)
    if not options.json:
        print_checks(checks)
    elif failed and not options.unproven:
        emit_checks(checks)
        return 1
    desk.save(draft, checks, unproven=options.unproven)
    tell_saved(draft.name, checks, as_json=options.json)
    return 1 if failed else 0


def tell_saved(name: str, checks: list[Check], *, as_json: bool = False) -> None:
    if as_json:
        emit_checks(checks)
    elif has_failed(checks):
        output.line(f"provider {name} is saved, though it was not seen working")
    else:
        output.line(
            f"provider {name} is saved; deploy there: homeport deploy APP --provider {name}"
        )
