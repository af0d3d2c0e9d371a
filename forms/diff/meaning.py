"""What a schema means at one place, whatever its notation.

JSON Schema's keywords speak of one kind of value each, so a meaning is a union of
alternatives: "a text of at least 2 characters, or one of 1 and 2, or nothing". Two schemas
that differ only in how they say it have equal meanings: enum of one against const, anyOf with
null against a list of types, exclusive bounds of whole numbers against inclusive ones.

Meanings go one level deep; what lies below is left as schemas, as in `forms.schema.merge`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from forms.diff.cases import Piece, cases_of
from forms.diff.contents import options_in, positions_in
from forms.diff.plain import Asked, asked_of
from forms.schema.branches import choices_of
from forms.schema.load import REFUSED, Schema, SchemaDocument, load_schema
from forms.schema.merge import View, pieces_of, view_of
from forms.schema.validator import Validator
from forms.values import is_type, key_of, same, type_of
from forms.walk import is_secret

if TYPE_CHECKING:
    from forms.diff.option import Said

KINDS = ("string", "number", "boolean", "array", "object", "null")
"""Kinds of values; a whole number is a number with `Alternative.whole`."""
_BOUNDS = {
    "string": ("minLength", "maxLength"),
    "number": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"),
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties"),
}
_TEXTS = {"string": ("pattern", "format", "contentEncoding", "contentMediaType")}
RULES = frozenset(
    ["not", "contains", "propertyNames", "anyOf", "oneOf", "contentSchema", "unevaluatedItems"]
)
"""Keywords that are compared as a whole: it is said that they changed, not how."""
_NO_RULE = frozenset(["minimum", "maximum", "minLength", "minItems", "minProperties"])
_ANNOTATING = frozenset(
    "title description default examples deprecated readOnly writeOnly "
    f"type enum const $schema {REFUSED}".split()
)

_SILENT = frozenset(["$ref", "allOf", "$comment"])
"""Keywords that say nothing of their own."""

Children = dict[str | int, list[Schema]]
"""Path part and schemas of everything that lies in an option, whichever form it takes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A keyword that is compared as a whole, with its schemas."""

    keyword: str
    schemas: tuple[Schema, ...]
    facts: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What holds where `when` does; `otherwise` holds where it does not. `key` instead of
    `when` where the condition is that a key is set."""

    when: Schema
    then: Schema
    otherwise: Schema = True
    key: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One kind of value, with all that is asked of it."""

    kind: str
    whole: bool = False
    values: tuple[Any, ...] | None = None
    """The only values there may be; None where they are not listed."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles of values, by `key_of`."""
    bounds: Mapping[str, Any] = field(default_factory=dict)
    texts: frozenset[tuple[str, str]] = frozenset()
    """Pattern, format and the like: keyword and what it says."""
    properties: Mapping[str, Schema] = field(default_factory=dict)
    patterns: Mapping[str, Schema] = field(default_factory=dict)
    additional: Schema = True
    """What keys may hold that no property and no pattern speaks of."""
    required: frozenset[str] = frozenset()
    together: frozenset[tuple[str, str]] = frozenset()
    """Pairs of keys: where the first is set, the second must be too."""
    prefix: tuple[Schema, ...] = ()
    items: Schema = True
    rules: tuple[Rule, ...] = ()
    conditions: tuple[Condition, ...] = ()
    title: str = ""
    deprecated: bool = False
    """Is this form deprecated, but not the option?"""

    @property
    def free(self) -> bool:
        """Is any value of the kind allowed?"""
        return not (
            self.whole
            or self.values is not None
            or self.bounds
            or self.texts
            or self.properties
            or self.patterns
            or self.additional is not True
            or self.required
            or self.together
            or self.prefix
            or self.items is not True
            or self.rules
            or self.conditions
            or self.deprecated
        )


