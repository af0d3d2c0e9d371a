"""A schema taken apart into cases: every combination of one branch per anyOf and oneOf.

`$ref` and `allOf` are gone then, and so is the nesting of combinators; what is left of two
schemas that say the same in different notation is nearly alike already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forms.schema.load import Schema, SchemaDocument
from forms.schema.merge import NOTHING, pieces_of

_MOST = 256
"""More cases than this are not told apart; their combinators are then compared as rules."""
_REFERRING = frozenset({"$ref", "allOf", "anyOf", "oneOf", "$defs", "$comment"})
_ONLY_REQUIRED = frozenset({"required", "title", "description", "$comment", "not"})

Piece = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One branch of every choice."""

    pieces: tuple[Piece, ...] = ()
    taken: frozenset[tuple[int, int]] = frozenset()
    """Which branches of which oneOf, by their positions in `Cases.one_ofs`."""

    def __add__(self, other: Case) -> Case:
        return Case((*self.pieces, *other.pieces), self.taken | other.taken)


@dataclass(frozen=True, slots=True)
class Cases:
    """All that one schema may be. Pieces hold no reference; an anyOf or oneOf that is left in
    one is a rule: it says which keys must be there, or has too many cases."""

    base: tuple[Piece, ...]
    """What holds in every case."""
    cases: tuple[Case, ...]
    """What each case adds: one that adds nothing where there is no choice, and none at all
    where the schema allows no value."""
    one_ofs: tuple[tuple[Schema, ...], ...] = ()
    """The branches of each oneOf among the choices, however deep: a value that fits several
    of them is not allowed."""


class _TooMany(Exception):
    pass


def cases_of(document: SchemaDocument, schema: Schema) -> Cases:
    """Take a schema apart."""
    apart = _taken_apart(document, schema)
    if apart is None:
        return Cases((), ())
    base, choosers = apart
    taking = _Taking(document)
    try:
        cases = tuple(taking.combinations(choosers))
    except _TooMany:
        return Cases((*base, *({keyword: list(of)} for keyword, of in choosers)), (Case(),))
    return Cases(base, cases, tuple(taking.one_ofs))


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


@dataclass(slots=True)
class _Taking:
    """Takes the choices of one schema apart."""

    document: SchemaDocument
    one_ofs: list[tuple[Schema, ...]] = field(default_factory=list)
    _looked: int = 0

    def combinations(self, choosers: _Choosers) -> list[Case]:
        combined = [Case()]
        for keyword, branches in choosers:
            number = None
            if keyword == "oneOf":
                number = len(self.one_ofs)
                self.one_ofs.append(tuple(branches))
            cases = [
                case
                for i, branch in enumerate(branches)
                for case in self._branch(branch, () if number is None else ((number, i),))
            ]
            if len(combined) * len(cases) > _MOST:
                raise _TooMany
            combined = [one + more for one in combined for more in cases]
        return combined

    def _branch(self, branch: Schema, taken: tuple[tuple[int, int], ...]) -> list[Case]:
        self._looked += 1
        if self._looked > _MOST:
            raise _TooMany
        apart = _taken_apart(self.document, branch)
        if apart is None:
            return []
        base, choosers = apart
        own = Case(base, frozenset(taken))
        return [own + more for more in self.combinations(choosers)]
