"""`homeport identity import FILE`: what others confirmed is added to the ledger."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from engine.cli import output
from engine.errors import InvalidInput
from engine.homeport import Homeport

EPILOG = "What is there already is not added again; nothing is ever removed."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="as `homeport identity export` writes it; - reads stdin")


def run(options: argparse.Namespace) -> int:
    from forms.upgrade import Ledger

    try:
        text = sys.stdin.read() if options.file == "-" else Path(options.file).read_text("utf-8")
        ledger = Ledger.from_data(yaml.safe_load(text))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidInput(
            "the ledger cannot be read",
            on=options.file,
            why=str(error),
            left="nothing was added",
            do="Give a file that `homeport identity export` wrote.",
        ) from error
    with Homeport.open() as homeport:
        added = homeport.add_to_ledger(ledger)
    if options.json:
        output.emit_json({"records": len(ledger.records), "added": added})
    else:
        output.line(f"{added} of {len(ledger.records)} records were new")
    return 0
