"""What is said of an option as a whole: its types, its default, what state it is in."""

from __future__ import annotations

from forms.diff import judge
from forms.diff.difference import Kind
from forms.diff.judge import Set
from forms.diff.lockstep import Pair
from forms.diff.meaning import Meaning
from forms.diff.retyping import retyping
from forms.diff.work import Work, shown
from forms.values import ABSENT, same

_STATES = {
    "readOnly": "is only read",
    "x-managed": "is decided by Homeport",
    "secret": "is a secret",
}


def note_types(work: Work, pair: Pair, old: Meaning, new: Meaning) -> None:
    """Note that the types of an option changed."""
    changed = retyping(work.new, old, new)
    if changed is None:
        return
    fits = work.fits(pair.new)
    verdict = judge.of_retyped(work.given, pair.hits, fits, changed.superset, changed.lossless)
    text = f"was {changed.old}, is {changed.new}"
    if not changed.superset:
        text += ", without loss" if changed.lossless else ", which not every value becomes"
    work.note(
        pair,
        Kind.RETYPED,
        verdict,
        text,
        old=changed.old,
        new=changed.new,
        lossless=changed.lossless,
        hits=pair.hits,
    )


def note_words(work: Work, pair: Pair, old: Meaning, new: Meaning) -> None:
    """Note that its default or its state changed."""
    before, after = (it.words.get("default", ABSENT) for it in (old, new))
    if before is not after and (ABSENT in (before, after) or not same(before, after)):
        verdict = judge.of_default(work.given, pair.hits, before, after)
        text = f"default was {shown(before)}, is {shown(after)}"
        work.note(pair, Kind.DEFAULT, verdict, text, old=before, new=after, hits=pair.hits)
    deprecated = bool(new.words.get("deprecated"))
    if bool(old.words.get("deprecated")) != deprecated:
        note_deprecation(work, pair, deprecated, "is", pair.hits)
    for keyword, state in _STATES.items():
        if keyword == "secret":
            was, now = old.secret, new.secret
        else:
            was, now = bool(old.words.get(keyword)), bool(new.words.get(keyword))
        if was != now:
            text = f"now {state}" if now else f"no longer {state}"
            work.constraint(pair, Kind.CHANGED, keyword, text=text, old=was, new=now)


def note_deprecation(work: Work, pair: Pair, deprecated: bool, subject: str, hits: Set) -> None:
    """Note that an option, or a form of it, is deprecated, or no longer."""
    if deprecated:
        verdict = judge.of_deprecated(work.given, hits)
        work.note(pair, Kind.DEPRECATED, verdict, f"{subject} deprecated", hits=hits)
    else:
        text = f"{subject} no longer deprecated"
        work.note(pair, Kind.UNDEPRECATED, judge.NO_MATTER, text)
