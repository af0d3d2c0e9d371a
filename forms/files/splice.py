"""Changes to a text, each at its place, so that all the rest stays as somebody wrote it."""

from __future__ import annotations

from typing import NamedTuple


class Splice(NamedTuple):
    """The text from `start` to `end` gives way to `text`."""

    start: int
    end: int
    text: str


class CannotSplice(Exception):
    """What is to be changed cannot be changed in place; what holds it must be written anew."""


def spliced(text: str, splices: list[Splice]) -> str:
    """The text with all changes made. Those at one place come in the order of the list.
    CannotSplice where two of them are about the same text."""
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if start < at:
            raise CannotSplice
        parts += (text[at:start], new)
        at = end
    return "".join((*parts, text[at:]))


def line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Where the line ends, its line break not included."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if end > at and text[end - 1] == "\r" else end


def whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """All lines from one place to another, with one of the line breaks around them.
    CannotSplice where something else stands before the first place on its line."""
    first, last = line_start(text, start), line_end(text, end)
    if text[first:start].strip():
        raise CannotSplice
    after = text.find("\n", last)
    if after >= 0:
        return first, after + 1
    return max(0, first - 1), len(text)
