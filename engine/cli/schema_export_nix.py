"""`homeport schema export-nix VALUES --prefix PATH -o FILE`: values for a NixOS module."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.cli.documents import read_document
from engine.errors import InvalidInput
from engine.nix.literals import NotALiteral
from engine.nix.module import module_json, module_text

EPILOG = """\
A module is put among the imports of a configuration. The JSON is read by a module that says
{ config = builtins.fromJSON (builtins.readFile ./values.json); }
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("values", metavar="VALUES", help="JSON, YAML or TOML; - for standard input")
    parser.add_argument("--prefix", default="", help="for example services.mastodon")
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of standard output")
    parser.add_argument("--as", choices=("module", "json"), default="module", dest="form")


def run(options: argparse.Namespace) -> int:
    values = read_document(options.values)
    if not isinstance(values, dict):
        raise InvalidInput("the values are not a mapping of options", on=options.values)
    prefix = tuple(part for part in options.prefix.split(".") if part)
    write = module_text if options.form == "module" else module_json
    try:
        text = write(values, prefix)
    except (NotALiteral, ValueError) as error:
        raise InvalidInput(
            "Nix has no such value", on=options.values, why=str(error), left="nothing was written"
        ) from error
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0
