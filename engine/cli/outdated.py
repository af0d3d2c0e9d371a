"""`homeport outdated`: deployments with a newer release in the catalog, and what it asks."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import Homeport

_MOST_SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="name or id of one deployment")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        found = homeport.outdated(options.name)
    if options.json:
        output.emit_json(
            [
                {
                    "name": one.deployment.name,
                    "application": one.deployment.application,
                    "release": one.deployment.release,
                    "newest": one.release,
                    "releases": one.releases,
                    "changed": one.changed,
                    "new": one.new,
                    "by_itself": one.by_itself,
                    "attention": list(one.attention),
                }
                for one in found
            ]
        )
        return 0
    if not found:
        output.line("Everything runs the newest release in the catalog.")
        return 0
    output.table(
        ("NAME", "APPLICATION", "RUNS", "NEWEST", "CHANGES", "NEEDS YOU"),
        (
            (
                one.deployment.name,
                one.deployment.application,
                one.deployment.release,
                one.release,
                f"{one.new} new, {one.by_itself} by themselves",
                _attention(one.attention),
            )
            for one in found
        ),
    )
    output.line("See what becomes of your options: homeport upgrade NAME --plan")
    return 0


def _attention(paths: tuple[str, ...]) -> str:
    if not paths:
        return "nothing"
    more = f" and {len(paths) - _MOST_SHOWN} more" if len(paths) > _MOST_SHOWN else ""
    return ", ".join(paths[:_MOST_SHOWN]) + more
