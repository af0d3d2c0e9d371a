"""What one case of a schema allows, told apart by kinds of values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from forms.diff.cases import Piece
from forms.diff.contents import options_in, positions_in
from forms.diff.meaning import KINDS, Alternative, Condition, Rule
from forms.schema.load import REFUSED, Schema
from forms.schema.merge import View
from forms.values import key_of, type_of

_BOUNDS = {
    "string": ("minLength", "maxLength"),
    "number": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties"),
}
_TEXTS = {"string": ("pattern", "format", "contentEncoding", "contentMediaType")}
_RULES = frozenset(
    ["not", "contains", "propertyNames", "anyOf", "oneOf", "contentSchema", "unevaluatedItems"]
)
"""Keywords that are compared as a whole: it is said that they changed, not how."""
_NO_RULE = frozenset(["minimum", "maximum", "minLength", "minItems", "minProperties"])


def listed_only(values: Iterable[tuple[Any, str]]) -> Iterator[Alternative]:
    """These values with their titles and no others, an alternative for each of their kinds."""
    by_kind: dict[str, list[tuple[Any, str]]] = {}
    for value, title in values:
        kind = type_of(value).replace("integer", "number")
        by_kind.setdefault(kind, []).append((value, title))
    for kind, some in by_kind.items():
        if kind == "null":
            yield Alternative(kind)
            continue
        titles = {key_of(value): title for value, title in some if title}
        whole = kind == "number" and all(type_of(value) == "integer" for value, _ in some)
        yield Alternative(kind, whole, _distinct(value for value, _ in some), titles)


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple({key_of(value): value for value in values}.values())


def unlisted(
    view: View, pieces: tuple[Piece, ...], kind: str, whole: bool
) -> Iterator[Alternative]:
    """All values of one kind that a view allows; none where no value can keep its bounds.
    pieces: what the view was made of."""
    bounds = _bounds(view, kind, whole)
    if bounds is None:
        return
    if bounds.get("multipleOf") == 1:
        whole = True
        del bounds["multipleOf"]
    one = Alternative(kind, whole, bounds=bounds, texts=_texts(pieces, kind))
    if kind == "object":
        yield replace(
            one,
            properties=options_in(pieces, view.properties, view.patterns),
            patterns=view.patterns,
            additional=_additional(view),
            required=frozenset(view.required),
            together=frozenset(
                (key, name) for key, names in view.dependent_required.items() for name in names
            ),
        )
    elif kind == "array":
        items = True if view.items is None else _told(view.items)
        yield replace(one, prefix=positions_in(pieces, view.prefix), items=items)
    else:
        yield one


def _additional(view: View) -> Schema:
    additional = view.additional
    if additional is None:
        unevaluated = view.words.get("unevaluatedProperties", True)
        additional = unevaluated if isinstance(unevaluated, bool | dict) else True
    return _told(additional)


def _told(schema: Schema) -> Schema:
    """A schema that says nothing, be it with a comment, is the one that lets everything through."""
    return True if isinstance(schema, dict) and not schema.keys() - {"$comment"} else schema


def _bounds(view: View, kind: str, whole: bool) -> dict[str, Any] | None:
    """The bounds that mean something; None where no value can keep them."""
    found: dict[str, Any] = {}
    for keyword in _BOUNDS.get(kind, ()):
        value = view.words.get(keyword)
        if (
            value is None
            or value is False
            or (keyword in _NO_RULE and kind != "number" and not value)
        ):
            continue
        found[keyword] = int(value) if isinstance(value, float) and value.is_integer() else value
    for bound, exclusive, step in (
        ("minimum", "exclusiveMinimum", 1),
        ("maximum", "exclusiveMaximum", -1),
    ):
        if exclusive in found and whole and isinstance(found[exclusive], int):
            inside = found.pop(exclusive) + step
            known = found.get(bound, inside)
            found[bound] = max(known, inside) if step > 0 else min(known, inside)
        if bound in found and exclusive in found:
            weaker = (
                found[bound] <= found[exclusive] if step > 0 else found[bound] >= found[exclusive]
            )
            del found[bound if weaker else exclusive]
    for least, most in (("minimum", "maximum"), ("minLength", "maxLength")):
        if found.get(least, 0) > found.get(most, float("inf")):
            return None
    return found


def _texts(pieces: Iterable[Piece], kind: str) -> frozenset[tuple[str, str]]:
    return frozenset(
        (keyword, str(piece[keyword]))
        for piece in pieces
        for keyword in _TEXTS.get(kind, ())
        if keyword in piece
    )


def rules_of(
    pieces: Iterable[Piece],
) -> tuple[tuple[Rule, ...], tuple[Condition, ...]]:
    """What is asked that no single keyword of a view says."""
    rules: list[Rule] = []
    conditions: list[Condition] = []
    for piece in pieces:
        for keyword in sorted(piece.keys() & _RULES):
            value = piece[keyword]
            schemas = tuple(value) if isinstance(value, list) else (value,)
            facts = ""
            if keyword == "contains":
                facts = f"{piece.get('minContains', 1)} to {piece.get('maxContains', 'any')}"
            rules.append(Rule(keyword, schemas, facts))
        if REFUSED in piece:
            rules.append(Rule(REFUSED, (), str(piece[REFUSED])))
        if "if" in piece:
            then, otherwise = piece.get("then", True), piece.get("else", True)
            if then is not True or otherwise is not True:
                conditions.append(Condition(piece["if"], then, otherwise))
        for key, schema in piece.get("dependentSchemas", {}).items():
            conditions.append(Condition(True, schema, key=key))
    return tuple(rules), tuple(conditions)


def united(found: Collection[Alternative]) -> Iterator[Alternative]:
    """Alternatives without those that another says as well: all listed values of a kind in
    one, none beside one that allows everything of its kind."""
    for kind in KINDS:
        same_kind = [one for one in found if one.kind == kind]
        free = [one for one in same_kind if one.free]
        if free:
            yield free[0]
            continue
        listed = [one for one in same_kind if one.values is not None]
        if listed:
            values = _distinct(value for one in listed for value in one.values or ())
            if kind == "boolean" and len(values) == 2:
                yield Alternative(kind)
                continue
            titles = {key: title for one in listed for key, title in one.titles.items()}
            whole = all(one.whole for one in listed)
            yield Alternative(kind, whole, values, titles)
        yield from (one for one in same_kind if one.values is None)
