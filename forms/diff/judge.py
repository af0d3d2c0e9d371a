"""How much a difference matters to a user, and what to do about it.

With the user's values, only what concerns one of them asks for anything. Without, a
difference weighs as much as it would for somebody who has set the option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from forms.diff.difference import Kind, Severity
from forms.paths import Path
from forms.values import ABSENT, same

Set = tuple[tuple[Path, Any], ...]
"""Where in the user's document an option is set, and to what."""
Verdict = tuple[Severity, str]

FITS = "Nothing: your value fits as it is."
NOT_SET = "Nothing: you have not set it."
NOTHING = "Nothing."
NO_MATTER: Verdict = (Severity.NONE, NOTHING)


def of_removed(given: bool, hits: Set, default: Any) -> Verdict:
    if given and not hits:
        return Severity.NONE, NOT_SET
    if hits and all(same(value, default) for _, value in hits):
        return Severity.CARRY, "Take it out; it says what was the default."
    return Severity.DECIDE, "Take it out, and see whether something else takes its place."


def of_added(given: bool, parents: Set, hits: Set, needed: bool, fits: bool) -> Verdict:
    if hits and not fits:
        return (
            Severity.DECIDE,
            "Change your value: you have one under this name, and it does not fit.",
        )
    if needed and not hits and (parents or not given):
        return Severity.DECIDE, "Set it: it has no default."
    return Severity.NONE, "Nothing, unless you want it."


def of_moved(kind: Kind, given: bool, hits: Set, target: str) -> Verdict:
    if given and not hits:
        return Severity.NONE, NOT_SET
    if kind in (Kind.SPLIT, Kind.MERGED):
        return Severity.DECIDE, f"Set {target} to what your value meant."
    return Severity.CARRY, f"Move your value to {target}."


def of_retyped(
    given: bool, hits: Set, fits: Callable[[Any], bool], superset: bool, lossless: bool
) -> Verdict:
    if given and not hits:
        return Severity.NONE, NOT_SET
    if superset or (given and all(fits(value) for _, value in hits)):
        return Severity.NONE, FITS if hits else NOTHING
    if lossless:
        return Severity.CARRY, "Write the value in the new type; nothing of it is lost."
    return Severity.DECIDE, "Give a value of the new type."


def of_default(given: bool, hits: Set, old: Any, new: Any) -> Verdict:
    if not hits:
        if old is ABSENT:
            return Severity.LOOK, "See whether the default suits you."
        keep = "set it yourself" if new is ABSENT else "set the old one yourself"
        return Severity.LOOK, f"Nothing; to keep the old default, {keep}."
    if all(same(value, new) for _, value in hits):
        return Severity.NONE, "Nothing: your value is what is now the default."
    if old is ABSENT or new is ABSENT:
        return Severity.NONE, "Nothing: your own value stays."
    if all(same(value, old) for _, value in hits):
        return Severity.LOOK, "Nothing; take your value out to follow the new default."
    return Severity.DECIDE, "Keep your value or take the new default."


def of_constraint(kind: Kind, given: bool, hits: Set, fits: Callable[[Any], bool]) -> Verdict:
    if kind is Kind.LOOSENED:
        return Severity.NONE, NOTHING
    if given and not hits:
        return Severity.NONE, NOT_SET
    if not given:
        if kind is Kind.CHANGED:
            return Severity.LOOK, "Check your value against the new rule."
        return Severity.DECIDE, "Change your value if it does not fit any more."
    if all(fits(value) for _, value in hits):
        return Severity.NONE, FITS
    return Severity.DECIDE, "Change your value: it does not fit any more."


def of_value(kind: Kind, given: bool, hits: Set, old: Any, declared: bool = False) -> Verdict:
    """declared: does the schema itself say that the value is renamed?"""
    if kind is Kind.VALUE_ADDED:
        return Severity.NONE, NOTHING
    if given and not any(same(value, old) for _, value in hits):
        return Severity.NONE, "Nothing: you do not use it."
    if kind is Kind.VALUE_RENAMED and declared:
        return Severity.CARRY, "Write the new value for the old one."
    if kind is Kind.VALUE_RENAMED:
        return Severity.DECIDE, "Write the new value for the old one, if it means the same."
    return Severity.DECIDE, "Choose another value."


def of_required(given: bool, missing: Iterable[Path], has_default: bool) -> Verdict:
    if has_default:
        return Severity.NONE, "Nothing: its default holds."
    if given and not list(missing):
        return Severity.NONE, "Nothing: you have set it, or have no use for its section."
    return Severity.DECIDE, "Set it: it has no default."


def of_deprecated(given: bool, hits: Set) -> Verdict:
    if given and not hits:
        return Severity.NONE, NOT_SET
    return Severity.LOOK, "It still works; plan to do without it."
