"""Type descriptions of NixOS options, read into JSON Schema.

An options listing says of a type only a sentence (nixpkgs lib/types.nix, `description`). The
sentences are ambiguous: patterns are unescaped and `or` may stand in them. So this is a parser
that keeps every reading of a phrase and takes the one that leaves the least not understood. What no
rule covers becomes a free value with a note, never a guess.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
_Reading = tuple[Schema, int]

_MOST_READINGS = 24
"""Readings kept per place in the text; bounds the work for hostile descriptions."""
_LONGEST = 20_000
"""Longer descriptions are free values; the longest of real listings are a tenth of it."""
_DEEPEST = 60

_LUA: Schema = {
    "type": "object",
    "properties": {"__raw": {"type": "string"}},
    "required": ["__raw"],
    "additionalProperties": False,
}
_ATOM_OF_INI: Schema = {"type": ["null", "boolean", "integer", "number", "string"]}


def _free(note: str) -> Schema:
    return {"x-nix-note": note}


def _width(match: re.Match[str]) -> Schema:
    bits, signed = min(int(match["bits"]), 128), match["sign"] is None
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return {
        "type": "integer",
        "minimum": int(match["low"] or low),
        "maximum": int(match["high"] or high),
    }


def _between(kind: str) -> Callable[[re.Match[str]], Schema]:
    def build(match: re.Match[str]) -> Schema:
        return {"type": kind, "minimum": json.loads(match[1]), "maximum": json.loads(match[2])}

    return build


def _is(schema: Schema) -> Callable[[re.Match[str]], Schema]:
    return lambda _: dict(schema)


def _tags(match: re.Match[str]) -> Schema:
    names: list[str] = match[1].split(", ")
    return {
        "type": "object",
        "properties": {name: {} for name in names},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_RANGE = r"between (?P<low>-?\d+) and (?P<high>-?\d+) \(both inclusive\)"
_INCLUSIVE = rf"between {_NUMBER} and {_NUMBER} \(both inclusive\)"
_ANY_NUMBER = r"(?:signed )?integers? or floating point numbers?"

_NAMES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Schema]], ...] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (r"booleans?(?: \(merged using or\))?", _is({"type": "boolean"})),
        (r"bools?", _is({"type": "boolean"})),
        (r"null", _is({"type": "null"})),
        (rf"(?P<bits>\d+) bit (?P<sign>un)?signed integers?(?:; {_RANGE})?", _width),
        (rf"integers? {_INCLUSIVE}", _between("integer")),
        (rf"{_ANY_NUMBER} {_INCLUSIVE}", _between("number")),
        (rf"floating point numbers? {_INCLUSIVE}", _between("number")),
        (
            rf"(?:nonnegative|unsigned) {_ANY_NUMBER}(?:, meaning >=0)?",
            _is({"type": "number", "minimum": 0}),
        ),
        (
            rf"positive {_ANY_NUMBER}(?:, meaning >0)?",
            _is({"type": "number", "exclusiveMinimum": 0}),
        ),
        (_ANY_NUMBER, _is({"type": "number"})),
        (r"floating point numbers?|floats?", _is({"type": "number"})),
        (
            r"(?:unsigned|nonnegative) integers?(?:, meaning >=0)?",
            _is({"type": "integer", "minimum": 0}),
        ),
        (r"positive integers?(?:, meaning >0)?", _is({"type": "integer", "exclusiveMinimum": 0})),
        (r"signed integers?|integers?|ints?", _is({"type": "integer"})),
        (r"non-empty strings?", _is({"type": "string", "pattern": r"\S"})),
        (
            r"(?:\(optionally newline-terminated\) )?single-line strings?",
            _is({"type": "string", "pattern": "^[^\\r\\n]*\\n?$"}),
        ),
        (
            r"strings?, not containing newlines or colons",
            _is({"type": "string", "pattern": "^[^:\\n]*$"}),
        ),
        (
            r"strings?, not containing '\\n' or ':'",
            _is({"type": "string", "pattern": "^[^:\\n]*$"}),
        ),
        (r"string[s]*", _is({"type": "string"})),
        (
            r"absolute paths? not in the Nix store|paths? not in the Nix store",
            _is(
                {
                    "type": "string",
                    "pattern": "^/",
                    "not": {"pattern": "^/nix/store/"},
                    "x-nix-type": "path",
                }
            ),
        ),
        (r"(?:absolute )?paths? in the Nix store", _is({"type": "string", "x-nix-type": "path"})),
        (r"absolute paths?", _is({"type": "string", "pattern": "^/", "x-nix-type": "path"})),
        (
            r"relative paths?",
            _is({"type": "string", "pattern": "^[^/]", "x-nix-type": "path"}),
        ),
        (r"paths?", _is({"type": "string", "x-nix-type": "path"})),
        (r"attribute-tagged union with choices: ([^\s,)]+(?:, (?!or )[^\s,)]+)*)", _tags),
        (
            r"section of an INI file \(attrs of INI atom \(null, bool, int, float or string\)\)",
            _is({"type": "object", "additionalProperties": _ATOM_OF_INI}),
        ),
        (r"INI atom \(null, bool, int, float or string\)", _is(_ATOM_OF_INI)),
        (r"\(?submodules?\)?", _is({"type": "object"})),
        (r"attribute sets?(?! of )", _is({"type": "object"})),
        (r"impossible \(empty enum\)", _is({"not": {}})),
        (r"anything|unspecified values?|unspecified", _is({})),
        (r"(?:JSON|YAML|TOML|YAML 1\.\d|JSON \(pkgs\.formats\)) values?", _is({})),
        (r"raw lua codes?|inline lua|luaInline", _is(_LUA)),
        (r"lua (?:code|function) strings?", _is({"anyOf": [{"type": "string"}, _LUA]})),
        (r"lua values?", _is({})),
    )
)

_CLASSES = {
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:alnum:]": "a-zA-Z0-9",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:xdigit:]": "0-9a-fA-F",
    "[:space:]": r"\s",
    "[:blank:]": r" \t",
}
"""Nix matches by POSIX expressions, whose classes mean something else in JSON Schema."""
_OPAQUE = re.compile(
    r"(?:packages?|Nixpkgs package set|filesets?|raw values?|modules?"
    r"|option declaration|optionType)"
    r"(?![\w-])"
)
_END_OF_NAME = re.compile(r"(?=, or | or |\)| convertible to it|$)")
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null|<[^<>]*>')


@dataclass(frozen=True)
class ReadType:
    """A type as a schema, and the phrases that became free values."""

    schema: Schema
    notes: tuple[str, ...] = ()


def read_type(description: str) -> ReadType:
    """The schema of a type description; never fails."""
    text = " ".join(description.split()) if "pattern" not in description else description.strip()
    if len(text) <= _LONGEST:
        readings = _Reader(text).union(0, 0)
        whole = [
            ReadType(schema, tuple(_notes(schema))) for schema, end in readings if end == len(text)
        ]
        if whole:
            return min(whole, key=lambda read: len(read.notes))
    note = f"type not understood: {text[:200]}"
    return ReadType(_free(note), (note,))


def _notes(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [note for item in schema for note in _notes(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["x-nix-note"]] if isinstance(schema.get("x-nix-note"), str) else []
    return own + [note for value in schema.values() for note in _notes(value)]


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[tuple[bool, int], list[_Reading]] = {}

    def union(self, at: int, depth: int) -> list[_Reading]:
        """Readings of `A or B or C` that begin here, the longest first."""
        if depth > _DEEPEST:
            return []
        key = (True, at)
        if key not in self._known:
            self._known[key] = []
            found: list[_Reading] = []
            for first, end in self._atom(at, depth):
                rest_at = self._after_or(end)
                if rest_at is not None:
                    for rest, rest_end in self.union(rest_at, depth + 1):
                        found.append((_either(first, rest), rest_end))
                found.append((first, end))
                if self._text.startswith(" convertible to it", end):
                    found.insert(0, (first, end + len(" convertible to it")))
            found.sort(key=lambda reading: -reading[1])
            self._known[key] = found[:_MOST_READINGS]
        return self._known[key]

    def _after_or(self, at: int) -> int | None:
        for word in (", or ", " or "):
            if self._text.startswith(word, at):
                return at + len(word)
        return None

    def _atom(self, at: int, depth: int) -> list[_Reading]:
        key = (False, at)
        if depth > _DEEPEST:
            return []
        if key not in self._known:
            self._known[key] = []
            readings = (
                self._bracketed(at, depth)
                + self._composed(at, depth)
                + self._values(at)
                + self._strings(at)
                + self._named(at)
            )
            self._known[key] = (readings or self._unknown(at))[:_MOST_READINGS]
        return self._known[key]

    def _bracketed(self, at: int, depth: int) -> list[_Reading]:
        if not self._text.startswith("(", at):
            return []
        return [
            (schema, end + 1)
            for schema, end in self.union(at + 1, depth + 1)
            if self._text.startswith(")", end)
        ]

    def _composed(self, at: int, depth: int) -> list[_Reading]:
        for pattern, build in _COMPOSED:
            if match := pattern.match(self._text, at):
                return [(build(s), end) for s, end in self._atom(match.end(), depth + 1)]
        if match := re.compile(r"non-empty \((?=lists? of )").match(self._text, at):
            return [
                ({**schema, "minItems": 1}, end + 1)
                for schema, end in self._composed(match.end(), depth + 1)
                if self._text.startswith(")", end)
            ]
        return []

    def _values(self, at: int) -> list[_Reading]:
        text = self._text
        if match := re.compile(r"value (?=[\"\d<tfn-])").match(text, at):
            value = _VALUE.match(text, match.end())
            if value and text.startswith(" (singular enum)", value.end()):
                return [(_enum([value[0]]), value.end() + len(" (singular enum)"))]
            return []
        if not text.startswith("one of ", at):
            return []
        found: list[str] = []
        end = at + len("one of ")
        while value := _VALUE.match(text, end):
            found.append(value[0])
            end = value.end()
            if not text.startswith(", ", end) or not _VALUE.match(text, end + 2):
                break
            end += 2
        return [(_enum(found), end)] if found else []

    def _strings(self, at: int) -> list[_Reading]:
        text = self._text
        if match := re.compile(r'strings concatenated with ("(?:[^"\\]|\\.)*")').match(text, at):
            return [({"type": "string", "x-nix-separator": _decoded(match[1])}, match.end())]
        match = re.compile(r"strings? matching the pattern ").match(text, at)
        if match is None:
            return []
        readings: list[_Reading] = []
        ends = [m.start() for m in _END_OF_NAME.finditer(text, match.end())]
        for end in ends[:_MOST_READINGS]:
            pattern = text[match.end() : end]
            for name, members in _CLASSES.items():
                pattern = pattern.replace(name, members)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FutureWarning)
                    re.compile(pattern)
            except (re.error, OverflowError, RecursionError):
                continue
            readings.append(({"type": "string", "pattern": f"^(?:{pattern})$"}, end))
        return readings

    def _named(self, at: int) -> list[_Reading]:
        readings: list[_Reading] = []
        for pattern, build in _NAMES:
            if (match := pattern.match(self._text, at)) and _ends(self._text, match.end()):
                readings.append((build(match), match.end()))
        if not readings and (match := _OPAQUE.match(self._text, at)):
            readings.append((_free(f"not a JSON value: {match[0]}"), match.end()))
        readings.sort(key=lambda reading: -reading[1])
        return readings

    def _unknown(self, at: int) -> list[_Reading]:
        match = _END_OF_NAME.search(self._text, at)
        if match is None or match.start() == at:
            return []
        name = self._text[at : match.start()]
        return [(_free(f"type not understood: {name[:200]}"), match.start())]


def _ends(text: str, at: int) -> bool:
    return _END_OF_NAME.match(text, at) is not None


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _map(item: Schema) -> Schema:
    return {"type": "object", "additionalProperties": item}


_COMPOSED: tuple[tuple[re.Pattern[str], Callable[[Schema], Schema]], ...] = (
    (re.compile(r"non-empty lists? of "), lambda item: {**_list(item), "minItems": 1}),
    (re.compile(r"lists? of "), _list),
    (re.compile(r"(?:lazy )?attribute sets? of "), _map),
    (re.compile(r"attribute lists? of "), lambda item: _list(_map(item))),
    (re.compile(r"open submodules? of "), _map),
    (
        re.compile(r"function that evaluates to an?(?:\(n\))? "),
        lambda _: _free("not a JSON value: function"),
    ),
)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return text[1:-1]


def _enum(texts: list[str]) -> Schema:
    values = [
        None if text in ("null", "<null>") else text if text.startswith("<") else _decoded(text)
        for text in texts
    ]
    return {"enum": values}


def _either(first: Schema, rest: Schema) -> Schema:
    """A union, flat. anyOf, since Nix takes overlapping members too."""
    members: list[Schema] = []
    for schema in (first, rest):
        for member in schema["anyOf"] if set(schema) == {"anyOf"} else [schema]:
            if member not in members:
                members.append(member)
    return members[0] if len(members) == 1 else {"anyOf": members}
