"""Lines of a file that somebody else has lines in, too: users of Dovecot, and maps of Postfix.

A line of ours has another above it that says whose it is, and of which line it speaks: a file that
is sorted, or a line that is put in between, makes ours foreign and never a foreign one ours. Both
programs pass over lines that begin with "#".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_KEY = re.compile(r"[^\s:#]+")
_MARK = re.compile(r"# homeport: (\S+) of (.+)")


@dataclass(frozen=True)
class _Line:
    """key: what is looked up, in lower case, as both programs do. mark: empty for a foreign one.

    rows: those that it takes up, the mark's included; what begins with a space goes on with the
    line above it."""

    key: str
    text: str
    mark: str
    rows: range


def marks_of(text: str, key: str) -> set[str]:
    """Of all lines with this key; "" stands for a line that bears none."""
    return {line.mark for line in _lines(text) if line.key == key}


def keys_of(text: str, mark: str) -> list[str]:
    return [line.key for line in _lines(text) if line.mark == mark]


def line_of(text: str, key: str) -> str:
    """The first with this key; empty where there is none."""
    return next((line.text for line in _lines(text) if line.key == key), "")


def with_line(text: str, key: str, wanted: str, mark: str) -> str:
    """wanted: the whole line, which begins with the key. It takes the place of one with the same
    mark, or comes last; other lines stay as they are."""
    for line in _lines(text):
        if line.key == key and line.mark == mark:
            if line.text == wanted and len(line.rows) == 2:
                return text
            text = _without(text, line)
            break
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{end}# homeport: {key} of {mark}\n{wanted}\n"


def without_mark(text: str, mark: str) -> str:
    for line in reversed([line for line in _lines(text) if line.mark == mark]):
        text = _without(text, line)
    return text


def _without(text: str, line: _Line) -> str:
    """A mark above it that spoke of nothing goes with it where it would speak of the line below."""
    rows, at = text.split("\n"), line.rows.start
    del rows[at : line.rows.stop]
    while 0 < at < len(rows) and _mark_of(rows[at - 1], rows[at]):
        at -= 1
        del rows[at]
    return "\n".join(rows)


def _mark_of(above: str, row: str) -> str:
    """Whose the row says to be that is above it; empty for a foreign one."""
    said, found = _MARK.fullmatch(above), _KEY.match(row)
    return said[2] if said and found and said[1] == found[0].lower() else ""


def _lines(text: str) -> Iterator[_Line]:
    rows = text.split("\n")
    for number, row in enumerate(rows):
        found = _KEY.match(row)
        if not found:
            continue
        mark = _mark_of(rows[number - 1], row) if number else ""
        end = number + 1
        while end < len(rows) and rows[end][:1] in (" ", "\t") and rows[end].strip():
            end += 1
        yield _Line(found[0].lower(), row, mark, range(number - bool(mark), end))
