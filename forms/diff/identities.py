"""Which old option lives on as which new one: what is known for certain.

Sources: what the caller gives, and marks in the new schema. `x-renamed-from` names what an
option was called before: a sibling by its name, or any option by its whole path. Options that
carry the same `x-id` in both schemas are the same wherever they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from forms.diff.listing import Listing
from forms.paths import Path, parse_path

Pairs = Mapping[Path, Path] | Iterable[tuple[Path, Path]]


@dataclass(frozen=True, slots=True)
class Identities:
    """Pairs of an old and a new path. Several pairs with the same old path are a split, those
    with the same new path a merge."""

    pairs: tuple[tuple[Path, Path], ...]
    left_out: tuple[tuple[Path, Path], ...] = ()
    """Given pairs that name an option which is not there."""

    def became(self, old: Path) -> list[Path]:
        return [new for one, new in self.pairs if one == old]

    def carried(self, old: Path) -> list[Path]:
        """Where an old path is found in the new schema, as far as is known."""
        return _carried(old, self.pairs)

    def was(self, new: Path) -> list[Path]:
        return [old for old, other in self.pairs if other == new]


def known_identities(given: Pairs, old: Listing, new: Listing) -> Identities:
    """What the caller gives and what both schemas say, together."""
    pairs = dict.fromkeys(given.items() if isinstance(given, Mapping) else given)
    left_out = [pair for pair in pairs if pair[0] not in old or pair[1] not in new]
    pairs = dict.fromkeys(pair for pair in pairs if pair not in left_out)
    by_id = {one: path for path, option in old.items() for one in option.ids}
    for path, option in new.items():
        for name in option.renamed_from if path not in old else ():
            for was in ((*path[:-1], name), _path(name)):
                if was in old:
                    pairs.setdefault((was, path))
                    break
        for one in option.ids:
            if one in by_id:
                pairs.setdefault((by_id[one], path))
    shallow_first = sorted(pairs, key=lambda pair: (len(pair[0]), str(pair)))
    said: dict[tuple[Path, Path], None] = {}
    for pair in shallow_first:
        if pair[1] not in _carried(pair[0], said):
            said[pair] = None
    return Identities(tuple(said), tuple(left_out))


def _carried(old: Path, pairs: Iterable[tuple[Path, Path]]) -> list[Path]:
    """Where an old path is found by these pairs: with the nearest section that moved."""
    inside = [pair for pair in pairs if old[: len(pair[0])] == pair[0]]
    if not inside:
        return [old]
    nearest = max(len(pair[0]) for pair in inside)
    return [(*new, *old[nearest:]) for was, new in inside if len(was) == nearest]


def _path(text: str) -> Path:
    try:
        return tuple(parse_path(text))
    except ValueError:
        return ()
