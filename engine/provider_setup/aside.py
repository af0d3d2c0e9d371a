"""The questions of a setup, made by a process of its own for `engine.aside`."""

from __future__ import annotations

import sys

from engine.cli import output
from engine.errors import HomeportError
from engine.homeport import Homeport
from engine.model.provider import Service


def main() -> int:
    """Arguments: the draft's name, service, position, --json. Prints a list: the question, or
    nothing after the last."""
    name, service, position = sys.argv[1:4]
    try:
        with Homeport.open() as homeport:
            desk = homeport.provider_setup
            asked = desk.question(desk.draft(name), Service(service), int(position))
    except HomeportError as error:
        return output.report_error(error, as_json=True)
    output.emit_json([asked.model_dump(mode="json")] if asked is not None else [])
    return 0
