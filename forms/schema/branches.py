"""The forms that an option can take: oneOf, anyOf and types that do not go together.

Most combinators in real schemas are no choice for a person at all: "text or null", "one of
these constants, each with a title", "a number or a text". Those are told apart here, so that
only a real choice (an object of this shape or of that one) is offered as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from forms.schema.load import Schema, SchemaDocument
from forms.schema.merge import View, view_of

SCALARS = frozenset({"boolean", "integer", "number", "string"})
_MOST = 64
"""More branches than this, nested ones included, are not offered one by one."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One form that an option can take: what it adds to the option's own schema."""

    title: str
    schemas: tuple[Schema, ...]
    view: View
    """The option's own schema and the branch's together."""


@dataclass(frozen=True, slots=True)
class Forms:
    """All forms that one schema allows."""

    view: View
    """What holds in every branch."""
    branches: tuple[Branch, ...] = ()
    """Two or more; empty where there is nothing to choose."""
    nullable: bool = False
    choices: tuple[tuple[Any, str], ...] = ()
    """The allowed (or, for texts, suggested) values with their titles."""


class _TooMany(Exception):
    pass


def forms_of(document: SchemaDocument, *schemas: Schema) -> Forms:
    """The forms that these schemas, applied together, allow."""
    view = view_of(document, *schemas)
    try:
        branches = _expand(document, view, schemas, count()) if view.choosers else []
    except _TooMany:
        view.trouble = "there are too many combinations to choose from"
        return Forms(view)
    return _simplified(document, schemas, _split_types(document, schemas, view), branches)


def _expand(
    document: SchemaDocument, view: View, base: tuple[Schema, ...], looked: Iterator[int]
) -> list[Branch]:
    """Every combination of one branch per chooser, nested choosers included."""
    combined: list[tuple[str, tuple[Schema, ...]]] = [("", ())]
    for chooser in view.choosers:
        options: list[tuple[str, tuple[Schema, ...]]] = []
        for schema in chooser:
            options += _options(document, schema, looked)
        combined = [
            (", ".join(filter(None, (title, more))), schemas + added)
            for title, schemas in combined
            for more, added in options
        ]
        if len(combined) > _MOST:
            raise _TooMany
    merged = [(title, added, view_of(document, *base, *added)) for title, added in combined]
    return [Branch(title, added, both) for title, added, both in merged if not both.trouble]


def _options(
    document: SchemaDocument, schema: Schema, looked: Iterator[int]
) -> list[tuple[str, tuple[Schema, ...]]]:
    """A branch, with its title; or those that it branches into itself."""
    if next(looked) > _MOST:
        raise _TooMany
    own = view_of(document, schema)
    title = str(own.words.get("title", ""))
    if not own.choosers:
        return [(title, (schema,))]
    inner = _expand(document, own, (schema,), looked)
    return [(branch.title or title, (schema, *branch.schemas)) for branch in inner]


def _split_types(document: SchemaDocument, schemas: tuple[Schema, ...], view: View) -> Forms:
    """A list of types with an object or array in it is a choice too."""
    types = view.types
    nullable = types is not None and "null" in types and len(types) > 1
    if types is None or view.choosers or "enum" in view.words or "const" in view.words:
        return Forms(view, nullable=nullable)
    groups = _groups(types)
    if len(groups) < 2:
        return Forms(view, nullable=nullable)
    branches = []
    for group in groups:
        narrowing: Schema = {"type": sorted(group)}
        branches.append(Branch("", (narrowing,), view_of(document, *schemas, narrowing)))
    return Forms(view, tuple(_titled(branches)), nullable)


def _split_branch(
    document: SchemaDocument, base: tuple[Schema, ...], branch: Branch
) -> list[Branch]:
    """A branch for each of the kinds of value that a branch allows."""
    groups = _groups(branch.view.types or frozenset())
    if len(groups) < 2 or "enum" in branch.view.words or "const" in branch.view.words:
        return [branch]
    parts = []
    for group in groups:
        schemas: tuple[Schema, ...] = (*branch.schemas, {"type": sorted(group)})
        view = view_of(document, *base, *schemas)
        parts.append(Branch("", schemas, view))
    return parts


def _groups(types: frozenset[str]) -> list[frozenset[str]]:
    """Types apart by how they are edited: plain values, lists, sections."""
    return [group for group in (types & SCALARS, types & {"array"}, types & {"object"}) if group]


