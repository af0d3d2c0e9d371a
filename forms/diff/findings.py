"""Collects differences: each once, in words, with what it asks of the user."""

from __future__ import annotations

from collections.abc import Iterator
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

    def __iter__(self) -> Iterator[Difference]:
        """All of them, those that matter most first, then by path."""
        counted = (
            difference if pair is None else replace(difference, places=pair.places())
            for difference, pair in self._found.values()
        )
        yield from sorted(counted, key=lambda one: (_RANK[one.severity], path_text(one.path)))


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def _worse(one: Difference, other: Difference) -> bool:
    return _RANK[one.severity] < _RANK[other.severity]
