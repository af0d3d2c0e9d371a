"""The forms that an option takes for one kind of value."""

from __future__ import annotations

from typing import Any

from forms.diff import constraints, enumerations, pairing, rules, sections, words
from forms.diff.difference import Kind
from forms.diff.lockstep import Pair
from forms.diff.meaning import Alternative
from forms.diff.reader import Reader
from forms.diff.wording import brief, kind_word
from forms.diff.work import Work
from forms.schema.load import Schema
from forms.values import ABSENT, same


def compare_forms(
    work: Work, pair: Pair, old: list[Alternative], new: list[Alternative], exclusive: bool
) -> None:
    """Compare all forms of one kind.

    exclusive: may a value fit but one form? A form more may forbid values then.
    """
    met, gone, come = pairing.forms(work.likeness, old, new)
    several = len(old) > 1 or len(new) > 1
    for one, other in met:
        hits = pair.hits
        mark = work.old.mark(one) if several else None
        if mark is not None:
            hits = tuple(hit for hit in hits if _marked(hit[1], *mark))
        enumerations.compare_values(work, pair, one, other)
        if one.deprecated != other.deprecated:
            name = _name(work.new, other) or kind_word(other.kind, other.whole)
            words.note_deprecation(work, pair, other.deprecated, f"its form {name} is", hits)
        if one.values is None and other.values is None:
            for change in constraints.changes(one, other):
                _change(work, pair, change)
            rules.compare_rules(work, pair, one.rules, other.rules)
            rules.compare_conditions(work, pair, one.conditions, other.conditions)
            sections.compare_sections(work, pair, one, other, hits)
            sections.compare_entries(work, pair, one, other, hits)
            sections.compare_items(work, pair, one, other, hits)
    for one in gone:
        name = _name(work.old, one)
        text = f"one form {'(' + name + ') ' if name else ''}is no longer allowed"
        kind = Kind.CHANGED if exclusive else Kind.TIGHTENED
        work.constraint(pair, kind, "form", old=name or one.kind, text=text)
    for one in come:
        name = _name(work.new, one)
        text = f"one more form {'(' + name + ') ' if name else ''}is allowed"
        kind = Kind.CHANGED if exclusive else Kind.LOOSENED
        work.constraint(pair, kind, "form", new=name or one.kind, text=text)


def _change(work: Work, pair: Pair, change: constraints.Change) -> None:
    keyword = change.keyword
    probe: Schema | None = None
    if keyword != "together" and change.new is not ABSENT and not isinstance(change.new, list):
        probe = {keyword: change.new}
    work.constraint(pair, change.kind, keyword, old=change.old, new=change.new, probe=probe)


def _name(reader: Reader, one: Alternative) -> str:
    """What a form is called, or what tells it from others."""
    mark = reader.mark(one)
    return one.title or (f"{mark[0]}: {brief(mark[1])}" if mark else "")


def _marked(value: Any, key: str, constant: Any) -> bool:
    """Is a value a section of the form that is told by this constant?"""
    return isinstance(value, dict) and same(value.get(key, ABSENT), constant)
