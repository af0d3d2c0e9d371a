"""Collects differences: each once, in words, with what it asks of the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from forms.diff.difference import Difference, Kind, Severity
from forms.diff.judge import Set, Verdict
from forms.diff.lockstep import Pair
from forms.paths import Path, path_text

_FOUND = dict[tuple[object, ...], tuple[Difference, Pair | None]]


class Findings:
    """Differences, in the order in which they are found."""

    def __init__(self) -> None:
        self._found: _FOUND = {}

    def add(
        self,
        kind: Kind,
        verdict: Verdict,
        text: str,
        *,
        old_path: Path | None,
        new_path: Path | None,
        pair: Pair | None = None,
        hits: Set = (),
        **details: Any,
    ) -> None:
        """Note a difference. One that is found again at the same paths counts once, as the
        worst that it is."""
        severity, action = verdict
        if pair is not None and pair.where:
            text = f"{text} ({pair.where})"
        difference = Difference(
            kind,
            severity,
            text,
            action,
            old_path,
            new_path,
            yours=tuple(path for path, _ in hits),
            **details,
        )
        key = (
            kind,
            old_path,
            new_path,
            difference.keyword,
            repr(difference.old),
            repr(difference.new),
        )
        known = self._found.get(key)
        if known is None or _worse(difference, known[0]):
            self._found[key] = (difference, pair)

    def leave_open(self, old_path: Path, new_path: Path) -> bool:
        """Does something that was found in an option leave open which values are valid now?
        It does not where all of it only loosens, or only tightens."""
        kinds = {
            difference.kind
            for difference, _ in self._found.values()
            if _within(difference.old_path, old_path) or _within(difference.new_path, new_path)
        } - _NO_RULES
        return not (kinds <= _LOOSER or kinds <= _TIGHTER)

    def __iter__(self) -> Iterator[Difference]:
        """All of them, those that matter most first, then by path."""
        counted = (
            difference if pair is None else replace(difference, places=pair.places())
            for difference, pair in self._found.values()
        )
        yield from in_order(counted)


def in_order(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Those that matter most first, then by path."""
    return tuple(sorted(differences, key=lambda one: (_RANK[one.severity], path_text(one.path))))


_NO_RULES = frozenset({Kind.DEFAULT, Kind.DEPRECATED, Kind.UNDEPRECATED})
_LOOSER = frozenset({Kind.LOOSENED, Kind.VALUE_ADDED, Kind.OPTIONAL})
_TIGHTER = frozenset({Kind.TIGHTENED, Kind.VALUE_DROPPED, Kind.REQUIRED})
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def _within(path: Path | None, top: Path) -> bool:
    return path is not None and path[: len(top)] == top


def _worse(one: Difference, other: Difference) -> bool:
    return _RANK[one.severity] < _RANK[other.severity]
