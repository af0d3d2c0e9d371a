"""Quantities typed with their unit: `90`, `1h30m`, `2 days`, `512M`, `1.5 GiB`.

The option's own unit is its `x-unit`; a bare number is in that unit. What is stored is always
the plain number that the application wants.
"""

from __future__ import annotations

import re
from fractions import Fraction

_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*,?")

_SECONDS = {
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
    "w": Fraction(604800),
}
_SECONDS_ALSO = {
    "ms": "millisecond milliseconds msec",
    "s": "sec secs second seconds",
    "min": "m mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "day days",
    "w": "week weeks",
}
_BYTES = {
    "b": Fraction(1),
    **{f"{letter}ib": Fraction(1024**power) for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}b": Fraction(1000**power) for power, letter in enumerate("kmgt", 1)},
}
_BYTES_ALSO = {
    "b": "byte bytes",
    **{f"{letter}ib": letter for letter in "kmgt"},
}


def _spelled(factors: dict[str, Fraction], also: dict[str, str]) -> dict[str, Fraction]:
    spelled = dict(factors)
    for name, others in also.items():
        spelled.update(dict.fromkeys(others.split(), factors[name]))
    return spelled


_FAMILIES = (_spelled(_SECONDS, _SECONDS_ALSO), _spelled(_BYTES, _BYTES_ALSO))


def quantity(text: str, unit: str) -> Fraction | None:
    """The number, in `unit`, that a text with units means; None if the text has no units.

    ValueError, in words for the user, for a unit that is not of the same kind.
    """
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    family = next((family for family in _FAMILIES if unit.lower() in family), None)
    if family is None:
        if len(parts) == 1 and parts[0][2].lower() == unit.lower():
            return Fraction(parts[0][1])
        raise ValueError(f"must be a plain number{f' of {unit}' if unit else ''}")
    total = Fraction(0)
    for part in parts:
        factor = family.get(part[2].lower())
        if factor is None:
            raise ValueError(f"{part[2]!r} is not a unit that fits here; the unit is {unit}")
        total += Fraction(part[1]) * factor
    return total / family[unit.lower()]


def in_words(value: float, unit: str) -> str:
    """A longer unit for a long time: 5400 seconds are "1 h 30 min". Empty if it is no help."""
    factor = _FAMILIES[0].get(unit.lower())
    if factor is None or value <= 0:
        return ""
    seconds = Fraction(value).limit_denominator(1000) * factor
    said = []
    for name in ("w", "d", "h", "min", "s"):
        count, seconds = divmod(seconds, _SECONDS[name])
        if count:
            said.append(f"{count} {name}")
    return " ".join(said) if said and not seconds and len(said) <= 3 else ""
