"""Values that do not fit the new release: what they become without loss, and what they could
become if a person agrees."""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forms.migrations.convert import converted
from forms.migrations.places import get
from forms.model.row import Problem
from forms.paths import path_text
from forms.values import ABSENT, identical, key_of, same, written

_TYPES = ("integer", "number", "string", "boolean")

Faults = Callable[[Any], list[Problem]]
"""What is wrong with a value at its place."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a value could be, and what that would do to it, in words."""

    value: Any
    label: str


_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}
"""What older YAML, which many applications read, takes for yes and no."""


def without_loss(value: Any, words: Mapping[str, Any], faults: Faults) -> Any:
    """The value as the new release wants it, if it can be read back from that; else ABSENT,
    also where nothing is wrong with the value itself but with its being there."""
    if not faults(value):
        return ABSENT
    for one in _lossless(value, words):
        if not identical(one, value) and not faults(one):
            return one
    return ABSENT


def _lossless(value: Any, words: Mapping[str, Any]) -> Iterator[Any]:
    renamed = words.get("x-renamed-values")
    if isinstance(renamed, dict) and isinstance(value, str) and value in renamed:
        yield copy.deepcopy(renamed[value])
    if isinstance(value, list):
        if len(value) == 1:
            yield value[0]
        return
    if value is None or isinstance(value, dict):
        return
    if isinstance(value, str) and value.casefold() in _SWITCHES:
        yield _SWITCHES[value.casefold()]
    for name in _TYPES:
        one = converted(value, name)
        if one.lossless and _reads_back(value, one.value):
            yield one.value
    yield [value]


def _reads_back(value: Any, made: Any) -> bool:
    """Is nothing of how a text is written lost? A number or switch can be read from its text."""
    if isinstance(value, str):
        return made == value if isinstance(made, str) else json.dumps(made) == value
    return isinstance(made, str) or same(made, value)


def suggestions(value: Any, words: Mapping[str, Any], faults: Faults) -> list[Suggestion]:
    """Values that fit and are near, likeliest first; something of the value is lost in each."""
    found: dict[str, Suggestion] = {}
    for one in _near(value, words, faults) if faults(value) else ():
        if not identical(one.value, value) and not faults(one.value):
            found.setdefault(key_of(one.value), one)
    return list(found.values())[:4]


def _near(value: Any, words: Mapping[str, Any], faults: Faults) -> Iterator[Suggestion]:
    yield from _of_types(value)
    yield from _of_choices(value, words.get("enum"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _within_bounds(value, words)
    if isinstance(value, str):
        yield Suggestion(value.strip(), "without the blanks around it")
        cut = words.get("maxLength")
        if isinstance(cut, int):
            yield Suggestion(value[:cut], f"cut after {cut} characters")
    if isinstance(value, list):
        yield from _of_list(value)
    if isinstance(value, list | dict):
        yield from _without_faults(value, faults)


def _of_types(value: Any) -> Iterator[Suggestion]:
    made = [one for name in _TYPES if (one := converted(value, name)).value is not ABSENT]
    for one in sorted(made, key=lambda one: not one.lossless):
        yield Suggestion(one.value, one.why or "converted")
    if isinstance(value, str) and "," in value:
        parts = [part.strip() for part in value.split(",")]
        yield Suggestion(parts, "the parts between commas, as a list")


def _of_choices(value: Any, choices: Any) -> Iterator[Suggestion]:
    if not isinstance(choices, list) or not isinstance(value, str):
        return
    texts = [choice for choice in choices if isinstance(choice, str)]
    folded = {text.casefold(): text for text in reversed(texts)}
    if value.casefold() in folded:
        yield Suggestion(folded[value.casefold()], "written as it is now")
    for near in difflib.get_close_matches(value[:100].casefold(), folded, 2, 0.6):
        yield Suggestion(folded[near], "the value that is written most alike")


def _within_bounds(value: float, words: Mapping[str, Any]) -> Iterator[Suggestion]:
    whole = isinstance(value, int)
    for word, step in (
        ("minimum", 0),
        ("maximum", 0),
        ("exclusiveMinimum", 1),
        ("exclusiveMaximum", -1),
    ):
        bound = words.get(word)
        if isinstance(bound, int | float) and not isinstance(bound, bool) and (whole or not step):
            least = "inimum" in word
            if value < bound + step if least else value > bound + step:
                label = f"the {'least' if least else 'most'} that is allowed"
                yield Suggestion(bound + step, label)


def _of_list(value: list[Any]) -> Iterator[Suggestion]:
    once: dict[str, Any] = {}
    for item in value:
        once.setdefault(key_of(item), item)
    yield Suggestion(list(once.values()), "each entry once")
    if value:
        yield Suggestion(value[0], "the first entry only")
    if value and all(isinstance(item, str | int | float) for item in value):
        joined = ", ".join(item if isinstance(item, str) else written(item) for item in value)
        yield Suggestion(joined, "its entries in one text")


def _without_faults(value: Any, faults: Faults) -> Iterator[Suggestion]:
    """The value without those of its parts that do not fit."""
    left = copy.deepcopy(value)
    gone: list[str] = []
    for _ in range(20):
        inside = [problem.path for problem in faults(left) if problem.path]
        inside = [path for path in inside if get(left, path) is not ABSENT]
        if not inside:
            break
        path = max(inside, key=lambda one: (len(one), str(one)))
        holder = get(left, path[:-1])
        del holder[path[-1]]
        gone.append(path_text(path))
    if gone:
        yield Suggestion(left, f"without {', '.join(gone[:3])}{', ...' * (len(gone) > 3)}")
