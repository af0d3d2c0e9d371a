"""How fast this installation's earlier moves were: for what the next one's plan foresees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.inventory.inventory import Inventory
from engine.model.plan import Intent
from engine.planning.forecast import Speeds

_MOVES_LOOKED_AT = 5
_TELLING_BYTES = 4_000_000
"""Less than this tells of the round trips and not of the line."""
_KINDS = {"state.seed.": "copy", "state.delta.": "whole", "state.compare.": "compare"}


def measured_speeds(inventory: Inventory, application: str) -> Speeds:
    """Of the application's last moves, as far as they brought enough to tell."""
    found: dict[str, float] = {}
    moves = [
        operation
        for operation in inventory.operations.all()
        if operation.plan.intent is Intent.MIGRATE and operation.plan.application == application
    ]
    for operation in moves[:_MOVES_LOOKED_AT]:
        finished = inventory.finished_steps.of(operation.id)
        known = operation.plan.forecast.units if operation.plan.forecast else ()
        # How fast those were compared says nothing: most of them was not read again.
        short = {f"state.compare.{size.unit}" for size in known if size.compared_ahead}
        telling = ((name, step.output) for name, step in finished.items() if name not in short)
        for step, speed in _speeds(telling):
            found.setdefault(step, speed)
    return replace(Speeds(), **found)


def _speeds(outputs: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterable[tuple[str, float]]:
    for name, output in outputs:
        meant = next((word for begin, word in _KINDS.items() if name.startswith(begin)), "")
        size, seconds = float(output.get("bytes", 0)), float(output.get("seconds", 0))
        if meant and size >= _TELLING_BYTES and seconds > 0:
            yield meant, size / seconds
