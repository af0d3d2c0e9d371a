"""Which form of an old option is which form of the new one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from forms.diff.alike import Likeness
from forms.diff.meaning import Alternative, Condition, Rule
from forms.diff.reader import Reader
from forms.schema.load import Schema

T = TypeVar("T")


def paired(
    old: Iterable[T], new: Iterable[T], *tests: Callable[[T, T], bool]
) -> tuple[list[tuple[T, T]], list[T], list[T]]:
    """Pairs by the first test that holds for some, strictest first; and what is left over."""
    left_old, left_new = list(old), list(new)
    pairs: list[tuple[T, T]] = []
    for test in tests:
        for one in list(left_old):
            i = next((i for i, other in enumerate(left_new) if test(one, other)), None)
            if i is not None:
                pairs.append((one, left_new.pop(i)))
                left_old = [other for other in left_old if other is not one]
    return pairs, left_old, left_new


def forms(
    likeness: Likeness, old: list[Alternative], new: list[Alternative]
) -> tuple[list[tuple[Alternative, Alternative]], list[Alternative], list[Alternative]]:
    """Forms of one kind of value: the same, told apart by the same constant or called the
    same, or with most keys in common; and the last one of each side."""
    if len(old) == len(new) == 1:
        return [(old[0], new[0])], [], []
    marks = {id(one): likeness.old.mark(one) for one in old}
    marks |= {id(one): likeness.new.mark(one) for one in new}

    def same_mark(one: Alternative, other: Alternative) -> bool:
        return marks[id(one)] is not None and marks[id(one)] == marks[id(other)]

    def unmarked(one: Alternative, other: Alternative) -> bool:
        return marks[id(one)] is None or marks[id(other)] is None

    pairs, gone, come = paired(
        old,
        new,
        likeness.alternatives_alike,
        same_mark,
        lambda a, b: bool(a.title) and a.title == b.title,
        lambda a, b: a.values is not None and b.values is not None,
        lambda a, b: unmarked(a, b) and _share(a, b) > 0.5,
    )
    if len(gone) == len(come) == 1 and unmarked(gone[0], come[0]):
        return [*pairs, (gone[0], come[0])], [], []
    return pairs, gone, come


def _share(one: Alternative, other: Alternative) -> float:
    keys = one.properties.keys() | other.properties.keys()
    return len(one.properties.keys() & other.properties.keys()) / len(keys) if keys else 0.0


def branches(
    likeness: Likeness, old: Rule, new: Rule, readers: tuple[Reader, Reader]
) -> tuple[list[tuple[Schema, Schema]], list[Schema], list[Schema]]:
    """Branches of a choice that has too many cases to be told apart: the same, or with the
    same title or constant."""

    def name(reader: Reader, schema: Schema) -> str:
        meaning = reader.meaning(schema)
        marks = {str(mark) for mark in map(reader.mark, meaning.alternatives) if mark is not None}
        return marks.pop() if len(marks) == 1 else str(meaning.words.get("title", ""))

    names = {id(schema): name(readers[0], schema) for schema in old.schemas}
    names |= {id(schema): name(readers[1], schema) for schema in new.schemas}
    pairs, gone, come = paired(
        old.schemas,
        new.schemas,
        likeness.alike,
        lambda a, b: bool(names[id(a)]) and names[id(a)] == names[id(b)],
    )
    if len(gone) == len(come):
        return [*pairs, *zip(gone, come, strict=True)], [], []
    return pairs, gone, come


def conditions(
    likeness: Likeness, old: Iterable[Condition], new: Iterable[Condition]
) -> tuple[list[tuple[Condition, Condition]], list[Condition], list[Condition]]:
    """Conditions that hold for the same values, those with the same effect first."""

    def equal(one: Condition, other: Condition) -> bool:
        return (
            likeness.conditions_meet(one, other)
            and likeness.alike(one.then, other.then)
            and likeness.alike(one.otherwise, other.otherwise)
        )

    return paired(old, new, equal, likeness.conditions_meet)
