"""The shape of one option with the value it has now: its kind, and what it is made of.

A shape depends on the schema alone wherever it can, and is then made once however often the
schema occurs. Branches and conditions make it depend on the value too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from forms.schema.branches import (
    SCALARS,
    Branch,
    Forms,
    choices_of,
    constants_agree,
    fitting,
    forms_of,
)
from forms.schema.load import REFUSED, Schema, SchemaDocument
from forms.schema.merge import View, view_of
from forms.schema.validator import Validator
from forms.values import ABSENT, is_type, type_of


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

_REFERRING = frozenset({"$ref", "allOf", "anyOf", "oneOf"})


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
        """May entries or items be added?"""
        if self.kind is Kind.LIST:
            return self.view.items is not False and self.view.words.get("unevaluatedItems") is not (
                False
            )
        if self.kind in (Kind.MAP, Kind.SECTION):
            return bool(self.view.patterns) or self.extra is not None
        return False


class Shapes:
    """Makes the shapes of one schema document, and remembers them."""

    def __init__(self, document: SchemaDocument, *, assume_defaults: bool = True) -> None:
        self.document = document
        self.validator = Validator(document, assume_defaults=assume_defaults)
        self._forms: dict[tuple[int, ...], tuple[Forms, tuple[Schema, ...]]] = {}
        self._views: dict[tuple[int, ...], tuple[View, tuple[Schema, ...]]] = {}
        self._plain: dict[int, Shape] = {}
        self._refs: dict[int, frozenset[str]] = {}

    def refers_to(self, schema: Schema) -> frozenset[str]:
        """The references that a schema follows, straight or by way of others."""
        if isinstance(schema, bool) or schema.keys().isdisjoint(_REFERRING):
            return frozenset()
        known = self._refs.get(id(schema))
        if known is None:
            found: set[str] = set()
            self._follow(schema, found)
            self._forms_of(schema)
            known = self._refs[id(schema)] = frozenset(found)
        return known

    def _follow(self, schema: Schema, found: set[str]) -> None:
        if isinstance(schema, bool):
            return
        ref = schema.get("$ref")
        if ref is not None and ref not in found:
            found.add(ref)
            self._follow(self.document.resolve(ref), found)
        for combinator in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(combinator, ()):
                self._follow(part, found)

    def depends_on_value(self, schema: Schema) -> bool:
        """Can the shape of an option change with its value?"""
        forms = self._forms_of(schema)
        view = forms.view
        return bool(
            forms.branches or view.conditions or view.dependent_schemas or view.dependent_required
        )

    def common_view(self, schema: Schema) -> View:
        """What holds for an option in each of its branches."""
        return self._forms_of(schema).view

    def shape(self, schema: Schema, value: Any = ABSENT, chosen: int | None = None) -> Shape:
        """The shape for a value. chosen: the branch that the user picked, if any."""
        shape = self._plain.get(id(schema))
        if shape is None:
            if self.depends_on_value(schema):
                return self._for_value(schema, value, chosen)
            shape = _shape(self._forms_of(schema))
            self._plain[id(schema)] = shape
        return _suited(shape, value)

    def fitting(self, schema: Schema, value: Any) -> int:
        """The branch that a value belongs to."""
        return fitting(self._forms_of(schema), value, self.validator)

    def _forms_of(self, *schemas: Schema) -> Forms:
        key = tuple(map(id, schemas))
        known = self._forms.get(key)
        if known is None:
            # the schemas are kept with their forms: an id is good as long as its object lives
            known = self._forms[key] = (forms_of(self.document, *schemas), schemas)
        return known[0]

    def _view_of(self, *schemas: Schema) -> View:
        key = tuple(map(id, schemas))
        known = self._views.get(key)
        if known is None:
            known = self._views[key] = (view_of(self.document, *schemas), schemas)
        return known[0]

    def _for_value(self, schema: Schema, value: Any, chosen: int | None) -> Shape:
        forms = self._forms_of(schema)
        index = 0
        active: tuple[Schema, ...] = (schema,)
        if forms.branches:
            index = self._branch(forms, value, chosen)
            active += forms.branches[index].schemas
        active = self._with_conditions(active, value)
        if len(active) == 1:
            shape = _shape(forms)
        elif forms.branches:
            view = self._view_of(*active)
            shape = _shape(Forms(view, choices=choices_of(view)))
        else:
            shape = _shape(self._forms_of(*active))
        if forms.branches:
            shape = Shape(
                shape.kind,
                shape.view,
                shape.types,
                forms.branches,
                index,
                forms.nullable,
                shape.choices,
            )
        return _suited(shape, value)

    def _branch(self, forms: Forms, value: Any, chosen: int | None) -> int:
        if chosen is not None and chosen < len(forms.branches):
            view = forms.branches[chosen].view
            if value is ABSENT or value is None:
                return chosen
            if (view.types is None or is_type(value, view.types)) and not (
                isinstance(value, dict) and not constants_agree(view, value)
            ):
                return chosen
        if value is ABSENT or value is None:
            value = forms.view.words.get("default")
        return 0 if value is None else fitting(forms, value, self.validator)

    def _with_conditions(self, active: tuple[Schema, ...], value: Any) -> tuple[Schema, ...]:
        """Add what the conditions and dependencies of these schemas bring in for the value."""
        instance = {} if value is ABSENT else value
        done = 0
        while True:
            view = self._view_of(*active)
            news = [
                then if self.validator.is_valid(condition, instance) else otherwise
                for condition, then, otherwise in view.conditions[done:]
            ]
            done = len(view.conditions)
            if isinstance(instance, dict):
                news += [
                    schema for key, schema in view.dependent_schemas.items() if key in instance
                ]
            news = [
                schema
                for schema in news
                if schema is not True and not any(schema is known for known in active)
            ]
            if not news:
                return active
            active += tuple(news)


def _shape(forms: Forms) -> Shape:
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


def _suited(shape: Shape, value: Any) -> Shape:
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
