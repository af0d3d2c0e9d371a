"""What an option that is gone may be called now, over all releases of an upgrade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forms.diff.likely import Likely, likely
from forms.paths import Path, path_text
from forms.upgrade.decision import Gone
from forms.upgrade.hop import Hop

_MOST = 5
_LEAST = 0.2
"""A candidate that is likelier wrong than this would only be read in vain."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """path: in the last release. score: the probability that a person would confirm it.

    links: what is confirmed with it: an option that is gone, and its path one release later.
    """

    path: Path
    score: float
    reasons: tuple[str, ...]
    links: tuple[tuple[Gone, Path], ...]


class Candidates:
    """Looked for when they are first asked for: most upgrades have nothing to ask."""

    def __init__(self, hops: Sequence[Hop]) -> None:
        self._hops = hops
        self._by_hop: dict[int, Mapping[Path, tuple[Likely, ...]]] = {}

    def of(self, gone: Gone) -> tuple[Candidate, ...]:
        """Best first. Where an option is renamed again in a later release, that is followed."""
        found: dict[Path, Candidate] = {}
        for one in self._followed(gone):
            known = found.get(one.path)
            if known is None or one.score > known.score:
                found[one.path] = one
        best = sorted(found.values(), key=lambda one: (-one.score, path_text(one.path)))
        return tuple(one for one in best[:_MOST] if one.score >= _LEAST)

    def _followed(self, gone: Gone) -> list[Candidate]:
        ended: list[Candidate] = []
        for new, score, reasons in self._next(gone):
            links = ((gone, new),)
            ended += self._onwards(gone.hop + 1, new, score, reasons, links)
        return ended

    def _onwards(
        self,
        hop: int,
        path: Path,
        score: float,
        reasons: tuple[str, ...],
        links: tuple[tuple[Gone, Path], ...],
    ) -> list[Candidate]:
        """Where a candidate is in the last release."""
        while hop < len(self._hops):
            carried = self._hops[hop].carried(path, {})
            if len(carried) != 1:
                break
            path, hop = carried[0], hop + 1
        else:
            return [Candidate(path, score, reasons, links)]
        gone = Gone(hop, path)
        further = self._next(gone) if score >= _LEAST else []
        return [
            one
            for new, again, why in further
            for one in self._onwards(
                hop + 1, new, score * again, (*reasons, *why), (*links, (gone, new))
            )
        ]

    def _next(self, gone: Gone) -> list[tuple[Path, float, tuple[str, ...]]]:
        hop = self._hops[gone.hop]
        split = hop.became.get(gone.option, ())
        if len(split) > 1:
            names = " and ".join(map(path_text, split))
            return [(path, 0.5, (f"it was split into {names}",)) for path in split]
        taken = {end for ends in hop.became.values() for end in ends}
        return [
            (one.new, one.score, one.reasons)
            for one in self._likely(gone.hop).get(gone.option, ())
            if (gone.option, one.new) not in hop.refused and one.new not in taken
        ]

    def _likely(self, number: int) -> Mapping[Path, tuple[Likely, ...]]:
        if number not in self._by_hop:
            hop = self._hops[number]
            known = {old: ends[0] for old, ends in hop.became.items() if ends}
            self._by_hop[number] = likely(hop.old.listing, hop.new.listing, known)
        return self._by_hop[number]
