"""Declared changes made to a user's document.

Every change is total and loses nothing. A value that it cannot be made to stays as and where
it is, with the reason: a place that is taken, a text that does not split, a number that would
be rounded. Whoever asked has to have it decided. The document may be of any form: what does
not have the path of a change is not touched.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from forms.migrations.change import (
    Change,
    Convert,
    Drop,
    Join,
    MapValues,
    NewDefault,
    Rename,
    Script,
    Split,
    Unwrap,
    Wrap,
)
from forms.migrations.convert import converted
from forms.migrations.effect import Applied, Effect, Outcome
from forms.migrations.places import (
    Stars,
    can_merge,
    can_put,
    filled,
    get,
    hits,
    merge,
    put,
    rename_key,
    take,
)
from forms.paths import Path, path_text
from forms.values import ABSENT, identical, same, written

Defaults = Callable[[Path], Any]
"""The default of an option before the changes; ABSENT if it has none."""
Runner = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Runs the program of a `Script`: program and values by written path in, values by written
path out. It must keep the program from everything but these values, and end it when it takes
too much time or memory. ValueError, in words for a person, where it gives no values."""


def apply(
    changes: Iterable[Change],
    document: Any,
    *,
    defaults: Defaults = lambda path: ABSENT,
    runner: Runner | None = None,
) -> Applied:
    """Make changes, in their order, to a copy of a document."""
    made = _Document(copy.deepcopy(document), defaults, runner)
    for change in changes:
        made.make(change)
    return Applied(made.root, tuple(made.effects))


