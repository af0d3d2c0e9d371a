"""The shapes of all options of a schema, with the values they have now.

A shape depends on the schema alone wherever it can, and is then made once however often the
schema occurs. Branches and conditions make it depend on the value too.
"""

from __future__ import annotations

from typing import Any

from forms.schema.branches import Forms, choices_of, forms_of
from forms.schema.fitting import constants_agree, fitting
from forms.schema.load import Schema, SchemaDocument
from forms.schema.merge import View, view_of
from forms.schema.shape import Shape, plain_shape, suited
from forms.schema.validator import Validator
from forms.values import ABSENT, is_type

_REFERRING = frozenset({"$ref", "allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas"})


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
        for part in (schema.get("then"), schema.get("else")):
            if isinstance(part, dict):
                self._follow(part, found)
        for part in schema.get("dependentSchemas", {}).values():
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
            shape = plain_shape(self._forms_of(schema))
            self._plain[id(schema)] = shape
        return suited(shape, value)

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
            shape = plain_shape(forms)
        elif forms.branches:
            view = self._view_of(*active)
            shape = plain_shape(Forms(view, choices=choices_of(view)))
        else:
            shape = plain_shape(self._forms_of(*active))
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
        return suited(shape, value)

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
                news += [schema for key, schema in view.dependent_schemas if key in instance]
            news = [
                schema
                for schema in news
                if schema is not True and not any(schema is known for known in active)
            ]
            if not news:
                return active
            active += tuple(news)
