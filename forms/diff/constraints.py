"""What two forms of one option ask of values, compared keyword by keyword."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forms.diff.difference import Kind
from forms.diff.meaning import Alternative
from forms.values import ABSENT, key_of, written

_LEAST = ("minLength", "minItems", "minProperties")
_MOST = ("maxLength", "maxItems", "maxProperties")


@dataclass(frozen=True, slots=True)
class Change:
    """One keyword that says something else."""

    kind: Kind
    keyword: str
    old: Any = ABSENT
    new: Any = ABSENT


def changes(old: Alternative, new: Alternative) -> Iterator[Change]:
    """How the bounds and texts of two alternatives differ; their values and what lies in them
    are left out."""
    for keyword in _LEAST:
        yield from _bound(keyword, old.bounds.get(keyword, 0), new.bounds.get(keyword, 0), 1)
    for keyword in _MOST:
        most = float("inf")
        yield from _bound(keyword, old.bounds.get(keyword, most), new.bounds.get(keyword, most), -1)
    yield from _side(old.bounds, new.bounds, "minimum", "exclusiveMinimum", 1)
    yield from _side(old.bounds, new.bounds, "maximum", "exclusiveMaximum", -1)
    yield from _step(old.bounds.get("multipleOf"), new.bounds.get("multipleOf"))
    unique = [bool(one.bounds.get("uniqueItems")) for one in (old, new)]
    if unique[0] != unique[1]:
        yield Change(Kind.TIGHTENED if unique[1] else Kind.LOOSENED, "uniqueItems", *unique)
    for keyword in sorted({word for word, _ in old.texts ^ new.texts}):
        yield _text(keyword, old, new)
    for pair in sorted(new.together - old.together):
        yield Change(Kind.TIGHTENED, "together", new=list(pair))
    for pair in sorted(old.together - new.together):
        yield Change(Kind.LOOSENED, "together", old=list(pair))


def _bound(keyword: str, old: float, new: float, sign: int) -> Iterator[Change]:
    if old != new:
        kind = Kind.TIGHTENED if (new - old) * sign > 0 else Kind.LOOSENED
        unset = (0, float("inf"))
        yield Change(
            kind, keyword, ABSENT if old in unset else old, ABSENT if new in unset else new
        )


def _side(
    old: Mapping[str, Any], new: Mapping[str, Any], inclusive: str, exclusive: str, sign: int
) -> Iterator[Change]:
    """A bound of numbers, which may leave out the bound itself."""
    ends = []
    for bounds in (old, new):
        if exclusive in bounds:
            ends.append((bounds[exclusive] * sign, True))
        elif inclusive in bounds:
            ends.append((bounds[inclusive] * sign, False))
        else:
            ends.append((-float("inf"), False))
    if ends[0] != ends[1]:
        keyword = exclusive if exclusive in new or exclusive in old else inclusive
        kind = Kind.TIGHTENED if ends[1] > ends[0] else Kind.LOOSENED
        yield Change(
            kind,
            keyword,
            old.get(exclusive, old.get(inclusive, ABSENT)),
            new.get(exclusive, new.get(inclusive, ABSENT)),
        )


def _step(old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if old is None or (new is not None and _divides(old, new)):
        yield Change(Kind.TIGHTENED, "multipleOf", ABSENT if old is None else old, new)
    elif new is None or _divides(new, old):
        yield Change(Kind.LOOSENED, "multipleOf", old, ABSENT if new is None else new)
    else:
        yield Change(Kind.CHANGED, "multipleOf", old, new)


def _divides(one: Any, other: Any) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one != 0 and other % one == 0


def _text(keyword: str, old: Alternative, new: Alternative) -> Change:
    gone = sorted(text for word, text in old.texts - new.texts if word == keyword)
    come = sorted(text for word, text in new.texts - old.texts if word == keyword)
    kind = Kind.CHANGED if gone and come else Kind.TIGHTENED if come else Kind.LOOSENED
    return Change(kind, keyword, _one(gone), _one(come))


def _one(texts: list[str]) -> Any:
    return (texts[0] if len(texts) == 1 else texts) if texts else ABSENT


@dataclass(frozen=True, slots=True)
class Values:
    """How a list of allowed values changed."""

    dropped: tuple[Any, ...]
    added: tuple[Any, ...]
    renamed: tuple[tuple[Any, Any, bool], ...]
    """Old value, new one, and whether the schema says so; if not, it is only likely."""


def values(old: Alternative, new: Alternative, marked: Mapping[str, Any]) -> Values:
    """Compare two lists of values. A value is renamed where the schema says so
    (`x-renamed-values`: old to new, as in migrations); it probably is where both have the same
    title, or where they differ in case and punctuation only."""
    before = {key_of(value): value for value in old.values or ()}
    after = {key_of(value): value for value in new.values or ()}
    gone = {key: value for key, value in before.items() if key not in after}
    come = {key: value for key, value in after.items() if key not in before}
    texts = {
        value if isinstance(value, str) else written(value): key for key, value in gone.items()
    }
    marks = {key_of(now): texts.get(was, "") for was, now in marked.items()}
    renamed = []
    for key, value in list(come.items()):
        was = marks.get(key, "")
        declared = was in gone
        if not declared:
            titles = [
                one
                for one in gone
                if new.titles.get(key) and old.titles.get(one) == new.titles[key]
            ]
            plain = [one for one in gone if _plain(gone[one]) == _plain(value)]
            was = (titles or plain or [""])[0]
        if was in gone:
            renamed.append((gone.pop(was), come.pop(key), declared))
    return Values(tuple(gone.values()), tuple(come.values()), tuple(renamed))


def _plain(value: Any) -> Any:
    """A text without case and punctuation; anything else equals only itself."""
    if not isinstance(value, str):
        return key_of(value)
    return "".join(ch for ch in value.casefold() if ch.isalnum()) or key_of(value)
