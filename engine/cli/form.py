"""`homeport form SCHEMA [VALUES]`: fill in a document by any JSON Schema.

Full screen where there is a terminal for that, else by plain prompts; with `--answers`, without
a person.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.cli import output
from engine.errors import InvalidInput
from engine.paths import Paths

if TYPE_CHECKING:
    from engine.filling import Filling

open_screen: Callable[[argparse.Namespace], int] | None = None
"""Fills in the form full screen; set by the console script, where there is a terminal for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "schema", metavar="SCHEMA", help="file with a JSON Schema, draft 4 to 2020-12"
    )
    parser.add_argument("values", metavar="VALUES", nargs="?", default="", help="the document")
    parser.add_argument("-o", "--output", metavar="FILE", default="", help="write it there instead")
    parser.add_argument(
        "--format", choices=("json", "yaml", "toml"), help="where no file's name says it"
    )
    parser.add_argument("--plain", action="store_true", help="numbered prompts, line by line")
    parser.add_argument(
        "--answers",
        metavar="FILE",
        help="take the values from there (lines `path = value`, or a YAML or JSON mapping of "
        "paths to values; - reads standard input), ask nothing, and write the document",
    )


def run(options: argparse.Namespace) -> int:
    if options.answers:
        return _answered(options)
    if options.plain or open_screen is None:
        from engine.cli.form_prompts import fill_in_by_prompts

        return fill_in_by_prompts(open_filling(options))
    return open_screen(options)


def open_filling(options: argparse.Namespace) -> Filling:
    """The form that the command line asks for. HomeportError where there cannot be one."""
    from engine.filling import Filling
    from forms.files import Format

    return Filling(
        options.schema,
        options.values,
        options.output,
        wanted=Format(options.format) if options.format else None,
        drafts=Paths.from_environment().state / "forms",
    )


def _answered(options: argparse.Namespace) -> int:
    from engine.cli.documents import read_answers_of
    from forms import path_text
    from forms.answers import apply_answers

    filling = open_filling(options)
    refused = apply_answers(filling.form, read_answers_of(options.answers))
    problems = filling.form.check(filling.form.document())
    written = ""
    if not refused and not problems:
        written = _write(filling, options)
    if options.json:
        output.emit_json(
            {
                "written": written,
                "refused": [
                    {"at": one.place, "option": one.path, "why": one.why} for one in refused
                ],
                "problems": [
                    {"option": path_text(one.path), "message": one.message, "hint": one.hint}
                    for one in problems
                ],
            }
        )
    else:
        for one in refused:
            _complain(f"{one.place}: {one.path}: {one.why}")
        for problem in problems:
            _complain(f"{path_text(problem.path) or 'the document'}: {problem.message}")
        if refused or problems:
            _complain(
                f"nothing was written: {len(refused)} answers were not taken, "
                f"and {len(problems)} options are not right"
            )
    return InvalidInput.exit_status if refused or problems else 0


def _write(filling: Filling, options: argparse.Namespace) -> str:
    """Write the document to its file, or to standard output where it has none."""
    document = filling.form.document()
    if filling.target is None:
        if not options.json:
            sys.stdout.write(filling.text(document))
        return ""
    saved = filling.save(document)
    if saved.kept_as is not None:
        _complain(f"its comments could not be kept; the file as it was is {saved.kept_as}")
    return str(saved.path)


def _complain(text: str) -> None:
    print(f"homeport: {output.printable(text)}", file=sys.stderr)
