"""Whether the types of an option changed, and whether its values survive that."""

from __future__ import annotations

from dataclasses import dataclass

from forms.diff.meaning import Meaning
from forms.diff.reader import Reader
from forms.diff.wording import kinds_text


@dataclass(frozen=True, slots=True)
class Retyping:
    """How the types of an option changed."""

    old: str
    new: str
    superset: bool
    """Is every old type allowed still?"""
    lossless: bool
    """Can every old value be written in a new type, so that it can be read back?"""


def retyping(reader: Reader, old: Meaning, new: Meaning) -> Retyping | None:
    """None where the types are the same, or follow from the values that both list. Whole
    numbers and numbers are told apart unless the values are listed on either side, which says
    all there is to say. reader: the new one."""
    if enumerated(old) and enumerated(new):
        return None
    before, after = old.kinds(), new.kinds()
    if "number" in before and "number" in after and (_listed(old) or _listed(new)):
        before["number"] = after["number"]
    if before == after:
        return None
    lost = {
        kind: whole
        for kind, whole in before.items()
        if kind not in after or (kind == "number" and after[kind] and not whole)
    }
    lossless = all(_converts(reader, kind, whole, new) for kind, whole in lost.items())
    return Retyping(kinds_text(before), kinds_text(after), not lost, lossless)


def enumerated(meaning: Meaning) -> bool:
    """Are all values listed that there may be, whatever their types?"""
    listed = [one for one in meaning.alternatives if one.kind != "null"]
    return bool(listed) and all(one.values is not None for one in listed)


def _listed(meaning: Meaning) -> bool:
    return all(one.values is not None for one in meaning.alternatives if one.kind == "number")


def _converts(reader: Reader, kind: str, whole: bool, new: Meaning) -> bool:
    """A number or switch can be written as a text, and a plain value as a list of one."""
    for one in new.alternatives:
        if one.kind == "string" and kind in ("number", "boolean"):
            if one.values is None and not one.texts:
                return True
        elif one.kind == "array" and kind in ("string", "number", "boolean") and not one.prefix:
            inner = reader.meaning(one.items).kinds()
            if kind in inner and (kind != "number" or whole or not inner[kind]):
                return True
    return False
