"""`homeport schema VERB`: what can be done with schemas of options."""

from __future__ import annotations

import argparse

from engine.cli.verbs import add_verbs, run_verb

VERBS = {
    "diff": ("engine.cli.schema_diff", "what differs between two schemas, and what to do"),
    "export-nix": ("engine.cli.schema_export_nix", "values as a NixOS module, or as JSON for one"),
    "import-nixos": ("engine.cli.schema_import_nixos", "options of a NixOS release as a schema"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_verbs(parser, VERBS)


def run(options: argparse.Namespace) -> int:
    return run_verb(options, VERBS)
