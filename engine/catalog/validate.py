"""The engine's gate for options: whatever the interface let through is checked once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.catalog.options import Schema
from engine.catalog.secret_values import without_references


@dataclass(frozen=True)
class Problem:
    """path: dotted, empty for the document itself. message: what is wrong. do: what to do."""

    path: str
    message: str
    do: str = ""


def problems(schema: Schema, values: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with a document of options, in the order of its options.

    Unknown options and options that Homeport decides are problems, too. A reference to a
    secret counts as set: its value was checked when it was given.
    """
    from forms import validate_document

    return [
        Problem(".".join(str(part) for part in found.path), found.message, found.hint)
        for found in validate_document(schema, without_references(schema, values))
    ]
