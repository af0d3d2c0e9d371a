"""Nix literals: read without evaluating anything, and written so that data stays data.

The grammar is the part of Nix whose value needs no evaluation: strings without interpolation,
numbers, true, false, null, lists and attribute sets of these. Source: the Nix manual,
"Data types".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InvalidInput

_SPACE = re.compile(r"(?:\s|#[^\n]*|/\*.*?\*/)*", re.S)
_NUMBER = re.compile(r"-?(?:\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+)(?![\w./])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_KEYWORDS = frozenset(["if", "then", "else", "assert", "with", "let", "in", "rec", "inherit", "or"])
_LEAST = "(-9223372036854775807 - 1)"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_DEEPEST = 200


class NotALiteral(ValueError):
    """The text is an expression; its value is not known without evaluating it."""


def read_literal(text: str) -> Any:
    """The JSON value of a Nix literal. Raises NotALiteral."""
    reader = _Reader(text)
    value = reader.value(0)
    reader.space()
    if reader.at != len(text):
        raise NotALiteral(text)
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def take(self, word: str) -> bool:
        self.space()
        if not self.text.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def value(self, depth: int) -> Any:
        self.space()
        if depth > _DEEPEST:
            raise NotALiteral("nested too deep")
        text, at = self.text, self.at
        if text.startswith(('"', "''"), at):
            return self.string()
        if self.take(_LEAST):
            return -(2**63)
        if match := _NUMBER.match(text, at):
            self.at = match.end()
            return float(match[0]) if "." in match[0] else int(match[0])
        if self.take("("):
            value = self.value(depth + 1)
            self._need(")")
            return value
        if self.take("["):
            items: list[Any] = []
            while not self.take("]"):
                if _NUMBER.match(text, self.at) and text[self.at] == "-":
                    raise NotALiteral("a bare minus in a list")
                items.append(self.value(depth + 1))
            return items
        if self.take("{"):
            return self._attributes(depth)
        if (match := _NAME.match(text, at)) and match[0] in ("true", "false", "null"):
            self.at = match.end()
            return {"true": True, "false": False, "null": None}[match[0]]
        raise NotALiteral(text[at : at + 40])

    def _need(self, word: str) -> None:
        if not self.take(word):
            raise NotALiteral(f"{word} expected")

    def _attributes(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self.take("}"):
            path = [self._attribute()]
            while self.take("."):
                path.append(self._attribute())
            self._need("=")
            value = self.value(depth + 1)
            self._need(";")
            place = found
            for name in path[:-1]:
                place = place.setdefault(name, {})
                if not isinstance(place, dict):
                    raise NotALiteral("attribute defined twice")
            if path[-1] in place:
                raise NotALiteral("attribute defined twice")
            place[path[-1]] = value
        return found

    def _attribute(self) -> str:
        self.space()
        if self.text.startswith('"', self.at):
            return self.string()
        match = _NAME.match(self.text, self.at)
        if match is None or match[0] in _KEYWORDS:
            raise NotALiteral("attribute name expected")
        self.at = match.end()
        return match[0]

    def string(self) -> str:
        """The string that begins here, quoted in either way."""
        self.space()
        if self.text.startswith("''", self.at):
            return self._indented()
        at, parts = self.at + 1, []
        while at < len(self.text) and self.text[at] != '"':
            character = self.text[at]
            if character == "\\" and at + 1 < len(self.text):
                at += 1
                character = _ESCAPES.get(self.text[at], self.text[at])
            elif self.text.startswith("$$", at):
                character = "$$"
                at += 1
            elif self.text.startswith("${", at):
                raise NotALiteral("interpolation")
            parts.append(character)
            at += 1
        if at >= len(self.text):
            raise NotALiteral("string without end")
        self.at = at + 1
        return "".join(parts)

    def _indented(self) -> str:
        end = self.text.find("''", self.at + 2)
        body = self.text[self.at + 2 : end]
        # Escapes begin with two quotes; a text that holds any is left to an evaluator.
        if end < 0 or "${" in body or self.text[end + 2 : end + 3] in ("'", "$", "\\"):
            raise NotALiteral("indented string with escapes")
        self.at = end + 2
        lines = body.split("\n")
        if len(lines) > 1 and not lines[0].strip(" "):
            lines = lines[1:]
        full = [line for line in lines if line.strip(" ")]
        indent = min((len(line) - len(line.lstrip(" ")) for line in full), default=0)
        if not lines[-1].strip(" "):
            lines[-1] = ""
        return "\n".join(line[indent:] for line in lines)


def write_literal(value: Any, indent: int = 0) -> str:
    """Nix text of a JSON value, `indent` levels deep. InvalidInput for what Nix cannot hold."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _float(value)
    inner, outer = "  " * (indent + 1), "  " * indent
    if isinstance(value, Mapping):
        lines = [
            f"{inner}{attribute(str(name))} = {write_literal(item, indent + 1)};\n"
            for name, item in value.items()
        ]
        return "{\n" + "".join(lines) + outer + "}" if lines else "{ }"
    if isinstance(value, Sequence):
        lines = [f"{inner}{_item(item, indent + 1)}\n" for item in value]
        return "[\n" + "".join(lines) + outer + "]" if lines else "[ ]"
    raise InvalidInput("the value cannot be written as Nix", why=f"it is a {type(value).__name__}")


def attribute(name: str) -> str:
    """An attribute name, quoted where it must be."""
    match = _NAME.fullmatch(name)
    return name if match and name not in _KEYWORDS else _quoted(name)


def _item(value: Any, indent: int) -> str:
    text = write_literal(value, indent)
    return f"({text})" if text.startswith("-") else text


def _quoted(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(
            "the text cannot be written as Nix",
            why="it holds a null byte or half a surrogate pair",
            do="Remove that character.",
        )
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n")):
        text = text.replace(character, escaped)
    return '"' + text.replace("\r", "\\r").replace("\t", "\\t") + '"'


def _integer(value: int) -> str:
    if not -(2**63) <= value < 2**63:
        raise InvalidInput("the number cannot be written as Nix", why="it is beyond 64 bits")
    return _LEAST if value == -(2**63) else str(value)


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise InvalidInput("the number cannot be written as Nix", why="it is not finite")
    mantissa, mark, exponent = repr(value).partition("e")
    return (mantissa if "." in mantissa else f"{mantissa}.0") + mark + exponent
