"""Reading what a schema means, place by place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from forms.diff.alternatives import listed_only, rules_of, united, unlisted
from forms.diff.cases import Piece, cases_of
from forms.diff.meaning import KINDS, Alternative, Form, Meaning
from forms.diff.option import Said
from forms.diff.plain import Asked, asked_of
from forms.schema.branches import choices_of
from forms.schema.load import REFUSED, Schema, SchemaDocument, load_schema
from forms.schema.merge import View, pieces_of, view_of
from forms.schema.validator import Validator
from forms.values import is_type, same

_ANNOTATING = frozenset(
    "title description default examples deprecated readOnly writeOnly "
    f"type enum const $schema {REFUSED}".split()
)
_SILENT = frozenset(["$ref", "allOf", "$comment"])
"""Keywords that say nothing of their own."""

Children = dict[str | int, list[Schema]]
"""Path part and schemas of everything that lies in an option, whichever form it takes."""


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
        rules, conditions = rules_of(base)
        return Meaning(alternatives, words, rules, conditions, tuple(forms), cases.one_ofs, key=key)

    def _alternatives(
        self, view: View, pieces: tuple[Piece, ...], case: tuple[Piece, ...]
    ) -> Iterator[Alternative]:
        rules, conditions = rules_of(case)
        own = view_of(self.document, *case).words if case else {}
        title, deprecated = str(own.get("title", "")), bool(own.get("deprecated"))
        listed = choices_of(view)
        if listed:
            yield from listed_only(self._allowed(view, pieces, listed))
            return
        types = frozenset(KINDS) if view.types is None else view.types
        for kind in KINDS:
            whole = kind == "number" and "number" not in types and "integer" in types
            if kind not in types and not whole:
                continue
            for one in unlisted(view, pieces, kind, whole):
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
