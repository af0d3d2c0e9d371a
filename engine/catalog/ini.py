"""Writing INI files that Python's own `configparser` reads back verbatim.

Radicale (`RawConfigParser`) and isso (`ConfigParser` without interpolation) have no quoting:
white space around a value is cut, continuation lines that look like comments vanish. So
each value is written, read back by the same parser, and refused with the reason where the
outcome differs; what is refused can never turn into another option.
Rules: https://docs.python.org/3/library/configparser.html#supported-ini-file-structure
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from configparser import Error, RawConfigParser
from typing import Any

from engine.catalog.options import Schema, is_section
from engine.errors import InvalidInput

Sections = dict[str, dict[str, str]]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def render_ini(schema: Schema, document: Mapping[str, Any], escapes: Mapping[str, str]) -> bytes:
    """The file of a document; sections and options in the order of the schema.

    An object within an object becomes a section with a dotted name. Lists and objects are
    written as their option's `x-encode` says: "comma", "lines" or "json".
    Raises InvalidInput, naming the option, for a value that would not be read back the same.
    """
    sections: Sections = {}
    for section, option, node, value in _assignments(schema, document, ""):
        on = f"{section}.{option}"
        text = _escaped(_text(value, node, on), escapes)
        _require_verbatim(section, option, text, on)
        sections.setdefault(section, {})[option] = text
    data = "\n".join(_block(name, options) for name, options in sections.items()).encode()
    if _read(data) != sections:
        raise InvalidInput("the configuration file would be read as something else")
    return data


def _assignments(
    schema: Schema, document: Mapping[str, Any], section: str
) -> Iterator[tuple[str, str, Schema, Any]]:
    known = schema.get("properties", {})
    further = schema.get("additionalProperties")
    order = {name: place for place, name in enumerate(known)}
    for name in sorted(document, key=lambda name: order.get(name, len(order))):
        node = known.get(name) or further
        if not isinstance(node, Mapping):
            raise InvalidInput("there is no such option", on=f"{section}.{name}".lstrip("."))
        value = document[name]
        if is_section(node) or (isinstance(value, Mapping) and "x-encode" not in node):
            yield from _assignments(node, value, f"{section}.{name}" if section else name)
        elif value is not None:
            yield section, name, node, value


def _text(value: Any, node: Schema, on: str) -> str:
    encoding = node.get("x-encode")
    if encoding == "json":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        items = [str(item) for item in value]
        separator = "," if encoding == "comma" else "\n"
        for item in items:
            if separator in item or item != item.strip() or not item:
                raise _refused(on, f"{item!r} cannot stand in a list of this file")
        return ", ".join(items) if encoding == "comma" else "".join(f"\n{item}" for item in items)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)


def _require_verbatim(section: str, option: str, text: str, on: str) -> None:
    if found := _CONTROL.search(option + text):
        raise _refused(on, f"it contains the control character {found[0]!r}")
    block = _block(section, {option: text}).encode()
    if _read(block) != {section: {option: text}}:
        raise _refused(on, _reason(option, text))


def _reason(option: str, text: str) -> str:
    lines = text.split("\n")
    if any(line != line.strip() for line in lines):
        return "a line of it begins or ends with a space, which the application cuts off"
    if any(line.startswith(("#", ";")) for line in lines[1:]):
        return "a line of it begins with # or ;, which the application takes for a comment"
    if text.rstrip("\n") != text:
        return "it ends with an empty line, which the application cuts off"
    return f"the application would not read {option!r} back as it was written"


def _refused(on: str, why: str) -> InvalidInput:
    return InvalidInput(
        "the value cannot be written to the configuration file",
        on=on,
        why=why,
        left="nothing was changed",
        do="Change the value of this option.",
    )


def _block(section: str, options: Mapping[str, str]) -> str:
    lines = [f"[{section}]"]
    lines += [f"{name} = " + value.replace("\n", "\n\t") for name, value in options.items()]
    return "\n".join(lines) + "\n"


def _read(data: bytes) -> Sections | None:
    parser = RawConfigParser()
    try:
        parser.read_file(io.TextIOWrapper(io.BytesIO(data), "utf-8"))
    except Error:
        return None
    return {name: dict(parser.items(name)) for name in parser.sections()}
