"""What the drafts of JSON Schema spell differently.

A schema is brought to 2020-12 once, on load, so that everything else knows one draft only.
Sources: the "release notes" of each draft at json-schema.org, and the official test suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forms.schema.error import SchemaError

SUBSCHEMA = frozenset(
    [
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
"""Keywords whose value is a schema."""
SUBSCHEMAS = frozenset(["allOf", "anyOf", "oneOf", "prefixItems", "items"])
"""Keywords whose value is a list of schemas (`items`: up to 2019-09)."""
SUBSCHEMA_MAP = frozenset(
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"]
)
"""Keywords whose value maps names to schemas."""

_SINCE_6 = frozenset(["const", "contains", "propertyNames"])
_SINCE_7 = frozenset(["if", "then", "else"])
_SINCE_2019 = frozenset(
    [
        "$anchor",
        "$recursiveRef",
        "dependentRequired",
        "dependentSchemas",
        "maxContains",
        "minContains",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
_SINCE_2020 = frozenset(["$dynamicRef", "prefixItems"])


@dataclass(frozen=True)
class Draft:
    """One draft, by the ways in which it differs from 2020-12."""

    name: str
    lacks: frozenset[str] = frozenset()
    """Keywords that mean nothing in this draft."""
    id_keyword: str = "$id"
    ref_alone: bool = False
    """`$ref` hides all keywords beside it."""
    id_as_anchor: bool = False
    """An id that is only a fragment names an anchor."""
    items_list: bool = False
    dependencies: bool = False
    flag_bounds: bool = False
    """exclusiveMinimum and exclusiveMaximum are flags of minimum and maximum."""


DRAFT_4 = Draft(
    "draft-04",
    lacks=_SINCE_6 | _SINCE_7 | _SINCE_2019 | _SINCE_2020,
    id_keyword="id",
    ref_alone=True,
    id_as_anchor=True,
    items_list=True,
    dependencies=True,
    flag_bounds=True,
)
DRAFT_6 = Draft(
    "draft-06",
    lacks=_SINCE_7 | _SINCE_2019 | _SINCE_2020,
    ref_alone=True,
    id_as_anchor=True,
    items_list=True,
    dependencies=True,
)
DRAFT_7 = Draft(
    "draft-07",
    lacks=_SINCE_2019 | _SINCE_2020,
    ref_alone=True,
    id_as_anchor=True,
    items_list=True,
    dependencies=True,
)
DRAFT_2019 = Draft("2019-09", lacks=_SINCE_2020, items_list=True)
DRAFT_2020 = Draft("2020-12", lacks=frozenset({"$recursiveRef", "additionalItems"}))
UNSAID = Draft("unsaid", items_list=True, dependencies=True, flag_bounds=True)
"""A schema that does not say its draft: 2020-12, and older spellings where they are clear."""

_BY_URI = {
    "json-schema.org/draft-04/schema": DRAFT_4,
    "json-schema.org/draft-06/schema": DRAFT_6,
    "json-schema.org/draft-07/schema": DRAFT_7,
    "json-schema.org/schema": DRAFT_2020,
    "json-schema.org/draft/2019-09/schema": DRAFT_2019,
    "json-schema.org/draft/2020-12/schema": DRAFT_2020,
}


def draft_of(schema: Mapping[str, Any] | bool) -> Draft:
    """The draft a schema is written in. SchemaError for draft 3 and older.

    A `$schema` that names a dialect of its own is read like a schema that names none.
    """
    said = schema.get("$schema") if isinstance(schema, Mapping) else None
    if not isinstance(said, str):
        return UNSAID
    uri = said.partition("://")[2].rstrip("#")
    if uri.startswith(("json-schema.org/draft-03/", "json-schema.org/draft-02/")):
        raise SchemaError("it is written in draft 3 of JSON Schema or older; draft 4 is needed")
    return _BY_URI.get(uri, UNSAID)


def modernise(schema: dict[str, Any], draft: Draft) -> dict[str, Any]:
    """One schema object, not its subschemas, spelt as 2020-12 has it."""
    if draft.ref_alone and "$ref" in schema:
        return {"$ref": schema["$ref"]}
    new = {key: value for key, value in schema.items() if key not in draft.lacks}
    if draft.flag_bounds:
        _flags_to_bounds(new)
    if draft.items_list:
        _items_to_prefix(new)
    if draft.dependencies:
        _split_dependencies(new)
    else:
        new.pop("dependencies", None)
    return new


def _flags_to_bounds(schema: dict[str, Any]) -> None:
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        said = schema.get(flag)
        if isinstance(said, bool):
            del schema[flag]
            if said and bound in schema:
                schema[flag] = schema.pop(bound)


def _items_to_prefix(schema: dict[str, Any]) -> None:
    rest = schema.pop("additionalItems", None)
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if rest is not None:
            schema["items"] = rest


def _split_dependencies(schema: dict[str, Any]) -> None:
    dependencies = schema.pop("dependencies", None)
    if not isinstance(dependencies, Mapping):
        return
    for key, needs in dependencies.items():
        if isinstance(needs, list | str):
            names = [needs] if isinstance(needs, str) else needs
            schema["dependentRequired"] = {**schema.get("dependentRequired", {}), key: names}
        else:
            schema["dependentSchemas"] = {**schema.get("dependentSchemas", {}), key: needs}
