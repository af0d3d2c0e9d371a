"""The one error of this package: a file that cannot be read or written, and why."""

from __future__ import annotations


class FileTrouble(ValueError):
    """line, column: where in the text, from 1; 0 where that says nothing."""

    def __init__(self, why: str, line: int = 0, column: int = 0) -> None:
        place = f" (line {line}, column {column})" if column else f" (line {line})" if line else ""
        super().__init__(why + place)
        self.why = why
        self.line = line
        self.column = column
