"""A plain value as one of another type or unit: what it becomes, and what is lost by it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from forms.migrations.change import Unit
from forms.values import ABSENT, type_of

_NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Converted:
    """value: ABSENT where there is nothing it could become. why: what is lost or is in the
    way; empty where nothing is."""

    value: Any = ABSENT
    why: str = ""

    @property
    def lossless(self) -> bool:
        return not self.why


def converted(value: Any, to: str, unit: Unit | None = None) -> Converted:
    """A value as one of type `to`: integer, number, string or boolean. Null stays null: it is
    no value of either type."""
    if value is None:
        return Converted(None)
    if isinstance(value, dict | list):
        return Converted(why="a section or list is no plain value")
    if unit is not None:
        return _in_unit(value, to, unit)
    if to == "string":
        return Converted(value if isinstance(value, str) else json.dumps(value))
    if to == "boolean":
        return _boolean(value)
    if isinstance(value, bool):
        return Converted(int(value))
    if isinstance(value, str):
        number = _number(value.strip())
        if number is None:
            return Converted(why="the text is no number")
        return _as(number, to)
    if to == "number":
        return Converted(value)
    return _as(_exact(value), to) if math.isfinite(value) else Converted(why="it is not finite")


def _boolean(value: Any) -> Converted:
    if isinstance(value, bool):
        return Converted(value)
    said = value.strip().casefold() if isinstance(value, str) else str(value)
    if said in _TRUE or said in _FALSE:
        return Converted(said in _TRUE)
    if type_of(value) == "integer":
        return Converted(True, "any number but 0 would be yes")
    return Converted(why="it says neither yes nor no")


def _in_unit(value: Any, to: str, unit: Unit) -> Converted:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return Converted(why="it is no number")
    number = _number(value.strip()) if isinstance(value, str) else _exact(value)
    if number is None:
        return Converted(why=f"the text is no number of {unit.old}")
    found = _as(number * unit.factor, "number" if to == "string" else to)
    if to == "string" and found.value is not ABSENT:
        return Converted(json.dumps(found.value), found.why)
    return found


def _number(text: str) -> Fraction | None:
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _exact(number: float) -> Fraction:
    """What is written: 0.1 is a tenth, which the float is not."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def _as(number: Fraction, to: str) -> Converted:
    if number.denominator == 1:
        return Converted(int(number))
    if to == "integer":
        return Converted(round(number), "it is rounded to a whole number")
    try:
        nearest = float(number)
    except OverflowError:
        return Converted(why="it is too large")
    return Converted(nearest, "" if _exact(nearest) == number else "it is rounded")