def _simplified(
    document: SchemaDocument, base: tuple[Schema, ...], forms: Forms, branches: list[Branch]
) -> Forms:
    """Take out of a list of branches what is no choice."""
    view = forms.view
    if not branches:
        if view.choosers and not forms.branches:
            view.trouble = view.trouble or "its rules contradict each other in every branch"
        return replace(forms, choices=choices_of(view))
    branches = [part for branch in branches for part in _split_branch(document, base, branch)]
    real = [branch for branch in branches if not _is_null(branch.view)]
    nullable = forms.nullable or len(real) < len(branches)
    real = _split_nothing(real)
    if real and all(_constants(branch.view) is not None for branch in real):
        view.words["enum"] = [value for branch in real for value, _ in choices_of(branch.view)]
        choices = tuple(choice for branch in real for choice in choices_of(branch.view))
        return Forms(view, (), nullable, choices)
    scalars = [b for b in real if b.view.types is not None and b.view.types <= SCALARS | {"null"}]
    if len(scalars) == len(real) and real:
        return Forms(_any_of(view, scalars), (), nullable, _suggestions(scalars))
    if len(real) == 1:
        return Forms(real[0].view, (), nullable, choices_of(real[0].view))
    if len(scalars) > 1 and not any(b.view.types == frozenset({"boolean"}) for b in scalars):
        together = _any_of(real[0].view, scalars)
        joined = Branch("", scalars[0].schemas, together)
        real = [branch for branch in real if branch not in scalars]
        real.insert(0, replace(joined, schemas=({"type": sorted(together.types or ())},)))
    return Forms(view, tuple(_titled(real)), nullable)


def _split_nothing(branches: list[Branch]) -> list[Branch]:
    """Branches without those that are the same as an earlier one."""
    seen: list[Branch] = []
    for branch in branches:
        if not any(branch.schemas == other.schemas for other in seen):
            seen.append(branch)
    return seen


def _is_null(view: View) -> bool:
    return view.types == frozenset({"null"}) or view.words.get("const", view) is None


def _constants(view: View) -> list[Any] | None:
    if "const" in view.words:
        return [view.words["const"]]
    enum = view.words.get("enum")
    return enum if isinstance(enum, list) else None


def choices_of(view: View) -> tuple[tuple[Any, str], ...]:
    """The allowed values, titled by any of the ways in which schemas do it."""
    values = _constants(view)
    if values is None:
        return ()
    words = view.words
    if len(values) == 1 and "const" in words:
        return ((values[0], str(words.get("title", ""))),)
    for keyword in ("x-enum-titles", "enumNames", "enumDescriptions", "markdownEnumDescriptions"):
        titles = words.get(keyword)
        if isinstance(titles, list) and len(titles) == len(values):
            return tuple(zip(values, map(str, titles), strict=True))
        if isinstance(titles, dict):
            return tuple((value, str(titles.get(str(value), ""))) for value in values)
    return tuple((value, "") for value in values)


def _suggestions(branches: list[Branch]) -> tuple[tuple[Any, str], ...]:
    return tuple(choice for branch in branches for choice in choices_of(branch.view))


def _any_of(view: View, branches: list[Branch]) -> View:
    """One plain value that may be of any of the branches: their types, none of their bounds.

    The bounds still hold: they are checked by the schema itself."""
    types: frozenset[str] = frozenset().union(*(branch.view.types or () for branch in branches))
    words = {key: value for key, value in view.words.items() if key not in ("enum", "const")}
    formats = {str(branch.view.words.get("format", "")) for branch in branches}
    if len(branches) == 1:
        words = branches[0].view.words
    elif len(formats) == 1 and "" not in formats:
        words["format"] = formats.pop()
    return View(types=types - {"null"}, words=words)


def _titled(branches: list[Branch]) -> list[Branch]:
    """Branches that a person can tell apart."""
    titles = [branch.title or _described(branch.view, branches) for branch in branches]
    counts = Counter(titles)
    return [
        replace(branch, title=title if counts[title] == 1 else f"{title} ({i})")
        for i, (branch, title) in enumerate(zip(branches, titles, strict=True), 1)
    ]


def _described(view: View, siblings: Iterable[Branch]) -> str:
    for key in view.properties:
        constant = discriminator(view, key)
        if constant is not None:
            return f"{key}: {constant}"
    others = [branch.view for branch in siblings if branch.view is not view]
    for own in (view.required, view.properties):
        for key in own:
            if not any(key in other.required or key in other.properties for other in others):
                return f"with {key}"
    own_required = [key for key in view.required if not any(key in o.required for o in others)]
    if own_required:
        return f"with {own_required[0]}"
    title = str(view.words.get("title", ""))
    if title and any(other.words.get("title") != title for other in others):
        return title
    return " or ".join(sorted(map(type_word, view.types or ()))) or title or "other"


def type_word(name: str) -> str:
    """A JSON type as a person says it."""
    return {
        "null": "nothing",
        "boolean": "yes or no",
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "array": "list",
        "object": "section",
    }[name]


def discriminator(view: View, key: str) -> Any:
    """The one value that a property must have in this branch; None if there is none such."""
    schema = view.properties.get(key)
    if isinstance(schema, dict):
        for part in (schema, *schema.get("allOf", ())):
            if isinstance(part, dict):
                if "const" in part:
                    return part["const"]
                if isinstance(part.get("enum"), list) and len(part["enum"]) == 1:
                    return part["enum"][0]
    return None