@dataclass(frozen=True, slots=True)
class Form:
    """An alternative with what it was read from."""

    alternative: Alternative
    pieces: tuple[Piece, ...]
    taken: frozenset[tuple[int, int]]
    """Branches of oneOfs, as `forms.diff.cases.Case` has them."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a schema says at its own place."""

    alternatives: tuple[Alternative, ...]
    """Empty where no value is allowed."""
    words: Mapping[str, Any]
    """Annotations: default, title, description, deprecated, x-..."""
    rules: tuple[Rule, ...] = ()
    conditions: tuple[Condition, ...] = ()
    forms: tuple[Form, ...] = ()
    """All its forms one by one, where a oneOf is among the choices."""
    one_ofs: tuple[tuple[Schema, ...], ...] = ()
    """The branches of these oneOfs."""
    plain: bool = False
    """Was it read by the short way? Then two with the same alternatives have one tuple of them,
    and nothing lies in it."""
    key: frozenset[int] = frozenset()
    """Identities of the schema objects that it was read from: that of the same option met
    again further down is the same, which is how recursion is seen."""

    def overlays(self) -> Iterator[Schema]:
        """Schemas that may hold at this place as well: sides of conditions, and the branches
        of choices with too many cases."""
        for condition in self.conditions:
            yield from (condition.then, condition.otherwise)
        for rule in self.rules:
            if rule.keyword in ("anyOf", "oneOf"):
                yield from rule.schemas
        for one in self.alternatives:
            for condition in one.conditions:
                yield from (condition.then, condition.otherwise)

    @property
    def secret(self) -> bool:
        return is_secret(self.words)

    def kinds(self) -> dict[str, bool]:
        """The kinds of values with whether all numbers among them are whole."""
        found: dict[str, bool] = {}
        for one in self.alternatives:
            found[one.kind] = found.get(one.kind, True) and one.whole
        return found


class Reader:
    """Gives the meanings of one schema document's parts, and remembers them.

    beside: the reader of a document with which this one shares its unchanged parts
    (`forms.diff.unchanged`); the meanings of these are the same objects for both then.
    """

    def __init__(self, document: SchemaDocument, beside: Reader | None = None) -> None:
        self.document = document
        self.validator = Validator(document)
        self._known: dict[int, tuple[Meaning, Schema]] = beside._known if beside else {}
        self._by_pieces: dict[tuple[int, ...], Meaning] = beside._by_pieces if beside else {}
        self.children: dict[int, Children] = beside.children if beside else {}
        self.said: dict[int, Said] = beside.said if beside else {}
        """What lies in an option and what is said of it, by the identity of its meaning; kept
        by `forms.diff.children` and `forms.diff.listing`."""
        self.typed: dict[int, tuple[dict[str, Any], str]] = beside.typed if beside else {}
        """The types in it, by the identity of its meaning's alternatives."""

    def meaning(self, schema: Schema) -> Meaning:
        """The meaning of a schema that is part of the document or was given by a meaning."""
        known = self._known.get(id(schema))
        if known is None:
            # kept with its schema: an id is good as long as its object lives
            if (asked := asked_of(schema)) is not None and not isinstance(schema, bool):
                words = {word: said for word, said in schema.items() if word != "type"}
                plain = Meaning(_plain(asked), words, key=frozenset((id(schema),)), plain=True)
                self._known[id(schema)] = (plain, schema)
                return plain
            pieces = tuple(
                id(piece) for piece in pieces_of(self.document, schema) if piece.keys() - _SILENT
            )
            meaning = self._by_pieces.get(pieces)
            if meaning is None:
                meaning = self.read(schema, frozenset(pieces))
                self._by_pieces[pieces] = meaning
            known = self._known[id(schema)] = (meaning, schema)
        return known[0]

    def mark(self, one: Alternative) -> tuple[str, Any] | None:
        """The constant by which this form of a section is told from others: key and value."""
        for key, schema in one.properties.items():
            values = self.listed(self.meaning(schema))
            if values is not None and len(values) == 1:
                return key, values[0]
        return None

    def listed(self, meaning: Meaning) -> list[Any] | None:
        """The only values that an option may hold; None where they are not listed."""
        found: list[Any] = []
        for alternative in meaning.alternatives:
            if alternative.values is None:
                return None
            found += alternative.values
        return found

    def fits(self, pieces: Iterable[Piece], value: Any) -> bool:
        """Is a value valid by all of these, whatever they have beside JSON Schema's words?"""
        return all(self.validator.is_valid(piece, value) for piece in _asking(pieces))

    def read(self, schema: Schema, key: frozenset[int] = frozenset()) -> Meaning:
        """A meaning, read by the long way and not remembered."""
        cases = cases_of(self.document, schema)
        found: list[Alternative] = []
        forms: list[Form] = []
        real: list[tuple[Piece, ...]] = []
        for case in cases.cases:
            pieces = (*cases.base, *case.pieces)
            view = view_of(self.document, *pieces)
            if view.trouble:
                continue
            its = list(self._alternatives(view, pieces, case.pieces))
            found += its
            if cases.one_ofs:
                forms += [Form(one, pieces, case.taken) for one in its]
            if any(one.kind != "null" for one in its):
                real.append(case.pieces)
        base = cases.base
        if len(real) == 1:
            # nothing to choose, but for leaving it empty: the case's own rules are the option's
            base = (*base, *real[0])
            found = [
                replace(one, rules=(), conditions=(), title="", deprecated=False) for one in found
            ]
        alternatives = tuple(united(found))
        words = view_of(self.document, *base).words
        if "default" not in words:
            said = [piece["default"] for case in real for piece in case if "default" in piece]
            if said and all(same(said[0], other) for other in said):
                words["default"] = said[0]
        rules, conditions = _rules_of(base)
        return Meaning(alternatives, words, rules, conditions, tuple(forms), cases.one_ofs, key=key)

    def _alternatives(
        self, view: View, pieces: tuple[Piece, ...], case: tuple[Piece, ...]
    ) -> Iterator[Alternative]:
        rules, conditions = _rules_of(case)
        own = view_of(self.document, *case).words if case else {}
        title, deprecated = str(own.get("title", "")), bool(own.get("deprecated"))
        listed = choices_of(view)
        if listed:
            yield from _listed(self._allowed(view, pieces, listed))
            return
        types = frozenset(KINDS) if view.types is None else view.types
        for kind in KINDS:
            whole = kind == "number" and "number" not in types and "integer" in types
            if kind not in types and not whole:
                continue
            for one in _unlisted(view, pieces, kind, whole):
                yield replace(
                    one, title=title, deprecated=deprecated, rules=rules, conditions=conditions
                )

    def _allowed(
        self, view: View, pieces: tuple[Piece, ...], listed: Iterable[tuple[Any, str]]
    ) -> list[tuple[Any, str]]:
        """The listed values that the other keywords allow too."""
        enum = view.words.get("enum")
        found = [
            (value, title)
            for value, title in listed
            if (view.types is None or is_type(value, view.types))
            and (enum is None or any(same(value, other) for other in enum))
        ]
        more = [piece for piece in pieces if _says_more(piece)]
        return [(value, title) for value, title in found if self.fits(more, value)]


