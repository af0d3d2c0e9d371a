"""Turning a program's output bytes into lines that are safe to show on a terminal."""

from __future__ import annotations

import codecs
import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""C0 and C1, line separators, and the marks that turn the direction of text around."""
LONGEST = 2000
"""Characters of a line that are kept; progress bars without an end would grow for ever."""


def shown(line: str) -> str:
    """The line without terminal escape sequences and other control characters."""
    return _CONTROLS.sub("", _ESCAPES.sub("", line).replace("\t", "    ")).rstrip()[:LONGEST]


class LineSplitter:
    """Collects chunks and gives whole lines, as a terminal would show them in the end.

    A carriage return takes back what was written on the line so far, so a program that
    counts up to 100 % gives one line and not a hundred.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""

    def feed(self, chunk: bytes, *, last: bool = False) -> list[str]:
        text = self._rest + self._decoder.decode(chunk, last)
        *lines, self._rest = re.split(r"\r*\n", text)
        if last or len(self._rest) > LONGEST:
            lines.append(self._rest)
            self._rest = ""
        last_writings = (shown(line.rpartition("\r")[2]) for line in lines)
        return [line for line in last_writings if line]
