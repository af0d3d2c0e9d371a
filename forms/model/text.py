"""Values as text: how they are shown, what stands in the editor, what typed text means.

Whatever `editable` writes, `parse` reads back as the same value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from forms.model.rawtext import parse_raw, raw_text
from forms.model.units import quantity
from forms.oneline import one_line
from forms.schema.shape import Kind, Shape
from forms.values import ABSENT, same, written

_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLS = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}


def shown(shape: Shape, value: Any, items: Shape | None = None) -> str:
    """A value as a row shows it. items: the shape of a list's items if they are plain."""
    if value is ABSENT:
        return ""
    if value is None:
        return _titled_choice(shape, None) or "null"
    if shape.kind is Kind.ENUM or shape.kind is Kind.CONST:
        return one_line(_titled_choice(shape, value) or _plain_text(shape.types, value))
    if isinstance(value, dict | list):
        if items is not None and isinstance(value, list):
            return one_line(editable(shape, value, items))
        if shape.kind is Kind.RAW or not value:
            return one_line(written(value))
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    return one_line(_plain_text(shape.types, value))


def editable(shape: Shape, value: Any, items: Shape | None = None) -> str:
    """A value as the editor has it; `parse` reads it back."""
    if value is ABSENT:
        return ""
    if items is not None and isinstance(value, list):
        return ", ".join(_item_text(items, item) for item in value)
    if shape.kind is Kind.RAW or isinstance(value, dict | list):
        return raw_text(value)
    return "" if value is None else _plain_text(shape.types, value)


def parse(shape: Shape, text: str, items: Shape | None = None) -> Any:
    """What typed text means. ValueError that says what is wanted."""
    match shape.kind:
        case Kind.LIST if items is not None:
            return [_parse_item(items, item) for item in _split(text)]
        case Kind.ENUM | Kind.CONST:
            return _parse_choice(shape, text)
        case Kind.BOOL:
            return _parse_bool(text)
        case Kind.INT | Kind.NUMBER:
            return _parse_number(text, shape.kind is Kind.INT, unit_of(shape))
        case Kind.TEXT:
            return _parse_scalar(shape.types, text)
        case _:
            return parse_raw(text)


def choice_texts(shape: Shape) -> list[tuple[str, str]]:
    """The texts to choose among, each with its title."""
    if shape.kind is Kind.BOOL:
        return [("yes", ""), ("no", "")]
    return [(_plain_text(shape.types, value), title) for value, title in shape.choices]


def unit_of(shape: Shape) -> str:
    return str(shape.view.words.get("x-unit", ""))


def _plain_text(types: frozenset[str], value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        if types == {"string"} or not types or _means(types, value):
            return value
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value)) if "integer" in types else repr(value)
    return written(value)


def _means(types: frozenset[str], text: str) -> bool:
    """Does a text, typed as it is, mean itself?"""
    try:
        return bool(_parse_scalar(types, text) == text)
    except ValueError:
        return False


def _titled_choice(shape: Shape, value: Any) -> str:
    for choice, title in shape.choices:
        if title and not isinstance(choice, str) and same(choice, value):
            return f"{_plain_text(shape.types, value)} ({title})"
    return ""


def _parse_choice(shape: Shape, text: str) -> Any:
    choices = shape.choices or ((shape.view.words.get("const"), ""),)
    texts = [_plain_text(shape.types, value) for value, _ in choices]
    for wanted in (text, text.strip(), text.strip().casefold()):
        for (value, title), own in zip(choices, texts, strict=True):
            if wanted in (own, title) or wanted in (own.casefold(), title.casefold()):
                return value
    if len(texts) == 1:
        raise ValueError(f"must be {texts[0]}")
    raise ValueError(f"must be one of: {', '.join(one_line(own) for own in texts[:12])}")


def _parse_bool(text: str) -> bool:
    value = _BOOLS.get(text.strip().lower())
    if value is None:
        raise ValueError("must be yes or no")
    return value


def _parse_number(text: str, whole: bool, unit: str) -> int | float:
    text = text.strip()
    wanted = "must be a whole number" if whole else "must be a number"
    found: int | float | Fraction
    if _WHOLE.fullmatch(text) and len(text) < 4000:
        return int(text)
    if _DECIMAL.fullmatch(text):
        found = float(text)
        if not math.isfinite(found):
            raise ValueError("is too large")
    elif (found_quantity := quantity(text, unit)) is not None:
        found = found_quantity
    elif re.fullmatch(r"[+-]?[0-9]+,[0-9]+", text):
        raise ValueError(f"{wanted}; decimals are written with a dot")
    else:
        raise ValueError(f"{wanted}{f' of {unit}' if unit else ''}")
    if found == int(found) and (whole or isinstance(found, Fraction)):
        return int(found)
    if whole:
        raise ValueError(f"{wanted}{f' of {unit}' if unit else ''}")
    return float(found)


def _parse_scalar(types: frozenset[str], text: str) -> Any:
    if types == {"string"} or not types:
        return text
    bare = text.strip()
    if "string" in types and bare.startswith('"'):
        try:
            quoted = json.loads(bare)
        except ValueError:
            return text
        return quoted if isinstance(quoted, str) else text
    if "boolean" in types and bare.lower() in _BOOLS and not bare.isdigit():
        return _BOOLS[bare.lower()]
    if types & {"integer", "number"}:
        try:
            return _parse_number(text, "number" not in types, "")
        except ValueError as error:
            if "string" not in types:
                raise ValueError("must be yes, no or a number") from error
    if "string" in types:
        return text
    return _parse_bool(text)


_SPLIT = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,\n]*)\s*(?:([,\n])|\Z)')


def _split(text: str) -> Iterator[str]:
    """The items of a line: apart by commas or line breaks, quoted where they hold such."""
    at, more = 0, bool(text.strip())
    while more:
        found = _SPLIT.match(text, at)
        if found is None:
            raise ValueError("put a comma between entries, and after a closing quote")
        item = found[1].strip()
        at, more = found.end(), found[2] is not None
        if more or item:
            yield item
    if text[at:].strip():
        raise ValueError("put a comma between entries, and after a closing quote")


def _item_text(items: Shape, value: Any) -> str:
    if value is None:
        return "null"
    text = _plain_text(items.types, value)
    if isinstance(value, str) and (text == value and _needs_quotes(value)):
        return json.dumps(value, ensure_ascii=False)
    return text


def _needs_quotes(text: str) -> bool:
    return (
        text in ("", "null")
        or text != text.strip()
        or text[0] == '"'
        or not text.isprintable()
        or "," in text
    )


def _parse_item(items: Shape, text: str) -> Any:
    if text == "null" and items.nullable:
        return None
    if text.startswith('"'):
        try:
            unquoted = json.loads(text)
        except ValueError:
            raise ValueError(f"the quotes of {one_line(text)} cannot be read") from None
        return parse(items, unquoted) if "string" not in items.types else unquoted
    if not text:
        raise ValueError('an entry is missing between two commas; write "" for an empty one')
    return parse(items, text)
