"""Documents that a command line names: JSON, YAML or TOML, from a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput
from engine.files_explained import explained, opened
from forms.answers import Answer, read_answers
from forms.files import FileTrouble, Format, format_of, read
from forms.values import ABSENT


def read_answers_of(name: str) -> list[Answer]:
    """The answers in the file of that name; "-" is standard input. InvalidInput."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return read_answers(text)
    except (OSError, UnicodeDecodeError, FileTrouble) as failure:
        raise InvalidInput("the answers cannot be read", on=name, why=str(failure)) from failure


def read_document(name: str) -> Any:
    """The document of that name; "-" is standard input. None for an empty one.

    InvalidInput that says what is wrong, and where.
    """
    if name == "-":
        text = sys.stdin.read()
    else:
        file = opened(name, "the file")
        if file.is_new:
            raise InvalidInput("the file is not there", on=name, do="Give the path of a file.")
        text = file.text
    with explained("the file cannot be understood", name):
        found = read(text, format_of(name, text) or Format.YAML)
    return None if found is ABSENT else found
