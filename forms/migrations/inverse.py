"""The way back from a change, where there is one."""

from __future__ import annotations

from collections.abc import Sequence

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
    Unit,
    Unwrap,
    Wrap,
)
from forms.values import key_of


def inverse(change: Change) -> Change | None:
    """The change that takes this one back; None if there is none.

    What a value can't be taken back to is asked, as with every change: a joined text whose
    parts hold what stands between them, a value that only came to be after the change.
    """
    match change:
        case Rename(source, target):
            return Rename(target, source)
        case Wrap(path, key):
            return Unwrap(path, key)
        case Unwrap(path, key):
            return Wrap(path, key)
        case Split(source, targets, by):
            return Join(targets, source, by)
        case Join(sources, target, by):
            return Split(target, sources, by)
        case MapValues(path, values):
            new = [key_of(value) for _, value in values]
            unambiguous = len(set(new)) == len(new)
            return MapValues(path, tuple((b, a) for a, b in values)) if unambiguous else None
        case NewDefault(path, value, was):
            return NewDefault(path, was, value)
        case Convert(path, to, str(was), unit):
            back = Unit(unit.new, unit.old, 1 / unit.factor) if unit else None
            return Convert(path, was, to, back)
        case Convert() | Drop() | Script():
            return None


def inverses(changes: Sequence[Change]) -> tuple[Change, ...] | None:
    """What takes all of these back, in the order to make them; None unless each has a way."""
    back = []
    for change in reversed(changes):
        one = inverse(change)
        if one is None:
            return None
        back.append(one)
    return tuple(back)
