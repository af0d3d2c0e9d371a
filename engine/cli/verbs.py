"""Commands with verbs of their own (`homeport schema diff`): one module per verb, which has
EPILOG, `add_arguments` and `run`."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping

Verbs = Mapping[str, tuple[str, str]]
"""Name -> (module, summary)."""


def add_verbs(parser: argparse.ArgumentParser, known: Verbs) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module, summary) in known.items():
        verb = importlib.import_module(module)
        sub = verbs.add_parser(
            name,
            help=summary,
            description=f"{summary.capitalize()}.",
            epilog=verb.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(sub)
        # without a default: `homeport schema --json diff` is read by the parser above
        sub.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print JSON"
        )


def run_verb(options: argparse.Namespace, known: Verbs) -> int:
    status: int = importlib.import_module(known[options.verb][0]).run(options)
    return status
