"""The benchmark's cases and predictions: one JSON value a line (`option-identity/README.md`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forms.identity.matching import match
from forms.identity.model import Model
from forms.identity.option import Option
from forms.values import ABSENT


def read_option(data: Mapping[str, Any]) -> Option:
    """One entry of a case's `old` or `new`; KeyError or TypeError if it is none."""
    return Option(
        path=tuple(str(part) for part in data["path"]),
        type=data.get("type") or {},
        type_text=data.get("type_text") or "",
        default=data.get("default", ABSENT),
        description=data.get("description") or "",
    )


def predict(case: Mapping[str, Any], *, model: Model | None = None) -> dict[str, Any]:
    """A line of predictions for a case: dotted old path -> [[dotted new path, score], ...]."""
    old, new = ([read_option(each) for each in case[side]] for side in ("old", "new"))
    found = match(old, new, model=model)
    return {
        "case": case["id"],
        "candidates": {
            ".".join(path): [[".".join(each.new), round(each.score, 4)] for each in candidates]
            for path, candidates in found.items()
        },
    }
