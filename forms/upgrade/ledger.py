"""Identities that people confirmed or refused, so that nobody decides them twice.

A record says: what was called `old` in one release of an application is (or is not) what is
called `new` in a later one. It holds for every upgrade over the time in between, as long as the
one's first release has the old name and its last the new one; so records of several pairs of
releases are composed by being used one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from packaging.version import InvalidVersion, Version

from forms.diff import Listing
from forms.paths import Path, parse_path, path_text

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What somebody said of two options. Paths have `*` for keys of maps and items of lists."""

    application: str
    old_release: str
    new_release: str
    old: Path
    new: Path
    same: bool = True
    """False: they are not the same option, and nobody need be asked again."""
    by: str = ""
    at: str = ""
    """When, in ISO 8601."""
    why: str = ""


@dataclass(frozen=True)
class Ledger:
    """Records, in the order in which they were made. Of several about the same pair of options
    the last one holds."""

    records: tuple[Identity, ...] = ()

    def with_records(self, records: Iterable[Identity]) -> Ledger:
        """Adds what is not there yet."""
        return Ledger(tuple(dict.fromkeys((*self.records, *records))))

    def of(self, application: str) -> Ledger:
        return Ledger(tuple(one for one in self.records if one.application == application))

    def about(
        self, application: str, old: tuple[str, Listing], new: tuple[str, Listing]
    ) -> tuple[Identity, ...]:
        """What is known of two releases, each given with its options: of an old option that
        only the old release has, and one of the new. Where the one became the other by way of
        names that neither has, the records are composed."""
        (old_release, before), (new_release, after) = old, new
        last = {
            (one.old, one.new): one
            for one in self.records
            if one.application == application and _meet(one, old_release, new_release)
        }
        by_old: dict[Path, list[Identity]] = {}
        for one in last.values():
            by_old.setdefault(one.old, []).append(one)
        found: list[Identity] = []
        for path in by_old:
            if path in before and path not in after:
                for way in _ways(path, by_old):
                    end = way[-1].new
                    if end in after and (len(way) == 1 or end not in before):
                        whole = replace(way[-1], old=path) if len(way) > 1 else way[0]
                        found.append(whole)
        return tuple(found)

    def to_data(self) -> dict[str, Any]:
        """For a file: an export, or a contribution for others to look at."""
        return {"format": _FORMAT, "identities": [_to_data(one) for one in self.records]}

    @classmethod
    def from_data(cls, data: Any) -> Ledger:
        """ValueError, in words for a person, if that is no ledger."""
        if not isinstance(data, Mapping) or data.get("format") != _FORMAT:
            raise ValueError("this is no ledger of identities that this Homeport can read")
        try:
            return cls(tuple(_from_data(one) for one in data["identities"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("the ledger of identities cannot be read") from error

    def contribution(self, application: str) -> dict[str, Any]:
        """What was confirmed, as migrations.yaml of a catalog's package has it. Each stands under
        the release in which the new name was first seen."""
        by_release: dict[str, list[dict[str, Any]]] = {}
        last = {(one.old, one.new): one for one in self.of(application).records}
        for one in last.values():
            if one.same:
                change = {"rename": {"from": path_text(one.old), "to": path_text(one.new)}}
                listed = by_release.setdefault(one.new_release, [])
                if change not in listed:
                    listed.append(change)
        ordered = sorted(by_release, key=Version)
        return {
            "format": 1,
            "migrations": [{"version": name, "changes": by_release[name]} for name in ordered],
        }


def _ways(path: Path, by_old: Mapping[Path, list[Identity]]) -> Iterator[tuple[Identity, ...]]:
    """What an option became, and what that became; names that come again end a way."""
    waiting: list[tuple[Identity, ...]] = [(one,) for one in by_old[path]]
    while waiting:
        way = waiting.pop()
        yield way
        last = way[-1]
        if last.same and all(last.new != one.old for one in way):
            waiting += [(*way, one) for one in by_old.get(last.new, ()) if one.same]


def certain(records: Iterable[Identity]) -> dict[Path, Identity]:
    """By old path, what is confirmed and not disputed: where people said different things of
    one option, it is for whoever upgrades to say."""
    found: dict[Path, list[Identity]] = {}
    for one in records:
        if one.same:
            found.setdefault(one.old, []).append(one)
    taken: dict[Path, int] = {}
    for several in found.values():
        for one in several:
            taken[one.new] = taken.get(one.new, 0) + 1
    return {
        old: several[0]
        for old, several in found.items()
        if len(several) == 1 and taken[several[0].new] == 1
    }


def _meet(one: Identity, old: str, new: str) -> bool:
    """Do both pairs of releases have any time in common?"""
    if (one.old_release, one.new_release) == (old, new):
        return True
    try:
        start, end = Version(one.old_release), Version(one.new_release)
        return start < Version(new) and Version(old) < end
    except InvalidVersion:
        return False


def _to_data(one: Identity) -> dict[str, Any]:
    data: dict[str, Any] = {
        "application": one.application,
        "old_release": one.old_release,
        "new_release": one.new_release,
        "old": path_text(one.old),
        "new": path_text(one.new),
        "same": one.same,
    }
    return data | {name: text for name in ("by", "at", "why") if (text := getattr(one, name))}


def _from_data(data: Mapping[str, Any]) -> Identity:
    texts = {
        name: data[name] for name in ("application", "old_release", "new_release", "old", "new")
    } | {name: data.get(name, "") for name in ("by", "at", "why")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a text is wanted")
    if not isinstance(data.get("same", True), bool):
        raise TypeError("yes or no is wanted")
    old, new = parse_path(texts.pop("old")), parse_path(texts.pop("new"))
    return Identity(old=old, new=new, same=data.get("same", True), **texts)
