"""Programs that run on guests, by the guest's own Python (3.9 or newer) and nothing else.

Each module is whole in itself: its text is what is sent (`engine.state.running`). It reads one
JSON task from standard input and prints lines: `homeport-progress: BYTES TOTAL` on its way,
and at its end its result, JSON in base64, in pieces of a thousand characters behind
`homeport-result: ` (lines are meant to be shown: long ones are cut). What it writes to standard
error before it ends with another status than 0 is why it failed. No value is ever part of a
program's text.
"""

from __future__ import annotations

from importlib.resources import files


def source(name: str) -> str:
    """The text of a program of this package."""
    return files(__name__).joinpath(f"{name}.py").read_text(encoding="utf-8")
