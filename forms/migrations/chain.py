"""The migrations of all releases of an application, and those that one upgrade needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from forms.migrations.change import Change, Migration, pairs
from forms.migrations.inverse import inverse, inverses
from forms.paths import Path


class NoWayBack(ValueError):
    """A downgrade over changes that cannot be taken back; it says which."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """What was ever declared for one application, oldest first."""

    all: tuple[Migration, ...] = ()

    def between(self, old: str, new: str) -> tuple[Migration, ...]:
        """Those of an upgrade, oldest first; none for a downgrade. InvalidVersion (a
        ValueError) for what is no version."""
        start, end = Version(old), Version(new)
        return tuple(one for one in self.all if start < Version(one.version) <= end)

    def changes(self, old: str, new: str) -> tuple[Change, ...]:
        """The changes to make to a document of release `old` for release `new`, in their
        order; of a downgrade, those that take the others back. NoWayBack where one cannot be."""
        if Version(new) < Version(old):
            return self._back(new, old)
        return tuple(each.change for one in self.between(old, new) for each in one.changes)

    def _back(self, old: str, new: str) -> tuple[Change, ...]:
        forward = self.changes(old, new)
        found = inverses(forward)
        if found is None:
            lost = [str(change) for change in forward if inverse(change) is None]
            raise NoWayBack(f"there is no way back from {new} to {old}: {'; '.join(lost)}")
        return found


def composed(changes: Iterable[Change]) -> tuple[tuple[Path, Path], ...]:
    """Where options went by all changes together: old and new path of each that moved."""
    moved: dict[tuple[Path, Path], None] = {}
    for change in changes:
        for old, new in pairs(change):
            met = [pair for pair in moved if old[: len(pair[1])] == pair[1]]
            for was, now in met:
                if now == old:
                    del moved[was, now]
                moved[(*was, *old[len(now) :]), new] = None
            if not met:
                moved[old, new] = None
            for was, now in [pair for pair in moved if pair[1][: len(old)] == old != pair[1]]:
                del moved[was, now]
                moved[was, (*new, *now[len(old) :])] = None
    return tuple(pair for pair in moved if pair[0] != pair[1])
