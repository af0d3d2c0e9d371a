"""Units of quantities, and how many of one are in another."""

from __future__ import annotations

from fractions import Fraction

_QUANTITIES: tuple[dict[str, Fraction], ...] = (
    {
        "milliseconds": Fraction(1, 1000),
        "seconds": Fraction(1),
        "minutes": Fraction(60),
        "hours": Fraction(3600),
        "days": Fraction(86400),
        "weeks": Fraction(604800),
    },
    {
        "bytes": Fraction(1),
        "kB": Fraction(10**3),
        "MB": Fraction(10**6),
        "GB": Fraction(10**9),
        "TB": Fraction(10**12),
        "KiB": Fraction(2**10),
        "MiB": Fraction(2**20),
        "GiB": Fraction(2**30),
        "TiB": Fraction(2**40),
    },
    {"percent": Fraction(1, 100), "fraction": Fraction(1)},
)

UNITS = tuple(name for quantity in _QUANTITIES for name in quantity)


def factor(old: str, new: str) -> Fraction | None:
    """What a value in the old unit is multiplied by; None if one is not known, or they are not
    of the same quantity."""
    for quantity in _QUANTITIES:
        if old in quantity and new in quantity:
            return quantity[old] / quantity[new]
    return None
