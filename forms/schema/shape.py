"""The shape of one option: its kind, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from forms.schema.branches import SCALARS, Branch, Forms
from forms.schema.load import REFUSED, Schema
from forms.schema.merge import View
from forms.values import ABSENT, type_of


class Kind(StrEnum):
    """How an option is edited."""

    SECTION = "section"
    """An object of known options, a group of them, or a fold; has no text of its own."""
    MAP = "map"
    """An object whose keys the user chooses: entries are added, renamed, removed."""
    LIST = "list"
    """Items are added, removed, moved. Items that are plain values can also be edited as one
    line (`Row.inline`)."""
    BOOL = "bool"
    INT = "int"
    NUMBER = "number"
    TEXT = "text"
    ENUM = "enum"
    CONST = "const"
    """Can only have one value (null included)."""
    RAW = "raw"
    """Edited as YAML or JSON text: what the form cannot show otherwise."""


CONTAINERS = frozenset({Kind.SECTION, Kind.MAP, Kind.LIST})

_OBJECT_WORDS = frozenset({"minProperties", "maxProperties", "unevaluatedProperties"})
_ARRAY_WORDS = frozenset({"minItems", "maxItems", "uniqueItems", "contains", "unevaluatedItems"})
_STRING_WORDS = frozenset(
    {"minLength", "maxLength", "pattern", "format", "contentMediaType", "contentEncoding"}
)
_NUMBER_WORDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What an option is, for now."""

    kind: Kind
    view: View
    types: frozenset[str] = frozenset()
    """The plain types that typed text may become."""
    branches: tuple[Branch, ...] = ()
    branch: int = 0
    nullable: bool = False
    choices: tuple[tuple[Any, str], ...] = ()

    @property
    def extra(self) -> Schema | None:
        """Schema of entries under keys that the user may choose; None if they may not."""
        view = self.view
        if view.additional is not None:
            return None if view.additional is False else view.additional
        unevaluated = view.words.get("unevaluatedProperties")
        if isinstance(unevaluated, dict):
            return unevaluated
        if unevaluated is False:
            return None
        return True if not view.properties and not view.patterns else None

    @property
    def can_grow(self) -> bool:
        """May entries or items be added, however many there are?"""
        if self.kind is Kind.LIST:
            return self.view.items is not False and (
                self.view.items is not None or self.view.words.get("unevaluatedItems") is not False
            )
        if self.kind in (Kind.MAP, Kind.SECTION):
            return bool(self.view.patterns) or self.extra is not None
        return False


def takes_more(shape: Shape, count: int) -> bool:
    """May another entry or item be added to that many?"""
    return shape.can_grow or (shape.kind is Kind.LIST and count < len(shape.view.prefix))


def plain_shape(forms: Forms) -> Shape:
    """The shape of an option of these forms, whatever its value."""
    view = forms.view
    types = view.types if view.types is not None else _implied(view, forms.choices)
    nullable = forms.nullable or ("null" in types and len(types) > 1)
    plain = types & SCALARS
    return Shape(_kind(view, types, forms.choices), view, plain, (), 0, nullable, forms.choices)


def _kind(view: View, types: frozenset[str], choices: tuple[tuple[Any, str], ...]) -> Kind:
    if view.trouble or REFUSED in view.words:
        return Kind.RAW
    if "const" in view.words or types == {"null"}:
        return Kind.CONST
    if "enum" in view.words and choices:
        return Kind.ENUM
    types = types - {"null"}
    if types == {"object"}:
        return Kind.SECTION if view.properties else Kind.MAP
    if types == {"array"}:
        return Kind.LIST
    if types == {"boolean"}:
        return Kind.BOOL
    if types == {"integer"}:
        return Kind.INT
    if types and types <= {"integer", "number"}:
        return Kind.NUMBER
    return Kind.TEXT if types and types <= SCALARS else Kind.RAW


def _implied(view: View, choices: tuple[tuple[Any, str], ...]) -> frozenset[str]:
    """The type that is meant where none is said, by the keywords that are used."""
    words = view.words.keys()
    if view.properties or view.patterns or view.additional is not None or view.required:
        return frozenset({"object"})
    if view.items is not None or view.prefix:
        return frozenset({"array"})
    for keywords, name in (
        (_OBJECT_WORDS, "object"),
        (_ARRAY_WORDS, "array"),
        (_STRING_WORDS, "string"),
        (_NUMBER_WORDS, "number"),
    ):
        if words & keywords:
            return frozenset({name})
    if choices:
        return frozenset(type_of(value) for value, _ in choices)
    return frozenset()


def suited(shape: Shape, value: Any) -> Shape:
    """A value that the shape has no place for is edited as text, so that none of it is lost."""
    if value is ABSENT or value is None:
        return shape
    contained = isinstance(value, dict | list)
    if shape.kind is Kind.LIST:
        fits = isinstance(value, list)
    elif shape.kind in CONTAINERS:
        fits = isinstance(value, dict)
    else:
        fits = not contained or shape.kind in (Kind.RAW, Kind.ENUM, Kind.CONST)
    if fits:
        return shape
    return Shape(Kind.RAW, shape.view, shape.types, shape.branches, shape.branch, shape.nullable)
