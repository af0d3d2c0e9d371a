"""Reading migrations.yaml, once it is data: every mistake with the place where it stands.

    format: 1
    migrations:
      - version: "3.7.0"
        changes:
          - rename: {from: auth.lc_username, to: auth.lowercase}

`schemas/migrations.schema.json` says the same for editors.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import Any

from packaging.version import InvalidVersion, Version

from forms.migrations import change as kinds
from forms.migrations.chain import Migrations
from forms.migrations.change import Change, Declared, Migration, Spot, Unit
from forms.migrations.places import star_count
from forms.migrations.units import UNITS, factor
from forms.paths import Path, parse_path
from forms.values import ABSENT

FORMAT = 1
TYPES = ("integer", "number", "string", "boolean")


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong with declared migrations. spot: keys and positions that lead to it."""

    spot: Spot
    message: str
    hint: str = ""


class MigrationsError(ValueError):
    """Declared migrations that cannot be used."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        first = mistakes[0]
        where = ".".join(map(str, first.spot))
        super().__init__(f"{where}: {first.message}" if where else first.message)
        self.mistakes = mistakes


def read_migrations(data: Any) -> Migrations:
    """The migrations that a file declares. MigrationsError, with all mistakes, if it has any."""
    migrations, mistakes = read_what_can_be(data)
    if mistakes:
        raise MigrationsError(tuple(mistakes))
    return migrations


def read_what_can_be(data: Any) -> tuple[Migrations, list[Mistake]]:
    """For checking: the migrations without mistakes, and the mistakes."""
    reader = _Reader()
    return Migrations(tuple(reader.migrations(data))), reader.mistakes


class _Wrong(Exception):
    """A change that cannot be read."""

    def __init__(self, spot: Spot, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.mistake = Mistake(spot, message, hint)


class _Reader:
    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def migrations(self, data: Any) -> Iterator[Migration]:
        try:
            top = _mapping((), data, {"migrations"}, {"format"})
            if top.get("format", FORMAT) != FORMAT:
                raise _Wrong(("format",), f"only format {FORMAT} is known")
            listed = _list(("migrations",), top["migrations"])
        except _Wrong as wrong:
            self.mistakes.append(wrong.mistake)
            return
        before: Version | None = None
        for i, one in enumerate(listed):
            spot = ("migrations", i)
            try:
                fields = _mapping(spot, one, {"version", "changes"}, {"note", "reference"})
                version = _version((*spot, "version"), fields["version"])
                if before is not None and version <= before:
                    hint = "oldest first, each release once"
                    raise _Wrong((*spot, "version"), "it does not come after the one above", hint)
                before = version
                changes = _list((*spot, "changes"), fields["changes"])
                note, reference = (
                    _text((*spot, key), fields.get(key, ""), empty=True)
                    for key in ("note", "reference")
                )
            except _Wrong as wrong:
                self.mistakes.append(wrong.mistake)
                continue
            read = tuple(self._changes((*spot, "changes"), changes))
            yield Migration(fields["version"], read, note, reference, spot)

    def _changes(self, spot: Spot, listed: list[Any]) -> Iterator[Declared]:
        for i, one in enumerate(listed):
            at = (*spot, i)
            try:
                if not isinstance(one, Mapping) or len(one) != 1:
                    raise _Wrong(at, "a change is one word with what it is about")
                word, fields = next(iter(one.items()))
                if word not in _CHANGES:
                    near = difflib.get_close_matches(str(word), _CHANGES, 1)
                    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(_CHANGES)}"
                    raise _Wrong((*at, word), f"no change is called {word}", hint)
                needed, further, make = _CHANGES[word]
                inner = (*at, word)
                yield Declared(make(inner, _mapping(inner, fields, needed, further)), inner)
            except _Wrong as wrong:
                self.mistakes.append(wrong.mistake)


Fields = Mapping[str, Any]


def _mapping(spot: Spot, value: Any, needed: set[str], further: set[str]) -> Fields:
    if not isinstance(value, Mapping):
        raise _Wrong(spot, "here names and values are wanted")
    for key in value:
        if key not in needed | further:
            near = difflib.get_close_matches(str(key), sorted(needed | further), 1)
            hint = f"did you mean {near[0]}?" if near else ""
            raise _Wrong((*spot, key), f"there is no entry {key} here", hint)
    for key in sorted(needed):
        if key not in value:
            raise _Wrong(spot, f"{key} is missing")
    return value


def _list(spot: Spot, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _Wrong(spot, "here a list is wanted")
    return value


def _text(spot: Spot, value: Any, *, empty: bool = False) -> str:
    if not isinstance(value, str):
        raise _Wrong(spot, "here a text is wanted", "write it in quotes")
    if not (empty or value):
        raise _Wrong(spot, "it is empty")
    return value


def _version(spot: Spot, value: Any) -> Version:
    try:
        return Version(_text(spot, value))
    except InvalidVersion:
        raise _Wrong(spot, f"{value} is not a version", "write it as 1.2.3") from None


def _path(spot: Spot, value: Any) -> Path:
    try:
        path = parse_path(_text(spot, value))
    except ValueError as error:
        raise _Wrong(spot, str(error)) from None
    return path


def _paths(spot: Spot, value: Any) -> tuple[Path, ...]:
    found = tuple(_path((*spot, i), one) for i, one in enumerate(_list(spot, value)))
    if not found or any(a[: len(b)] == b for a, b in permutations(found, 2)):
        raise _Wrong(spot, "here options are wanted, none of which is or lies in another")
    return found


def _same_stars(spot: Spot, *paths: Path) -> None:
    if len({star_count(path) for path in paths}) > 1:
        raise _Wrong(spot, "the paths do not have the same number of stars")


def _rename(spot: Spot, fields: Fields) -> Change:
    source = _path((*spot, "from"), fields["from"])
    target = _path((*spot, "to"), fields["to"])
    _same_stars(spot, source, target)
    if source == target:
        raise _Wrong(spot, "both paths are the same")
    return kinds.Rename(source, target)


def _key(spot: Spot, value: Any) -> str | None:
    if value == kinds.LIST:
        return None
    return _text((*spot, "key"), _mapping(spot, value, {"key"}, set())["key"])


def _wrap(spot: Spot, fields: Fields) -> Change:
    return kinds.Wrap(_path((*spot, "path"), fields["path"]), _key((*spot, "in"), fields["in"]))


def _unwrap(spot: Spot, fields: Fields) -> Change:
    key = _key((*spot, "from"), fields["from"])
    return kinds.Unwrap(_path((*spot, "path"), fields["path"]), key)


def _by(spot: Spot, fields: Fields) -> str | None:
    return _text((*spot, "by"), fields["by"]) if "by" in fields else None


def _split(spot: Spot, fields: Fields) -> Change:
    source = _path((*spot, "from"), fields["from"])
    targets = _paths((*spot, "to"), fields["to"])
    _same_stars(spot, source, *targets)
    return kinds.Split(source, targets, _by(spot, fields))


def _join(spot: Spot, fields: Fields) -> Change:
    sources = _paths((*spot, "from"), fields["from"])
    target = _path((*spot, "to"), fields["to"])
    _same_stars(spot, *sources, target)
    return kinds.Join(sources, target, _by(spot, fields))


def _map(spot: Spot, fields: Fields) -> Change:
    """values: a mapping of texts, or a list of {from, to} for values that are no texts."""
    values, at = fields["values"], (*spot, "values")
    if isinstance(values, Mapping):
        pairs = list(values.items())
    else:
        pairs = []
        for i, one in enumerate(_list(at, values)):
            pair = _mapping((*at, i), one, {"from", "to"}, set())
            pairs.append((pair["from"], pair["to"]))
    if not pairs:
        raise _Wrong(at, "it names no value")
    return kinds.MapValues(_path((*spot, "path"), fields["path"]), tuple(pairs))


def _default(spot: Spot, fields: Fields) -> Change:
    if "value" not in fields and "was" not in fields:
        raise _Wrong(spot, "it says neither what the default is nor what it was")
    path = _path((*spot, "path"), fields["path"])
    return kinds.NewDefault(path, fields.get("value", ABSENT), fields.get("was", ABSENT))


def _drop(spot: Spot, fields: Fields) -> Change:
    reason = _text((*spot, "reason"), fields["reason"])
    return kinds.Drop(_path((*spot, "path"), fields["path"]), reason)


def _type(spot: Spot, value: Any) -> str:
    if value not in TYPES:
        raise _Wrong(spot, f"{value} is no type", f"one of {', '.join(TYPES)}")
    return str(value)


def _convert(spot: Spot, fields: Fields) -> Change:
    path = _path((*spot, "path"), fields["path"])
    to = _type((*spot, "to"), fields["to"])
    was = _type((*spot, "from"), fields["from"]) if "from" in fields else None
    unit = None
    if "unit" in fields:
        at = (*spot, "unit")
        units = _mapping(at, fields["unit"], {"from", "to"}, {"factor"})
        old, new = (_text((*at, key), units[key]) for key in ("from", "to"))
        known = _factor((*at, "factor"), units.get("factor"), factor(old, new))
        if known is None:
            hint = f"known are {', '.join(UNITS)}; or give a factor"
            raise _Wrong(at, f"it is not known how many {new} are in {old}", hint)
        unit = Unit(old, new, known)
        if to == "boolean" or was == "boolean":
            raise _Wrong(at, "yes and no have no unit")
    return kinds.Convert(path, to, was, unit)


def _factor(spot: Spot, given: Any, known: Fraction | None) -> Fraction | None:
    if given is None:
        return known
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise _Wrong(spot, "a factor is a number above 0")
    return Fraction(repr(given)) if isinstance(given, float) else Fraction(given)


def _script(spot: Spot, fields: Fields) -> Change:
    sources = _paths((*spot, "from"), fields["from"])
    targets = _paths((*spot, "to"), fields["to"])
    _same_stars(spot, *sources, *targets)
    return kinds.Script(sources, targets, _text((*spot, "run"), fields["run"]))


_CHANGES: dict[str, tuple[set[str], set[str], Callable[[Spot, Fields], Change]]] = {
    "rename": ({"from", "to"}, set(), _rename),
    "move": ({"from", "to"}, set(), _rename),
    "wrap": ({"path", "in"}, set(), _wrap),
    "unwrap": ({"path", "from"}, set(), _unwrap),
    "split": ({"from", "to"}, {"by"}, _split),
    "join": ({"from", "to"}, {"by"}, _join),
    "map": ({"path", "values"}, set(), _map),
    "default": ({"path"}, {"value", "was"}, _default),
    "drop": ({"path", "reason"}, set(), _drop),
    "convert": ({"path", "to"}, {"from", "unit"}, _convert),
    "script": ({"from", "to", "run"}, set(), _script),
}
"""By the word of a change: the entries that it must have, those that it may, and its reader."""
