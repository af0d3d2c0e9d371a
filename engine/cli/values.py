"""Options given on the command line: `--set path=value`, `--unset path`, `--values FILE`.

Typed text is read by the form model, so the command line and the interface understand the
same words for the same option.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from engine.errors import InvalidInput


def add_value_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="set one option, e.g. server.max_connections=20; may be repeated",
    )
    parser.add_argument(
        "--unset", action="append", default=[], metavar="PATH", help="back to the default"
    )
    parser.add_argument(
        "--values", metavar="FILE", help="YAML or JSON document of options; - reads it from stdin"
    )


def read_values(
    schema: Mapping[str, Any], current: Mapping[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    """The current document with the file and then the single options laid over it.

    InvalidInput names the option that does not exist or the text that does not fit it.
    """
    if not (options.set or options.unset or options.values):
        return dict(current)
    from forms import FormModel

    document = _read_file(options.values) if options.values else dict(current)
    form = FormModel(schema, document)
    for text in options.unset:
        form.unset(_find(form, text))
    for text in options.set:
        written, separator, value = text.partition("=")
        if not separator:
            raise InvalidInput("--set wants PATH=VALUE", why=f"it was given {text!r}")
        path = _find(form, written)
        if form.row(path).secret:
            raise InvalidInput(
                "a secret cannot be given as an argument",
                on=written,
                why="every user of this machine can read the arguments of programs",
                do="Give it in a file, or by standard input: --values -",
            )
        parsed = form.set_text(path, value)
        if parsed.problem is not None:
            raise InvalidInput(
                "the value does not fit the option",
                on=written,
                why=f"{value!r}: {parsed.problem.message}",
                do=parsed.problem.hint or "See the option's help in the interface.",
            )
    result: dict[str, Any] = form.document()
    return result


def _find(form: Any, text: str) -> Any:
    try:
        return form.find(text)
    except (KeyError, ValueError) as error:
        why = error.args[0] if isinstance(error, ValueError) else ""
        raise InvalidInput(
            "there is no such option",
            on=text,
            why=str(why),
            do="The interface lists and searches them all (press / in a form).",
        ) from error


def _read_file(name: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text()
        document = yaml.safe_load(text) or {}
    except OSError as error:
        raise InvalidInput("the values cannot be read", on=name, why=str(error)) from error
    except yaml.YAMLError as error:
        raise InvalidInput("the values are not YAML", on=name, why=str(error)) from error
    if not isinstance(document, dict):
        raise InvalidInput("the values are not a mapping of options", on=name)
    return document
