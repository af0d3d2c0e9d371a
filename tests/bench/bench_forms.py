"""What the form model costs as forms grow: opening, drawing a row, editing, searching."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SMALL, LARGE = 50, 50_000


def measure() -> list[dict[str, str]]:
    """CPU time of the large form; the peer of each figure is the small form's."""
    from forms import FormModel

    small_schema, large_schema = _schema(SMALL), _schema(LARGE)
    small, large = FormModel(small_schema, {}), FormModel(large_schema, {})
    small_rows, large_rows = small.rows(), large.rows()
    rows = [
        _row(
            "form of 50,000 options: open, first screen",
            _best(lambda: FormModel(large_schema, {}).rows()[:24], 3),
            _best(lambda: FormModel(small_schema, {}).rows()[:24], 3),
            "<= 1 s",
        )
    ]
    for name, of, many, goal in (
        ("draw one row", lambda f, r: r[len(r) // 2], 2000, "ratio near 1"),
        ("check typed text", lambda f, r: f.parse(("option00007",), "77"), 2000, "ratio near 1"),
        ("set one option", lambda f, r: f.set(("option00007",), 7), 500, "ratio near 1"),
        ("search as one types", _typed, 5, "<= 50 ms"),
    ):
        ours = _best(lambda of=of: of(large, large_rows), many)
        peer = _best(lambda of=of: of(small, small_rows), many)
        rows.append(_row(f"form of 50,000 options: {name}", ours, peer, goal))
    return [*rows, _validation()]


def _typed(form: Any, _rows: Any) -> None:
    """Two letters, the second of which narrows nothing that is known."""
    from forms import Filter

    form.rows(Filter(text="o"))
    form.rows(Filter(text="thing 42"))


def _validation() -> dict[str, str]:
    from jsonschema import Draft202012Validator

    from forms import validate_document

    schema = _schema(5000)
    document = {f"option{i:05}": i % 60 for i in range(5000)}
    peer = Draft202012Validator(schema)
    return _row(
        "whole document of 5,000 values: check",
        _best(lambda: validate_document(schema, document), 3),
        _best(lambda: list(peer.iter_errors(document)), 3),
        "<= 3 x (peer: jsonschema alone)",
    )


def _schema(options: int) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            f"option{i:05}": {
                "type": "integer",
                "minimum": 0,
                "maximum": 50,
                "default": 5,
                "title": f"Option {i}",
                "description": f"Says how much of thing {i} there may be at a time.",
            }
            for i in range(options)
        },
    }


def _best(action: Callable[[], object], times: int) -> float:
    """Least CPU seconds of one run out of some."""
    action()
    best = float("inf")
    rounds, each = (times, 1) if times <= 10 else (5, times // 5)
    for _round in range(rounds):
        start = time.process_time()
        for _run in range(each):
            action()
        best = min(best, (time.process_time() - start) / each)
    return best


def _row(name: str, ours: float, peer: float, goal: str) -> dict[str, str]:
    return {
        "name": name,
        "ours": _spoken(ours),
        "peer": _spoken(peer),
        "ratio": f"{ours / peer:.2f}",
        "goal": goal,
    }


def _spoken(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds >= 0.001 else f"{seconds * 1e6:.0f} us"
