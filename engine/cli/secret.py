"""`homeport secret NAME [SECRET]`: the names of a deployment's secrets, or one value."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("secret", nargs="?", help="which one to show; without it: their names")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if options.secret is None:
            names = homeport.secrets(options.name)
            if options.json:
                output.emit_json(names)
            else:
                for name in names:
                    output.line(name)
            return 0
        value = homeport.reveal_secret(options.name, options.secret)
    if options.json:
        output.emit_json({"secret": options.secret, "value": value})
    else:
        output.line(value)
    return 0
