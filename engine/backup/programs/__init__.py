"""The program that makes and takes the stream on a guest: by the guest's own Python (3.9 or
newer), whole in itself, its text sent as it is. No value is ever part of it."""

from __future__ import annotations

from importlib.resources import files


def carrier() -> str:
    """The program's text."""
    return files(__name__).joinpath("carrier.py").read_text(encoding="utf-8")
