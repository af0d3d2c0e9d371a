"""A schema taken apart into cases: every combination of one branch per anyOf and oneOf.

`$ref` and `allOf` are gone then, and so is the nesting of combinators; what is left of two
schemas that say the same in different notation is nearly alike already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from forms.schema.load import Schema, SchemaDocument
from forms.schema.merge import NOTHING, pieces_of

_MOST = 256
"""More cases than this are not told apart; their combinators are then compared as rules."""
_REFERRING = frozenset({"$ref", "allOf", "anyOf", "oneOf", "$defs", "$comment"})
_ONLY_REQUIRED = frozenset({"required", "title", "description", "$comment", "not"})

Piece = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cases:
    """All that one schema may be. Pieces hold no reference; an anyOf or oneOf that is left in
    one is a rule: it says which keys must be there, or has too many cases."""

    base: tuple[Piece, ...]
    """What holds in every case."""
    cases: tuple[tuple[Piece, ...], ...]
    """What each case adds: one that adds nothing where there is no choice, and none at all
    where the schema allows no value."""
    exclusive: bool = False
    """Is there a oneOf among the choices?"""


class _TooMany(Exception):
    pass


def cases_of(document: SchemaDocument, schema: Schema) -> Cases:
    """Take a schema apart."""
    apart = _taken_apart(document, schema)
    if apart is None:
        return Cases((), ())
    base, choosers = apart
    try:
        cases = tuple(_combinations(document, choosers, count()))
    except _TooMany:
        return Cases((*base, *({keyword: list(of)} for keyword, of in choosers)), ((),))
    exclusive = any(keyword == "oneOf" for keyword, _ in choosers)
    return Cases(base, cases, exclusive)


_Choosers = list[tuple[str, list[Schema]]]


def _taken_apart(
    document: SchemaDocument, schema: Schema
) -> tuple[tuple[Piece, ...], _Choosers] | None:
    """Plain pieces and choices; None where nothing is allowed."""
    plain: list[Piece] = []
    choosers: _Choosers = []
    for piece in pieces_of(document, schema):
        if piece is NOTHING:
            return None
        words = {key: value for key, value in piece.items() if key not in _REFERRING}
        if words:
            plain.append(words)
        for keyword in ("anyOf", "oneOf"):
            branches = piece.get(keyword)
            if not isinstance(branches, list) or not branches:
                continue
            if all(map(_only_requires, branches)):
                plain.append({keyword: branches})
            else:
                choosers.append((keyword, branches))
    return tuple(plain), choosers


def _only_requires(branch: Schema) -> bool:
    return not isinstance(branch, bool) and "required" in branch and branch.keys() <= _ONLY_REQUIRED


def _combinations(
    document: SchemaDocument, choosers: _Choosers, looked: Iterator[int]
) -> list[tuple[Piece, ...]]:
    combined: list[tuple[Piece, ...]] = [()]
    for _, branches in choosers:
        options = [case for branch in branches for case in _branch(document, branch, looked)]
        if len(combined) * len(options) > _MOST:
            raise _TooMany
        combined = [(*one, *more) for one in combined for more in options]
    return combined


def _branch(
    document: SchemaDocument, branch: Schema, looked: Iterator[int]
) -> list[tuple[Piece, ...]]:
    if next(looked) > _MOST:
        raise _TooMany
    apart = _taken_apart(document, branch)
    if apart is None:
        return []
    base, choosers = apart
    return [(*base, *more) for more in _combinations(document, choosers, looked)]
