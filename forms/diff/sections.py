"""What lies in a section, map or list of both schemas."""

from __future__ import annotations

from forms.diff import judge, pairing
from forms.diff.children import ANY
from forms.diff.difference import Kind
from forms.diff.judge import Set
from forms.diff.lockstep import Pair, entries, inside, items
from forms.diff.meaning import Alternative
from forms.diff.wording import brief
from forms.diff.work import Work
from forms.schema.load import Schema
from forms.values import ABSENT


def compare_sections(work: Work, pair: Pair, old: Alternative, new: Alternative, hits: Set) -> None:
    """Compare the options that both sections name, and which must be set."""
    for key in dict.fromkeys((*old.properties, *new.properties)):
        before, after = old.properties.get(key), new.properties.get(key)
        old_at, new_at = (*pair.old_path, key), (*pair.new_path, key)
        if before is not None and after is not None:
            if work.walk.settled(old_at, new_at, before, after):
                continue
            if not (work.walk.leaves(old_at) or work.walk.comes(new_at)):
                _child(work, pair, key, before, after, inside(hits, key))
        elif work.walk.leaves(old_at) or work.walk.comes(new_at):
            continue
        elif key in new.properties and key in pair.old_keys:
            kind = Kind.LOOSENED if old.additional is False else Kind.TIGHTENED
            _sometimes(work, pair, key, kind, hits)
        elif key in old.properties and key in pair.new_keys:
            kind = Kind.TIGHTENED if new.additional is False else Kind.LOOSENED
            _sometimes(work, pair, key, kind, hits)
    for key in sorted(old.required ^ new.required):
        known = key in pair.old_keys, key in pair.new_keys
        moved = work.walk.leaves((*pair.old_path, key)) or work.walk.comes((*pair.new_path, key))
        if not moved and (known == (True, True) or known == (False, False)):
            _required(work, pair, key, new, hits)


def _sometimes(work: Work, pair: Pair, key: str, kind: Kind, hits: Set) -> None:
    """A key that came into or went from one of several forms that its section takes."""
    at = Pair((*pair.old_path, key), (*pair.new_path, key), pair.old, True, inside(hits, key), pair)
    at.where = pair.where or "in one of several forms"
    word = "less" if kind is Kind.LOOSENED else "more"
    work.constraint(at, kind, "form", text=f"{word} is asked of it")


def _required(work: Work, pair: Pair, key: str, new: Alternative, hits: Set) -> None:
    at = (*pair.old_path, key), (*pair.new_path, key)
    if key not in new.required:
        work.note(
            pair,
            Kind.OPTIONAL,
            judge.NO_MATTER,
            "need no longer be set",
            old_path=at[0],
            new_path=at[1],
        )
        return
    default = ABSENT
    if key in new.properties:
        default = work.new.meaning(new.properties[key]).words.get("default", ABSENT)
    missing = [
        (*where, key) for where, value in hits if isinstance(value, dict) and key not in value
    ]
    verdict = judge.of_required(work.given, missing, default is not ABSENT)
    work.note(
        pair,
        Kind.REQUIRED,
        verdict,
        "must be set",
        old_path=at[0],
        new_path=at[1],
        hits=tuple((path, None) for path in missing),
    )


def compare_entries(work: Work, pair: Pair, old: Alternative, new: Alternative, hits: Set) -> None:
    """Compare entries under keys that the user chooses."""
    if old.kind != "object":
        return
    met, gone, come = pairing.paired(old.patterns, new.patterns, lambda a, b: a == b)
    for pattern, _ in met:
        found = entries(hits, old, pattern)
        _child(work, pair, ANY, old.patterns[pattern], new.patterns[pattern], found)
    if gone and come:
        work.constraint(pair, Kind.CHANGED, "patternProperties", old=gone, new=come)
        for one, other in zip(gone, come, strict=False):
            found = entries(hits, old, one)
            _child(work, pair, ANY, old.patterns[one], new.patterns[other], found)
    elif gone or come:
        told = "no longer told apart" if gone else "told apart"
        text = f"entries named like {brief((gone or come)[0])} are {told}"
        work.constraint(pair, Kind.CHANGED, "patternProperties", old=gone, new=come, text=text)
    found = entries(hits, old)
    if (old.additional is False) != (new.additional is False):
        closed = new.additional is False
        text = f"other entries are {'no longer' if closed else 'now'} allowed"
        kind = Kind.TIGHTENED if closed else Kind.LOOSENED
        known = dict.fromkeys(new.properties, True)
        probe: Schema = {
            "properties": known,
            "patternProperties": dict.fromkeys(new.patterns, True),
            "additionalProperties": False,
        }
        work.constraint(
            pair,
            kind,
            "additionalProperties",
            text=text,
            old=not closed,
            new=closed,
            probe=probe if closed else True,
        )
    elif not (isinstance(old.additional, bool) and isinstance(new.additional, bool)):
        _child(work, pair, ANY, old.additional, new.additional, found)


def compare_items(work: Work, pair: Pair, old: Alternative, new: Alternative, hits: Set) -> None:
    """Compare positions and further items of lists."""
    if old.kind != "array":
        return
    for i in range(max(len(old.prefix), len(new.prefix))):
        before = old.prefix[i] if i < len(old.prefix) else old.items
        after = new.prefix[i] if i < len(new.prefix) else new.items
        _child(work, pair, i, before, after, inside(hits, i))
    if not (isinstance(old.items, bool) and old.items is new.items):
        start = max(len(old.prefix), len(new.prefix))
        _child(work, pair, ANY, old.items, new.items, items(hits, start))


def _child(work: Work, pair: Pair, part: str | int, old: Schema, new: Schema, hits: Set) -> None:
    work.walk.add(
        Pair(
            (*pair.old_path, part),
            (*pair.new_path, part),
            old,
            new,
            hits,
            pair,
            pair.where,
        )
    )
