"""One view of an option from the several schemas that speak of it.

`$ref`, `allOf`, the chosen branch of a combinator and the active side of a condition all add
to what a schema says itself. `merge` brings them together, one level deep: what lies below is
left as schemas, so that a recursive schema costs nothing until somebody goes there. The view
is for showing and editing; whether a value is valid is asked of the schemas themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forms.schema.load import REFUSED, Schema, SchemaDocument
from forms.values import TYPES, same, type_of


@dataclass(slots=True)
class View:
    """What is known of an option, combinators and conditions set apart."""

    types: frozenset[str] | None = None
    """None where every type is allowed."""
    words: dict[str, Any] = field(default_factory=dict)
    """All other keywords, bounds and annotations alike."""
    properties: dict[str, Schema] = field(default_factory=dict)
    patterns: dict[str, Schema] = field(default_factory=dict)
    additional: Schema | None = None
    """Schema of the keys that no property or pattern speaks of; None where nothing is said."""
    names: Schema | None = None
    prefix: list[Schema] = field(default_factory=list)
    items: Schema | None = None
    required: dict[str, None] = field(default_factory=dict)
    """A set that keeps its order."""
    dependent_required: dict[str, list[str]] = field(default_factory=dict)
    dependent_schemas: list[tuple[str, Schema]] = field(default_factory=list)
    """Key, and what holds where it is set."""
    conditions: list[tuple[Schema, Schema, Schema]] = field(default_factory=list)
    """If, then, else."""
    choosers: list[list[Schema]] = field(default_factory=list)
    """The branches of each oneOf and anyOf that says more than what is required."""
    joined: dict[str, Schema] = field(default_factory=dict)
    """What several of the above ask of one key, remembered so that it stays one object."""
    trouble: str = ""
    """Why this cannot be shown as a form; empty if it can."""


def view_of(document: SchemaDocument, *schemas: Schema) -> View:
    """Everything that these schemas, applied together, say. The first to name a title,
    description or default wins, so a schema's own words go before those it refers to."""
    view = View()
    for piece in pieces_of(document, *schemas):
        _add(view, piece)
    if view.types is None:
        values = [view.words["const"]] if "const" in view.words else view.words.get("enum")
        view.types = frozenset(map(type_of, values)) if values else None
    return view


NOTHING: dict[str, Any] = {REFUSED: "nothing is allowed here"}
"""The schema `false`, as an object."""


def pieces_of(document: SchemaDocument, *schemas: Schema) -> Iterator[dict[str, Any]]:
    """The schema objects that hold together: these, and all that they refer to or ask for as
    well, each of them once; `NOTHING` among them where no value is allowed."""
    return _pieces(document, schemas, set())


def _pieces(
    document: SchemaDocument, schemas: tuple[Schema, ...], seen: set[int]
) -> Iterator[dict[str, Any]]:
    for schema in schemas:
        if schema is True:
            continue
        if schema is False:
            yield NOTHING
            continue
        if id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        ref = schema.get("$ref")
        if isinstance(ref, str):
            yield from _pieces(document, (document.resolve(ref),), seen)
        parts = schema.get("allOf")
        if isinstance(parts, list):
            yield from _pieces(document, tuple(parts), seen)


def _add(view: View, piece: dict[str, Any]) -> None:
    for keyword, value in piece.items():
        if adder := _ADDERS.get(keyword):
            try:
                adder(view, value)
            except (TypeError, AttributeError, ValueError):
                view.trouble = f"`{keyword}` is not written there as JSON Schema has it"
        elif keyword not in _NO_WORD:
            view.words.setdefault(keyword, value)
    if "if" in piece:
        view.conditions.append((piece["if"], piece.get("then", True), piece.get("else", True)))


_NO_WORD = frozenset(["$ref", "allOf", "if", "then", "else", "$defs", "$comment"])


def both(one: Schema | None, other: Schema) -> Schema:
    """The schema that asks for both."""
    if one is None or one is True or one is other:
        return other
    if other is True:
        return one
    if one is False or other is False:
        return False
    return {"allOf": [one, other]}


