"""Paths of options, and how they are written for people.

A path is a tuple of keys and list positions. Written, keys are joined by dots and positions
stand in brackets: `listeners[0].port`. A key that itself holds a dot, a bracket, a quote or
a control character, or that is empty, is written as a JSON string: `rules."a.b"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

Path = tuple[str | int, ...]


class Heading(str):
    """Last part of the path of a group or fold, which has a row but no value in the document."""

    __slots__ = ()


_PLAIN = re.compile(r'[^.\[\]"\x00-\x1f\x7f]+')
_POSITION = re.compile(r"\[(\d+)\]")
_DECODER = json.JSONDecoder()


def path_text(path: Path) -> str:
    """The written form of a path; the empty string for the whole document. That of a heading
    is for showing only."""
    parts: list[str] = []
    for key in path:
        if isinstance(key, int):
            parts.append(f"[{key}]")
            continue
        written = key if isinstance(key, Heading) or _PLAIN.fullmatch(key) else json.dumps(key)
        parts.append(f".{written}" if parts else written)
    return "".join(parts)


def parse_path(text: str) -> Path:
    """The path that `text` writes. ValueError, in words for the user, if it writes none."""
    return tuple(_keys(text))


def _keys(text: str) -> Iterator[str | int]:
    at = 0
    while at < len(text):
        if position := _POSITION.match(text, at):
            yield int(position[1])
            at = position.end()
            continue
        if at:
            if text[at] != ".":
                raise ValueError(f"a dot is missing before {text[at:]!r} in {text!r}")
            at += 1
        if text[at : at + 1] == '"':
            try:
                key, at = _DECODER.raw_decode(text, at)
            except json.JSONDecodeError:
                raise ValueError(f"a quote is not closed in {text!r}") from None
            yield str(key)
        elif plain := _PLAIN.match(text, at):
            yield plain[0]
            at = plain.end()
        else:
            raise ValueError(f"a name is missing at {text[at:]!r} in {text!r}")