class _Document:
    """The document while it is being changed."""

    def __init__(self, root: Any, defaults: Defaults, runner: Runner | None) -> None:
        self.root = root
        self.effects: list[Effect] = []
        self._defaults = defaults
        self._runner = runner

    def make(self, change: Change) -> None:
        match change:
            case NewDefault():
                return
            case Join():
                for stars in self._stars(change.sources):
                    self._join(change, stars)
            case Script():
                for stars in self._stars(change.sources):
                    self._script(change, stars)
            case Rename(source=pattern) | Split(source=pattern):
                self._each(change, pattern)
            case _:
                self._each(change, change.path)

    def _stars(self, patterns: Iterable[Path]) -> list[Stars]:
        found = [stars for pattern in patterns for _, stars in hits(self.root, pattern)]
        return list(dict.fromkeys(found))

    def _each(self, change: Change, pattern: Path) -> None:
        for path, stars in hits(self.root, pattern):
            value = get(self.root, path)
            match change:
                case Rename():
                    self._move(change, path, filled(change.target, stars))
                case Drop():
                    self._drop(change, path, value)
                case Split():
                    self._split(change, path, value, stars)
                case Wrap(key=None):
                    if not isinstance(value, list):
                        self._set(change, path, value, [value])
                case Unwrap(key=None):
                    self._out_of_list(change, path, value)
                case Wrap(key=str(key)):
                    put(self.root, path, {key: value})
                    self._note(Outcome.MOVED, change, [(path, value)], [((*path, key), value)])
                case Unwrap(key=str(key)):
                    self._out_of_key(change, path, value, key)
                case MapValues():
                    for old, new in change.values:
                        if same(old, value):
                            self._set(change, path, value, copy.deepcopy(new))
                            break
                case Convert():
                    self._convert(change, path, value)

    def _note(
        self,
        outcome: Outcome,
        change: Change,
        before: Iterable[tuple[Path, Any]],
        after: Iterable[tuple[Path, Any]] = (),
        why: str = "",
    ) -> None:
        # what is noted must not change with the document
        pairs = [
            tuple((path, copy.deepcopy(value)) for path, value in it) for it in (before, after)
        ]
        self.effects.append(Effect(outcome, change, pairs[0], pairs[1], why))

    def _set(self, change: Change, path: Path, before: Any, after: Any) -> None:
        if not identical(before, after):
            put(self.root, path, after)
            self._note(Outcome.CHANGED, change, [(path, before)], [(path, after)])

    def _ask(self, change: Change, path: Path, value: Any, why: str, could: Any = ABSENT) -> None:
        after = [] if could is ABSENT else [(path, could)]
        self._note(Outcome.ASKED, change, [(path, value)], after, why)

    def _move(self, change: Change, source: Path, target: Path) -> None:
        value = get(self.root, source)
        if source == target:
            return
        there = get(self.root, target)
        if isinstance(get(self.root, source[:-1]), list):
            self._ask(change, source, value, "it is an item of a list, which keeps its place")
        elif target[: len(source)] == source:
            self._move_inside(change, source, target, value)
        elif there is not ABSENT and source[: len(target)] != target:
            if can_merge(there, value):
                take(self.root, source)
                merge(there, value)
                self._note(Outcome.MOVED, change, [(source, value)], [(target, value)])
            else:
                self._ask(change, source, value, f"{path_text(target)} is set too")
        elif source[:-1] == target[:-1] and isinstance(target[-1], str):
            rename_key(self.root, source, target[-1])
            self._note(Outcome.MOVED, change, [(source, value)], [(target, value)])
        else:
            self._move_apart(change, source, target, value)

    def _move_apart(self, change: Change, source: Path, target: Path, value: Any) -> None:
        before = copy.deepcopy(self.root)
        take(self.root, source)
        if can_put(self.root, target):
            put(self.root, target, value)
            self._note(Outcome.MOVED, change, [(source, value)], [(target, value)])
        else:
            self.root = before
            self._ask(change, source, value, f"there is no room for it at {path_text(target)}")

    def _move_inside(self, change: Change, source: Path, target: Path, value: Any) -> None:
        inside = target[len(source) :]
        if not all(isinstance(key, str) for key in inside):
            self._ask(change, source, value, "it cannot become an item of itself")
            return
        made: Any = value
        for key in reversed(inside):
            made = {key: made}
        put(self.root, source, made)
        self._note(Outcome.MOVED, change, [(source, value)], [(target, value)])

    def _drop(self, change: Change, path: Path, value: Any) -> None:
        if isinstance(get(self.root, path[:-1]), list):
            self._ask(change, path, value, "it is an item of a list, which keeps its place")
            return
        take(self.root, path)
        self._note(Outcome.DROPPED, change, [(path, value)])

    def _split(self, change: Split, path: Path, value: Any, stars: Stars) -> None:
        parts: list[Any] = []
        if change.by is None:
            parts = value if isinstance(value, list) else []
        elif isinstance(value, str):
            parts = value.split(change.by)
        if len(parts) != len(change.targets):
            count = len(change.targets)
            self._ask(change, path, value, f"it does not have the {count} parts that it must have")
            return
        targets = [filled(target, stars) for target in change.targets]
        self._replace(change, [(path, value)], list(zip(targets, parts, strict=True)))

    def _replace(
        self, change: Change, before: list[tuple[Path, Any]], after: list[tuple[Path, Any]]
    ) -> None:
        """Put some values in place of others, all of them or none."""
        was = copy.deepcopy(self.root)
        for path, _ in before:
            if isinstance(get(self.root, path[:-1]), list):
                self.root = was
                self._ask(change, path, get(was, path), "it is an item of a list")
                return
            take(self.root, path)
        for path, value in after:
            if not can_put(self.root, path):
                self.root = was
                why = f"{path_text(path)} is set too"
                self._note(Outcome.ASKED, change, before, after, why)
                return
            put(self.root, path, copy.deepcopy(value))
        self._note(Outcome.CHANGED, change, before, after)

    def _join(self, change: Join, stars: Stars) -> None:
        sources = [filled(source, stars) for source in change.sources]
        given = [(path, get(self.root, path)) for path in sources]
        values = [self._defaults(path) if value is ABSENT else value for path, value in given]
        before = [(path, value) for path, value in given if value is not ABSENT]
        target = filled(change.target, stars)
        missing = [
            path_text(p) for p, value in zip(sources, values, strict=True) if value is ABSENT
        ]
        if missing:
            why = f"{' and '.join(missing)} would be needed too, and is not set"
            self._note(Outcome.ASKED, change, before, (), why)
        elif change.by is None:
            self._replace(change, before, [(target, values)])
        elif any(isinstance(value, dict | list) or value is None for value in values):
            self._note(Outcome.ASKED, change, before, (), "only plain values make a text")
        else:
            text = change.by.join(v if isinstance(v, str) else written(v) for v in values)
            self._replace(change, before, [(target, text)])

    def _out_of_list(self, change: Change, path: Path, value: Any) -> None:
        if not isinstance(value, list):
            return
        if len(value) == 1:
            self._set(change, path, value, value[0])
        elif value:
            why = f"it has {len(value)} entries, and only one can stay"
            self._ask(change, path, value, why, value[0])
        else:
            self._ask(change, path, value, "it is an empty list, and one value must stand here")

    def _out_of_key(self, change: Change, path: Path, value: Any, key: str) -> None:
        if not isinstance(value, dict) or key not in value:
            return
        if len(value) > 1:
            others = ", ".join(other for other in value if other != key)
            why = f"beside {key} it holds {others}, which has no place any more"
            self._ask(change, path, value, why, value[key])
            return
        put(self.root, path, value[key])
        self._note(Outcome.MOVED, change, [((*path, key), value[key])], [(path, value[key])])

    def _convert(self, change: Convert, path: Path, value: Any) -> None:
        found = converted(value, change.to, change.unit)
        if found.lossless:
            self._set(change, path, value, found.value)
        else:
            self._ask(change, path, value, found.why, found.value)

    def _script(self, change: Script, stars: Stars) -> None:
        sources = {path_text(p): filled(p, stars) for p in change.sources}
        given = {
            name: value
            for name, path in sources.items()
            if (value := get(self.root, path)) is not ABSENT
        }
        before = [(sources[name], value) for name, value in given.items()]
        try:
            if self._runner is None:
                raise ValueError("it takes a program to work out the new value")
            found = dict(self._runner(change.run, copy.deepcopy(given)))
            targets = {path_text(p): filled(p, stars) for p in change.targets}
            strange = sorted(found.keys() - targets.keys())
            if strange:
                raise ValueError(f"the program set {', '.join(map(str, strange))}")
            json.dumps(found, allow_nan=False)
        except (ValueError, TypeError) as error:
            self._note(Outcome.ASKED, change, before, (), str(error))
            return
        self._replace(change, before, [(targets[name], value) for name, value in found.items()])
