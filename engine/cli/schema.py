"""`homeport schema VERB`: what can be done with schemas of options, one module per verb."""

from __future__ import annotations

import argparse
import importlib

VERBS = {
    "diff": ("engine.cli.schema_diff", "what differs between two schemas, and what to do"),
    "import-nixos": ("engine.cli.schema_import_nixos", "options of a NixOS release as a schema"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module, summary) in VERBS.items():
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


def run(options: argparse.Namespace) -> int:
    status: int = importlib.import_module(VERBS[options.verb][0]).run(options)
    return status