@lru_cache(maxsize=4096)
def _plain(asked: Asked) -> tuple[Alternative, ...]:
    piece = dict(asked)
    return Reader(load_schema(piece)).read(piece).alternatives


def _asking(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Pieces without words that are not JSON Schema's."""
    for piece in pieces:
        yield {word: said for word, said in piece.items() if not word.startswith("x-")}


def _says_more(piece: Piece) -> bool:
    """Is there more in a piece than a list of values, their type and annotations?"""
    return any(not word.startswith("x-") for word in piece.keys() - _ANNOTATING)


def _listed(values: Iterable[tuple[Any, str]]) -> Iterator[Alternative]:
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


def _unlisted(
    view: View, pieces: tuple[Piece, ...], kind: str, whole: bool
) -> Iterator[Alternative]:
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
        items = True if view.items is None or view.items == {} else view.items
        yield replace(one, prefix=positions_in(pieces, view.prefix), items=items)
    else:
        yield one


def _additional(view: View) -> Schema:
    additional = view.additional
    if additional is None:
        unevaluated = view.words.get("unevaluatedProperties", True)
        additional = unevaluated if isinstance(unevaluated, bool | dict) else True
    return True if additional == {} else additional


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


def _rules_of(
    pieces: Iterable[Piece],
) -> tuple[tuple[Rule, ...], tuple[Condition, ...]]:
    rules: list[Rule] = []
    conditions: list[Condition] = []
    for piece in pieces:
        for keyword in sorted(piece.keys() & RULES):
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
