"""`homeport infrastructure VERB NAME`: what is declared to OpenTofu."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport

_DRIFTED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "drift: what is at the provider and not as declared (status 5 where there is any). "
        "adopt: let OpenTofu take over what Homeport made by itself. "
        "path: the directory where a deployment is declared."
    )
    parser.add_argument("verb", choices=("drift", "adopt", "path"))
    parser.add_argument("name", help="name or id of the deployment")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if options.verb == "adopt":
            return settle(homeport, homeport.plan_resize(options.name), options)
        if options.verb == "path":
            return _path(homeport, options)
        changes = homeport.drift(options.name)
    if options.json:
        output.emit_json([dict(change.record) | {"words": change.words} for change in changes])
    elif not changes:
        output.line(f"{options.name}: all is as it is declared")
    for change in () if options.json else changes:
        output.line(f"to be as declared: {change.words}")
    return _DRIFTED if changes else 0


def _path(homeport: Homeport, options: argparse.Namespace) -> int:
    path = homeport.declaration(options.name)
    if options.json:
        output.emit_json({"path": path})
    else:
        output.line(path or f"{options.name}: it is not declared")
    return 0
