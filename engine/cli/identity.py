"""`homeport identity VERB`: which option of a release is which of another."""

from __future__ import annotations

import argparse

from engine.cli.verbs import add_verbs, run_verb

VERBS = {
    "match": ("engine.cli.identity_match", "candidates for the options of a new release"),
    "export": ("engine.cli.identity_export", "what people confirmed, for others"),
    "import": ("engine.cli.identity_import", "take over what others confirmed"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_verbs(parser, VERBS)


def run(options: argparse.Namespace) -> int:
    return run_verb(options, VERBS)
