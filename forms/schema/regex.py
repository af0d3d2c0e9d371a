"""Regular expressions of JSON Schema (ECMA-262) as Python understands them.

The differences matter for safety: Python's `$` also matches before a line break at the end,
and its `\\d` and `\\w` match every script's digits and letters.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\c[A-Za-z]|\\.|\(\?<(?![=!])|.", re.DOTALL)
_OUTSIDE = {
    "$": r"\Z",
    r"\d": "[0-9]",
    r"\D": "[^0-9]",
    r"\w": "[A-Za-z0-9_]",
    r"\W": "[^A-Za-z0-9_]",
    "(?<": "(?P<",
}
_INSIDE = {r"\d": "0-9", r"\w": "A-Za-z0-9_", "[": r"\["}


def to_python(pattern: str) -> str:
    """The same expression for `re.search`. ValueError if Python has no such expression."""
    written: list[str] = []
    inside = False
    for token in _TOKEN.findall(pattern):
        if token.startswith(r"\c"):
            written.append(re.escape(chr(ord(token[2]) % 32)))
        elif inside:
            inside = token != "]"
            written.append(_INSIDE.get(token, token))
        else:
            inside = token == "["
            written.append(_OUTSIDE.get(token, token))
    translated = "".join(written)
    try:
        re.compile(translated)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the pattern {pattern!r} cannot be used here: {error}") from None
    return translated


def for_people(pattern: str) -> str:
    """The expression as its author wrote it, nearly: what `to_python` changed, changed back."""
    return pattern.replace(r"\Z", "$").replace("[A-Za-z0-9_]", r"\w")
