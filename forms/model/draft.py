"""A form left before it was done, as JSON values, and taken up again.

A draft goes to the inventory, so it holds no secret: what was typed there must be typed again,
and the draft says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forms.model.document import Document, implied_paths, plain, with_implied
from forms.paths import Path, parse_path, path_text
from forms.schema.load import Schema
from forms.schema.shape import Shapes
from forms.values import ABSENT
from forms.walk import secret_paths

_FORMAT = 1


@dataclass(frozen=True)
class Draft:
    """What a draft holds, read."""

    document: Any
    chosen: dict[Path, int]
    left_out: tuple[Path, ...]


def dump_draft(
    shapes: Shapes, schema: Schema, document: Any, chosen: Mapping[Path, int]
) -> dict[str, Any]:
    secrets = list(secret_paths(shapes, schema, document))
    left = Document(plain(document))
    for path in sorted(secrets, key=_from_the_end):
        holder: Any = left.get(path[:-1])
        if path:
            del holder[path[-1]]
    draft: dict[str, Any] = {
        "format": _FORMAT,
        "implied": [path_text(path) for path in implied_paths(document)],
        "chosen": {path_text(path): branch for path, branch in chosen.items()},
        "left_out": [path_text(path) for path in secrets],
    }
    if left.root is not ABSENT and () not in secrets:
        draft["document"] = left.root
    return draft


def _from_the_end(path: Path) -> tuple[tuple[int, str], ...]:
    """Later entries of a list first, so that taking one out moves no other that is due."""
    return tuple((-key, "") if isinstance(key, int) else (0, key) for key in path)


def load_draft(draft: Mapping[str, Any]) -> Draft:
    """ValueError if this is no draft that this version of Homeport can read."""
    if draft.get("format") != _FORMAT:
        raise ValueError("the draft was written by another version of Homeport")
    try:
        implied = {parse_path(text) for text in draft["implied"]}
        chosen = {parse_path(text): int(branch) for text, branch in draft["chosen"].items()}
        left_out = tuple(parse_path(text) for text in draft["left_out"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("the draft cannot be read") from error
    document = draft.get("document", ABSENT)
    return Draft(with_implied(document, implied), chosen, left_out)
