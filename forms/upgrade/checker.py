"""Whether values fit the new release: whole documents, and one value at its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from forms.model.row import Problem
from forms.paths import Path
from forms.schema.load import Schema
from forms.schema.recent import recently_loaded
from forms.schema.shapes import Shapes
from forms.validation import check
from forms.values import ABSENT
from forms.walk import child_of


class Checker:
    """Checks against one schema. SchemaError where it cannot be checked as a whole."""

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        loaded = recently_loaded(schema)
        if loaded.refusals:
            raise loaded.refusals[0]
        self._shapes = Shapes(loaded, assume_defaults=True)

    def problems(self, document: Any, held: Collection[Path]) -> list[Problem]:
        """All that is wrong with a document. held: places of secrets, which hold references
        instead of what is to be checked."""
        found = check(self._shapes, self._shapes.document.root, document)
        return [problem for problem in found if problem.path not in held]

    def schema_at(self, document: Any, place: Path) -> Schema:
        """What the schema says of a place, by what is in the document around it."""
        schema, value = self._shapes.document.root, document
        for key in place:
            schema = child_of(self._shapes.shape(schema, value), key).schema
            value = _inner(value, key)
        return schema

    def words(self, schema: Schema) -> Mapping[str, Any]:
        return self._shapes.common_view(schema).words

    def faults(self, schema: Schema, value: Any) -> list[Problem]:
        """What is wrong with one value."""
        return check(self._shapes, schema, value)


def _inner(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key, ABSENT)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return ABSENT
