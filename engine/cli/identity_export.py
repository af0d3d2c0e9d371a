"""`homeport identity export [APPLICATION]`: the ledger as a file that `import` reads, or as a
contribution to an application's package."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from engine.cli import output
from engine.errors import InvalidInput
from engine.homeport import Homeport

EPILOG = (
    "With --contribution: what was confirmed of one application, as the migrations.yaml of its\n"
    "package has it, for its maintainers to look at."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", nargs="?", help="by default all")
    parser.add_argument("-o", "--output", metavar="FILE", help="by default standard output")
    parser.add_argument("--contribution", action="store_true", help="as a package's migrations")


def run(options: argparse.Namespace) -> int:
    if options.contribution and not options.application:
        raise InvalidInput(
            "a contribution is for one application",
            do="Name it: homeport identity export APPLICATION --contribution",
        )
    with Homeport.open() as homeport:
        ledger = homeport.ledger(options.application)
    data: Any = (
        ledger.contribution(options.application) if options.contribution else ledger.to_data()
    )
    if options.json:
        output.emit_json(data)
        return 0
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    if not options.output:
        output.line(text.rstrip())
        return 0
    try:
        Path(options.output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            "the ledger cannot be written", on=options.output, why=str(error)
        ) from error
    output.line(f"{options.output}: written")
    return 0
