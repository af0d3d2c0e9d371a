"""`homeport identity match CASES`: which option of a new release took over an old one's role."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from engine.cli import output
from engine.errors import InvalidInput

EPILOG = (
    "Prints a JSON line for each case: for every old option that is gone, its candidates\n"
    "and the probability of each. --json changes nothing here."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "cases", help="cases as JSON lines, .gz or not; - for standard input: options of two "
        "releases, as `old` and `new`"
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    from forms.identity.cases import predict

    with _opened(options.cases) as lines:
        for number, line in _numbered(lines, options.cases):
            if not line.strip():
                continue
            try:
                prediction = predict(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidInput(
                    "a case cannot be read",
                    on=f"{options.cases}, line {number}",
                    why=f"{type(error).__name__}: {error}",
                    do="A case is an object with `id`, and `old` and `new`: lists of options "
                    "that each have a `path`, a list of names.",
                ) from error
            output.emit_json_line(prediction)
    return 0


@contextmanager
def _opened(name: str) -> Iterator[IO[str]]:
    if name == "-":
        yield sys.stdin
        return
    opener = gzip.open if name.endswith(".gz") else open
    try:
        with opener(name, "rt", encoding="utf-8") as lines:
            yield lines
    except OSError as error:
        raise InvalidInput("the cases cannot be read", on=name, why=str(error)) from error


def _numbered(lines: IO[str], name: str) -> Iterator[tuple[int, str]]:
    try:
        yield from enumerate(lines, 1)
    except (UnicodeDecodeError, EOFError) as error:
        raise InvalidInput("the cases are no text", on=name, why=str(error)) from error
