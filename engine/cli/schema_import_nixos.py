"""`homeport schema import-nixos OPTIONS --prefix PATH -o FILE`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from engine.cli import output
from engine.errors import InvalidInput
from engine.nix.evaluator import Limits
from engine.nix.markers import Marker
from engine.nix.modules import ModulesRead, read_modules
from engine.nix.options import Summary, schema_of

EPILOG = """\
Defaults and examples that are expressions stay text: no option is evaluated. What could not be
typed, and markers that could not be resolved, are counted and named on standard error.

--modules DIR is a directory of modules, or a nixpkgs. Where nix-instantiate is installed its
modules are evaluated for their markers, so that computed ones and those inside submodules come
out; without access to the network, to a store or to files outside of DIR (and of nixos and lib
of the nixpkgs that DIR lies in), and within the limits. What fails is read from its source
instead, and said. --read-markers evaluation makes a failure an error, --read-markers sources
evaluates nothing.

--markers FILE is a JSON list of objects with kind (renamed, alias, changed, merged, removed),
old (list of paths, each a list of names), new (a path; none for removed) and text. In paths,
<name> stands for any key of an attribute set and * for any item of a list.
"""
_MOST_LINES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    usual = Limits()
    parser.add_argument("listing", metavar="OPTIONS", help="options.json of a NixOS release")
    parser.add_argument("--prefix", default="", help="for example services.mastodon")
    parser.add_argument("-o", "--output", metavar="FILE", help="instead of standard output")
    parser.add_argument("--modules", metavar="DIR", help="read rename markers from these modules")
    parser.add_argument(
        "--read-markers",
        choices=("auto", "evaluation", "sources"),
        default="auto",
        dest="by",
        help="how they are read from modules (default: auto)",
    )
    parser.add_argument(
        "--time-limit",
        type=_positive,
        default=usual.seconds,
        metavar="SECONDS",
        help=f"for evaluating all modules (default: {usual.seconds}; one module may take "
        f"{usual.module_seconds})",
    )
    parser.add_argument(
        "--memory-limit",
        type=_positive,
        default=usual.memory_mib,
        metavar="MIB",
        help=f"for evaluating modules (default: {usual.memory_mib})",
    )
    parser.add_argument("--markers", metavar="FILE", help="rename markers as JSON")


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 24:
        raise argparse.ArgumentTypeError(f"a whole number above 0 is needed, not {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    listing = _read(options.listing)
    if not isinstance(listing, dict):
        raise InvalidInput("this is no options listing", on=options.listing)
    markers = _given_markers(options.markers) if options.markers else []
    modules = ModulesRead()
    if options.modules:
        limits = Limits(seconds=options.time_limit, memory_mib=options.memory_limit)
        modules = read_modules(Path(options.modules), options.by, limits)
    prefix = tuple(part for part in options.prefix.split(".") if part)
    schema, summary = schema_of(listing, prefix, [*markers, *modules.markers])
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
    else:
        output.line(text.rstrip("\n"))
    _report(summary, modules)
    return 0


def _report(summary: Summary, modules: ModulesRead) -> None:
    counts = [
        f"{summary.options} options, {summary.typed} typed, "
        f"{summary.options - summary.typed} with a free value in them; "
        f"{summary.renamed} old names; {len(modules.unresolved)} markers not resolved"
    ]
    if modules.evaluated:
        counts.append(f"{modules.evaluated} modules evaluated for their markers")
    if summary.markers_elsewhere:
        counts.append(f"{summary.markers_elsewhere} markers are about options of another prefix")
    if summary.markers_unplaced:
        counts.append(
            f"{summary.markers_unplaced} markers are in submodules whose option does not show "
            "in the sources, and were not used"
        )
    lines = [
        *counts,
        *_first(modules.notes),
        *summary.notes,
        *(f"{text}: its option is not in the listing" for text in summary.unused_markers),
        *_first(
            [f"{item.file}:{item.line}: {item.function} is computed" for item in modules.unresolved]
        ),
    ]
    for line in lines:
        print(line, file=sys.stderr)


def _first(lines: list[str]) -> list[str]:
    """As many as can be read: a whole NixOS has hundreds, most of them of other prefixes."""
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"... and {more} more like this"] if more > 1 else lines


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
