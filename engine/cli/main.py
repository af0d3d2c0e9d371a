"""Reading the command line and handing it to the command that it names."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from engine.cli.output import report_error
from engine.errors import HomeportError, InvalidInput

COMMANDS = {
    "catalog": ("engine.cli.catalog", "applications that can be deployed"),
    "providers": ("engine.cli.providers", "hosting providers, and what is missing at them"),
    "deploy": ("engine.cli.deploy", "put an application onto a provider"),
    "configure": ("engine.cli.configure", "change the options of a deployment"),
    "resize": ("engine.cli.resize", "give a deployment's guest another size"),
    "rotate": ("engine.cli.rotate", "give a deployment other passwords and keys"),
    "records": ("engine.cli.records", "a deployment's records for mail and the like, in its zone"),
    "upgrade": ("engine.cli.upgrade", "bring a deployment to a newer release"),
    "review": ("engine.cli.review", "what an upgrade makes of a configuration in a file"),
    "rollback": ("engine.cli.rollback", "take a deployment's last upgrade back, with its data"),
    "migrate": ("engine.cli.migrate", "move a deployment to another provider, with its state"),
    "continue": ("engine.cli.go_on", "let a move that waits before the freeze begin now"),
    "report": ("engine.cli.report", "write down what a move did, for whoever it is owed to"),
    "revert": ("engine.cli.revert", "take a deployment's move back: the old side serves again"),
    "confirm": ("engine.cli.confirm", "settle a deployment's move: the other side is removed"),
    "outdated": ("engine.cli.outdated", "deployments with a newer release, and what it asks"),
    "backup": ("engine.cli.backup", "bring a deployment's state into a repository"),
    "restore": ("engine.cli.restore", "bring a deployment back to a backup"),
    "drill": ("engine.cli.drill", "prove a backup by starting it on a throw-away guest"),
    "backups": ("engine.cli.backups", "backups in the repositories, and whether they are whole"),
    "repositories": ("engine.cli.repositories", "where backups lie, and what opens them"),
    "destroy": ("engine.cli.destroy", "remove a deployment and everything it owns"),
    "list": ("engine.cli.list", "deployments and how they are"),
    "show": ("engine.cli.show", "one deployment, in full"),
    "secret": ("engine.cli.secret", "show a secret of a deployment"),
    "vars": ("engine.cli.vars", "generated secrets: what makes them, and what was made"),
    "operations": ("engine.cli.operations", "what was done, and what is being done"),
    "attach": ("engine.cli.attach", "watch an operation"),
    "cancel": ("engine.cli.cancel", "stop an operation at its next safe point"),
    "resume": ("engine.cli.resume", "run a stopped operation on from its last finished step"),
    "form": ("engine.cli.form", "fill in a document by a schema of your own"),
    "doctor": ("engine.cli.doctor", "look for what could go wrong on this machine"),
    "schema": ("engine.cli.schema", "compare and convert schemas of options"),
    "infrastructure": ("engine.cli.infrastructure", "what is declared to OpenTofu"),
    "state": ("engine.cli.state", "the state of OpenTofu or Terraform, served and kept safe"),
    "lab": ("engine.cli.lab", "two hosting providers on this machine, for trying out"),
    "identity": ("engine.cli.identity", "which option of a release is which of an older one"),
    "demo": ("engine.cli.demo", "the whole story on a lab of its own, with proof"),
}


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser; only the module of the given command is imported."""
    parser = argparse.ArgumentParser(
        prog="homeport",
        description="Puts server applications on ground you control, and lets them move. "
        "Without a command: the full-screen interface.",
        epilog="Exit status: 0 done; 1 failed; 2 wrong input; 3 not approved; 4 not found; "
        "5 conflict, busy or unsafe; 6 denied; 7 no capacity; 8 the provider or guest failed; "
        "9 may work later; 10 cancelled.",
    )
    parser.add_argument("--version", action="version", version=f"homeport {version('homeport')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name == command:
            importlib.import_module(module).add_arguments(sub)
            sub.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    args = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in args if word in COMMANDS), None)
    parser = build_parser(command)
    options = parser.parse_args(args)
    if options.command is None:
        parser.print_help()
        return InvalidInput.exit_status
    module = importlib.import_module(COMMANDS[options.command][0])
    try:
        status: int = module.run(options)
    except HomeportError as error:
        return report_error(error, as_json=options.json)
    except KeyboardInterrupt:
        print(
            "\nhomeport: stopped watching; an operation that was started goes on", file=sys.stderr
        )
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status
