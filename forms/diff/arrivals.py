"""Options that came and went, with what lies in them."""

from __future__ import annotations

from collections.abc import Callable

from forms.diff import judge
from forms.diff.children import ANY, children_of, required_of
from forms.diff.difference import Kind
from forms.diff.judge import Set
from forms.diff.listing import listed
from forms.diff.lockstep import Pair, inside
from forms.diff.meaning import Meaning
from forms.diff.wording import brief, type_text
from forms.diff.work import Work
from forms.paths import Path
from forms.schema.load import Schema
from forms.values import ABSENT

_MOST_INSIDE = 10_000
"""Options that are listed of a section that came or went."""


def come_and_gone(work: Work, pair: Pair, old: Meaning, new: Meaning) -> None:
    """What came and went, in whichever form or under whichever condition."""
    if not ("object" in old.kinds() and "object" in new.kinds()):
        return
    before, after = children_of(work.old, old), children_of(work.new, new)
    for key, schemas in before.items():
        at = (*pair.old_path, key)
        if isinstance(key, int) or key == ANY or work.walk.leaves(at):
            continue
        if key not in after or work.walk.comes((*pair.new_path, key)):
            _removed(work, at, schemas[0], inside(pair.hits, key), pair)
    needed = required_of(new)
    for key, schemas in after.items():
        at = (*pair.new_path, key)
        if isinstance(key, int) or key == ANY or work.walk.comes(at):
            continue
        if key not in before or work.walk.leaves((*pair.old_path, key)):
            _added(work, at, schemas[0], pair, key in needed)


def _removed(work: Work, at: Path, schema: Schema, hits: Set, pair: Pair) -> None:
    """Note that an option is gone, with all that lies in it and is not known elsewhere."""
    all_below = list(listed(work.old, schema, at, most=_MOST_INSIDE))
    below = [path for path in all_below if not _on_way(path, at, work.walk.leaves)]
    if len(below) < len(all_below):
        ends = [path for path in below if not work.walk.holds_leaving(path)]
        if not ends:
            return
        hits = tuple(hit for path in ends for hit in work.walk.hits(path))
    default = work.old.meaning(schema).words.get("default", ABSENT)
    work.findings.add(
        Kind.REMOVED,
        judge.of_removed(work.given, hits, default),
        f"is gone{_with(below)}",
        old_path=at,
        new_path=None,
        pair=pair,
        hits=hits,
        inside=tuple(below),
        old=default,
    )


def _added(work: Work, at: Path, schema: Schema, pair: Pair, needed: bool) -> None:
    """Note that an option is new, with all that lies in it and was nowhere before."""
    meaning = work.new.meaning(schema)
    all_below = list(listed(work.new, schema, at, most=_MOST_INSIDE))
    below = [path for path in all_below if not _on_way(path, at, work.walk.comes)]
    default = meaning.words.get("default", ABSENT)
    needed = needed and default is ABSENT
    if len(below) < len(all_below):
        needed = False
        if all(work.walk.holds_coming(path) for path in below):
            return
    hits = inside(pair.hits, at[-1])
    fits = all(map(work.fits(schema), (value for _, value in hits)))
    text = f"is new: {type_text(meaning)}{_with(below)}"
    if default is not ABSENT:
        text += f", by default {brief(default)}"
    elif needed:
        text += ", must be set"
    work.findings.add(
        Kind.ADDED,
        judge.of_added(work.given, pair.hits, hits, needed, fits),
        text,
        old_path=None,
        new_path=at,
        pair=pair,
        hits=hits,
        inside=tuple(below),
        new=default,
        required=needed,
    )


def _on_way(path: Path, top: Path, moved: Callable[[Path], bool]) -> bool:
    """Is an option, or a section that it lies in below `top`, known to be elsewhere?"""
    return any(moved(path[:i]) for i in range(len(top) + 1, len(path) + 1))


def _with(below: list[Path]) -> str:
    if not below:
        return ""
    return f" with {len(below)} option{'s' * (len(below) > 1)} in it"
