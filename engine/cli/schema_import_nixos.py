"""`homeport schema import-nixos OPTIONS --prefix PATH -o FILE`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engine.cli import output
from engine.errors import InvalidInput
from engine.nix.markers import Marker, Unresolved, read_directory
from engine.nix.options import Summary, schema_of

EPILOG = """\
Defaults and examples that are expressions stay text: nothing is evaluated. What could not be
typed, and markers that could not be resolved, are counted and named on standard error.

--markers FILE is a JSON list of objects with kind (renamed, alias, changed, merged, removed),
old (list of paths, each a list of names), new (a path; none for removed) and text.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("listing", metavar="OPTIONS", help="options.json of a NixOS release")
    parser.add_argument("--prefix", default="", help="for example services.mastodon")
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of standard output")
    parser.add_argument("--modules", metavar="DIR", help="read rename markers from these modules")
    parser.add_argument("--markers", metavar="FILE", help="rename markers as JSON")


def run(options: argparse.Namespace) -> int:
    listing = _read(options.listing)
    if not isinstance(listing, dict):
        raise InvalidInput("this is no options listing", on=options.listing)
    markers = _given_markers(options.markers) if options.markers else []
    unresolved: list[Unresolved] = []
    if options.modules:
        if not Path(options.modules).is_dir():
            raise InvalidInput("there is no such directory", on=options.modules)
        found, unresolved = read_directory(Path(options.modules))
        markers += found
    prefix = tuple(part for part in options.prefix.split(".") if part)
    schema, summary = schema_of(listing, prefix, markers)
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
    else:
        output.line(text.rstrip("\n"))
    _report(summary, unresolved)
    return 0


def _report(summary: Summary, unresolved: list[Unresolved]) -> None:
    lines = [
        f"{summary.options} options, {summary.typed} typed, "
        f"{summary.options - summary.typed} with a free value in them; "
        f"{summary.renamed} old names; {len(unresolved)} markers not resolved",
        *(
            (
                f"{summary.markers_elsewhere} markers have paths outside of the prefix "
                "(those inside submodules do) and were not used",
            )
            if summary.markers_elsewhere
            else ()
        ),
        *summary.notes,
        *(f"{text}: its option is not in the listing" for text in summary.unused_markers),
        *(f"{item.file}:{item.line}: {item.function} is computed" for item in unresolved),
    ]
    for line in lines:
        print(line, file=sys.stderr)


def _read(file: str) -> Any:
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput("the file cannot be read as JSON", on=file, why=str(error)) from error


def _given_markers(file: str) -> list[Marker]:
    try:
        return [
            Marker(
                kind=str(item["kind"]),
                old=tuple(tuple(map(str, path)) for path in item["old"]),
                new=tuple(map(str, item.get("new") or ())),
                text=str(item.get("text", "")),
                file=file,
            )
            for item in _read(file)
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInput("these are no markers", on=file, why=str(error)) from error