def _add_types(view: View, value: Any) -> None:
    types = frozenset([value] if isinstance(value, str) else value) & TYPES
    if view.types is None:
        view.types = types
        return
    narrowed = view.types & types
    if "integer" in view.types | types and "number" in view.types | types:
        narrowed |= {"integer"}
    if not narrowed:
        view.trouble = "its rules contradict each other: no type is allowed by all of them"
    view.types = narrowed


def _add_enum(view: View, value: Any) -> None:
    if "enum" not in view.words:
        view.words["enum"] = list(value)
        return
    view.words["enum"] = [
        choice for choice in view.words["enum"] if any(same(choice, other) for other in value)
    ]
    if not view.words["enum"]:
        view.trouble = "its rules contradict each other: no value is allowed by all of them"


def _add_const(view: View, value: Any) -> None:
    if "const" in view.words and not same(view.words["const"], value):
        view.trouble = "its rules contradict each other: it would have to be two values at once"
    view.words.setdefault("const", value)


def _adder_of_map(name: str) -> Callable[[View, Any], None]:
    def add(view: View, value: Mapping[str, Schema]) -> None:
        schemas: dict[str, Schema] = getattr(view, name)
        if not schemas:
            schemas.update(value)
            return
        for key, schema in value.items():
            schemas[key] = both(schemas.get(key), schema)

    return add


def _adder_of_schema(name: str) -> Callable[[View, Any], None]:
    def add(view: View, value: Schema) -> None:
        setattr(view, name, both(getattr(view, name), value))

    return add


def _adder_of_bound(keyword: str, pick: Callable[[Any, Any], Any]) -> Callable[[View, Any], None]:
    def add(view: View, value: Any) -> None:
        known = view.words.get(keyword)
        view.words[keyword] = value if known is None else pick(known, value)

    return add


def _common_multiple(one: Any, other: Any) -> Any:
    return math.lcm(one, other) if isinstance(one, int) and isinstance(other, int) else one


def _add_required(view: View, value: list[str]) -> None:
    view.required.update(dict.fromkeys(value))


def _add_dependent_required(view: View, value: Mapping[str, list[str]]) -> None:
    for key, names in value.items():
        view.dependent_required.setdefault(key, []).extend(names)


def _add_prefix(view: View, value: list[Schema]) -> None:
    for i, schema in enumerate(value):
        if i < len(view.prefix):
            view.prefix[i] = both(view.prefix[i], schema)
        else:
            view.prefix.append(schema)


def _add_chooser(view: View, value: list[Schema]) -> None:
    if any(_shapes(branch) for branch in value):
        view.choosers.append(value)


_RULES_ONLY = frozenset(
    [
        "required",
        "not",
        "dependentRequired",
        "minProperties",
        "maxProperties",
        "title",
        "description",
        "$comment",
    ]
)


def _shapes(branch: Schema) -> bool:
    """Does a branch say more than which keys must be there?"""
    if isinstance(branch, bool) or branch.keys() <= _RULES_ONLY:
        return False
    return not (branch.get("type") == "object" and branch.keys() <= _RULES_ONLY | {"type"})


_ADDERS: dict[str, Callable[[View, Any], None]] = {
    "type": _add_types,
    "enum": _add_enum,
    "const": _add_const,
    "properties": _adder_of_map("properties"),
    "patternProperties": _adder_of_map("patterns"),
    "dependentSchemas": lambda view, value: view.dependent_schemas.extend(value.items()),
    "additionalProperties": _adder_of_schema("additional"),
    "propertyNames": _adder_of_schema("names"),
    "items": _adder_of_schema("items"),
    "required": _add_required,
    "dependentRequired": _add_dependent_required,
    "prefixItems": _add_prefix,
    "oneOf": _add_chooser,
    "anyOf": _add_chooser,
    **{
        keyword: _adder_of_bound(keyword, max)
        for keyword in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
    },
    **{
        keyword: _adder_of_bound(keyword, min)
        for keyword in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
    },
    "multipleOf": _adder_of_bound("multipleOf", _common_multiple),
}
