"""Text from schemas and documents, made fit for one line of a terminal."""

from __future__ import annotations

import json
import unicodedata

_LONGEST = 300


def one_line(text: str) -> str:
    """A text that cannot disturb a terminal: no line breaks, no control or direction marks."""
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 3] + "..."
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else json.dumps(character)[1:-1]
        if character != "\x7f" and unicodedata.category(character) != "Zs"
        else f"\\x{ord(character):02x}"
        for character in text
    )
