"""`homeport state VERB`: the state of OpenTofu and Terraform, kept in OpenBao."""

from __future__ import annotations

import argparse

from engine.cli.verbs import add_verbs, run_verb

VERBS = {
    "policy": ("engine.cli.state_policy", "what OpenBao's administrator has to run once"),
    "grant": ("engine.cli.state_grant", "give a user access to a state, and make it"),
    "revoke": ("engine.cli.state_revoke", "take a user's access to a state away"),
    "serve": ("engine.cli.state_serve", "the service that OpenTofu's http backend talks to"),
    "list": ("engine.cli.state_list", "states, who holds them, and who may use them"),
    "history": ("engine.cli.state_history", "every version of a state"),
    "rollback": ("engine.cli.state_rollback", "go back to an older version of a state"),
    "unlock": ("engine.cli.state_unlock", "take away the lock of a holder that is dead"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_verbs(parser, VERBS)


def run(options: argparse.Namespace) -> int:
    return run_verb(options, VERBS)
