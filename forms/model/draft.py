"""A form left before it was done, as JSON values, and taken up again.

A draft goes to the inventory, so it holds no secret. A secret that was there when the form was
opened is taken from there again; what was typed since must be typed again, and the draft says
where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forms.model.appearance import HIDDEN
from forms.model.document import Document, implied_paths, plain, with_implied
from forms.paths import Path, parse_path, path_text
from forms.schema.load import Schema
from forms.schema.shapes import Shapes
from forms.values import ABSENT, identical
from forms.walk import secret_paths

_FORMAT = 1


@dataclass(frozen=True)
class Draft:
    """What a draft holds, read."""

    document: Any
    chosen: dict[Path, int]
    kept: tuple[Path, ...]
    """Secrets that are as the form was opened with them."""


def dump_draft(
    shapes: Shapes, schema: Schema, document: Any, opened: Document, chosen: Mapping[Path, int]
) -> dict[str, Any]:
    """opened: the document that the form was opened with."""
    values = Document(document)
    secrets = list(secret_paths(shapes, schema, document))
    left = Document(plain(document))
    kept = [path for path in secrets if identical(values.get(path), opened.get(path))]
    for path in secrets:
        if path in kept:
            left.apply(left.replacing(path, HIDDEN))
            continue
        holder: Any = left.get(path[:-1])
        if isinstance(holder, list):
            holder[int(path[-1])] = None  # the place is kept for what is to be typed again
        elif path:
            del holder[path[-1]]
    draft: dict[str, Any] = {
        "format": _FORMAT,
        "implied": [path_text(path) for path in implied_paths(document)],
        "chosen": {path_text(path): branch for path, branch in chosen.items()},
        "kept": [path_text(path) for path in kept],
        "left_out": [path_text(path) for path in secrets if path not in kept],
    }
    if left.root is not ABSENT and () not in secrets:
        draft["document"] = left.root
    return draft


def load_draft(draft: Mapping[str, Any]) -> Draft:
    """ValueError if this is no draft that this version of Homeport can read."""
    if draft.get("format") != _FORMAT:
        raise ValueError("the draft was written by another version of Homeport")
    try:
        implied = {parse_path(text) for text in draft["implied"]}
        chosen = {parse_path(text): int(branch) for text, branch in draft["chosen"].items()}
        kept = tuple(parse_path(text) for text in draft["kept"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("the draft cannot be read") from error
    document = draft.get("document", ABSENT)
    return Draft(with_implied(document, implied), chosen, kept)
