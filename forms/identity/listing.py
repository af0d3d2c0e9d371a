"""The options of one release, most of which are never looked at: they are in the other as well."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from forms.identity.option import Name, Option
from forms.identity.views import View
from forms.identity.words import squashed


class Listing:
    """By path, so that an option's place in a listing never decides between candidates that
    are as likely. Each option is prepared for comparing when it is first asked for."""

    def __init__(self, options: Iterable[Option]) -> None:
        self._options = sorted(options, key=_by_path)
        self._views: dict[int, View] = {}
        self.paths: Sequence[Name] = [option.path for option in self._options]

    def __getitem__(self, at: int) -> View:
        view = self._views.get(at)
        if view is None:
            view = self._views[at] = View(self._options[at])
        return view

    def without(self, paths: frozenset[Name]) -> list[int]:
        """Positions of the options with other paths."""
        return [at for at, path in enumerate(self.paths) if path not in paths]

    @cached_property
    def path_set(self) -> frozenset[Name]:
        return frozenset(self.paths)

    @cached_property
    def parents(self) -> frozenset[Name]:
        return frozenset([path[:-1] for path in self.paths])

    @cached_property
    def places(self) -> frozenset[Name]:
        """All that something stands below of."""
        found: set[Name] = {()}
        for parent in self.parents:
            place = parent
            while place not in found:
                found.add(place)
                place = place[:-1]
        return frozenset(found)

    @cached_property
    def by_leaf(self) -> Mapping[str, Sequence[int]]:
        """Last component, without case and punctuation -> positions."""
        found: dict[str, list[int]] = defaultdict(list)
        for at, path in enumerate(self.paths):
            found[squashed(path[-1]) if path else ""].append(at)
        return found


def _by_path(option: Option) -> Name:
    return option.path
