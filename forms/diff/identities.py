"""Which old option lives on as which new one: what is known for certain.

Sources: what the caller gives, and marks in the new schema. `x-renamed-from` names what an
option was called before: a sibling by its name, or any option by its whole path. Options that
carry the same `x-id` in both schemas are the same wherever they are, unless it stays open
which of several that carry it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

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
    _by_old: dict[Path, list[Path]] = field(init=False, default_factory=dict)
    _by_new: dict[Path, list[Path]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for old, new in self.pairs:
            self._by_old.setdefault(old, []).append(new)
            self._by_new.setdefault(new, []).append(old)

    def became(self, old: Path) -> list[Path]:
        return self._by_old.get(old, [])

    def carried(self, old: Path) -> list[Path]:
        """Where an old path is found in the new schema, as far as is known."""
        return _carried(old, self._by_old)

    def was(self, new: Path) -> list[Path]:
        return self._by_new.get(new, [])


def given_pairs(given: Pairs) -> list[tuple[Path, Path]]:
    """Pairs as a caller gives them, each once."""
    return list(dict.fromkeys(given.items() if isinstance(given, Mapping) else given))


def known_identities(given: Pairs, old: Listing, new: Listing) -> Identities:
    """What the caller gives and what both schemas say, together."""
    asked = given_pairs(given)
    left_out = tuple(pair for pair in asked if pair[0] not in old or pair[1] not in new)
    pairs = dict.fromkeys(asked)
    for pair in left_out:
        del pairs[pair]
    pairs |= dict.fromkeys(pair for pair in _marked(old, new) if pair not in pairs)
    shallow_first = sorted(pairs, key=lambda pair: (len(pair[0]), str(pair)))
    said: dict[tuple[Path, Path], None] = {}
    by_old: dict[Path, list[Path]] = {}
    for was, now in shallow_first:
        if now not in _carried(was, by_old):
            said[was, now] = None
            by_old.setdefault(was, []).append(now)
    return Identities(tuple(said), left_out)


def _marked(old: Listing, new: Listing) -> Iterator[tuple[Path, Path]]:
    for path, option in new.items():
        for name in option.said.renamed_from if path not in old else ():
            for was in ((*path[:-1], name), _path(name)):
                if was in old:
                    yield was, path
                    break
    before, after = _places_of_ids(old), _places_of_ids(new)
    for one in before.keys() & after.keys():
        yield from _same_id(before[one], after[one])


def _places_of_ids(listing: Listing) -> dict[str, dict[Path, None]]:
    found: dict[str, dict[Path, None]] = {}
    for path, option in listing.items():
        for one in option.said.ids:
            found.setdefault(one, {})[path] = None
    return found


def _same_id(before: Collection[Path], after: Collection[Path]) -> Iterator[tuple[Path, Path]]:
    """Pairs of the options with one id. A definition that is referred to in several places
    carries its id to all of them: those that stay are no news, and of the others those in the
    same section belong together."""
    went = [path for path in before if path not in after]
    came = [path for path in after if path not in before]
    for path in came:
        beside = [was for was in went if was[:-1] == path[:-1]]
        if beside:
            yield from ((was, path) for was in beside)
        elif len(went) == 1 or len(came) == 1:
            yield from ((was, path) for was in went)


def _carried(old: Path, by_old: Mapping[Path, list[Path]]) -> list[Path]:
    """Where an old path is found by these pairs: with the nearest section that moved."""
    for length in range(len(old), -1, -1):
        if found := by_old.get(old[:length]):
            return [(*new, *old[length:]) for new in found]
    return [old]


def _path(text: str) -> Path:
    try:
        return tuple(parse_path(text))
    except ValueError:
        return ()
