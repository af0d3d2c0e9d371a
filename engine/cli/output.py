"""Printing for people and for programs; the only place of the engine that prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.errors import HomeportError


def printable(text: str) -> str:
    """Text with control characters made visible, so that no stored value drives a terminal."""
    return "".join(ch if ch.isprintable() or ch == "\n" else repr(ch)[1:-1] for ch in text)


def line(text: str = "") -> None:
    print(printable(text), flush=True)


def document(value: Any) -> None:
    """As YAML that can be edited and read back."""
    from engine.provider_report import readable

    line(readable(value))


def emit_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str), flush=True)


def emit_json_line(value: Any) -> None:
    """One JSON value on one line, for streams."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their longest cell; the last one is never padded."""
    lines = [list(headers), *(list(map(printable, row)) for row in rows)]
    widths = [max(len(row[column]) for row in lines) for column in range(len(headers))]
    for row in lines:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(padded).rstrip(), flush=True)


def fields(values: Mapping[str, str]) -> None:
    width = max(map(len, values), default=0)
    for name, value in values.items():
        first, *more = printable(value).splitlines() or [""]
        print(f"{name.ljust(width)}  {first}".rstrip(), flush=True)
        for text in more:
            print(" " * width + "  " + text, flush=True)


def report_error(error: HomeportError, *, as_json: bool) -> int:
    """Say on standard error what failed, why, what is left and what to do; its status."""
    if as_json:
        emit_json({"error": error.describe()})
        return error.exit_status
    print(f"homeport: {printable(error.what)}", file=sys.stderr)
    for label, text in (
        ("on", error.on),
        ("why", error.why),
        ("left", error.left),
        ("do", error.do),
    ):
        for number, part in enumerate(printable(text).splitlines()):
            print(f"  {label if number == 0 else '':<5}{part}", file=sys.stderr)
    return error.exit_status
