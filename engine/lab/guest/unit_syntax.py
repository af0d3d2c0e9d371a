"""Values of unit files: words, quotes, escapes, specifiers, variables and time spans.

Rules: systemd.syntax(7), systemd.unit(5) "Specifiers", systemd.service(5) "Command lines",
systemd.time(7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "s": " ",
}
_SPANS = {
    "": 1.0,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}
_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class BadValue(ValueError):
    """A value that systemd would not take; the text says why."""


def sections(text: str) -> dict[str, list[tuple[str, str]]]:
    """Section -> assignments in their order, with continued lines joined."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    pending = ""
    for raw in text.splitlines():
        if raw.lstrip().startswith(("#", ";")):
            continue  # also between the parts of a continued line
        line = pending + raw
        if line.endswith("\\"):
            pending = line[:-1] + " "
            continue
        pending = ""
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            current = found.setdefault(line[1:-1], [])
        elif "=" in line:
            name, _, value = line.partition("=")
            current.append((name.strip(), value.strip()))
    return found


def split_words(text: str) -> list[str]:
    """Words of a value, unquoted and unescaped. BadValue for a quote that is not closed."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char == "\\" and position < len(text):
            value, position = _escape(text, position)
            word = [*(word or []), value]
        elif quote:
            if char == quote:
                quote = ""
            else:
                word = [*(word or []), char]
        elif char in "\"'" and word is None:
            quote, word = char, []
        elif char in "\"'":
            quote = char
        elif char.isspace():
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = [*(word or []), char]
    if quote:
        raise BadValue("a quote is not closed")
    return words if word is None else [*words, "".join(word)]


def _escape(text: str, position: int) -> tuple[str, int]:
    """What the escape stands for whose backslash is before `position`; where it ends."""
    char = text[position]
    if char in _ESCAPES:
        return _ESCAPES[char], position + 1
    for letter, size in (("x", 2), ("u", 4), ("U", 8)):
        digits = text[position + 1 : position + 1 + size]
        if char == letter and len(digits) == size and re.fullmatch(r"[0-9a-fA-F]+", digits):
            return chr(int(digits, 16)), position + 1 + size
    if re.fullmatch(r"[0-7]{3}", text[position : position + 3]):
        return chr(int(text[position : position + 3], 8)), position + 3
    raise BadValue(f"unknown escape \\{char}")


def expand_specifiers(text: str, known: Mapping[str, str]) -> str:
    """`%%` and the known specifiers replaced. BadValue for any other."""

    def value(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter == "%":
            return "%"
        if letter not in known:
            raise BadValue(f"Failed to resolve unit specifiers in {text}")
        return known[letter]

    return re.sub(r"%(.?)", value, text)


def expand_variables(words: list[str], environment: Mapping[str, str]) -> list[str]:
    """`$NAME` as a word of its own becomes any number of words, `${NAME}` a part of one."""
    expanded: list[str] = []
    for word in words:
        if re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", word):
            expanded += environment.get(word[1:], "").split()
        else:
            expanded.append(_VARIABLE.sub(_replacement(environment), word))
    return expanded


def _replacement(environment: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda match: environment.get(match.group(1), "") if match.group(1) else "$"


def seconds(text: str) -> float:
    """A time span: "5", "1min 30s", "infinity". BadValue for what is none."""
    if text.strip() == "infinity":
        return float("inf")
    parts = re.findall(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)", text)
    if not parts or "".join(a + b for a, b in parts) != re.sub(r"\s", "", text):
        raise BadValue(f"not a time span: {text}")
    try:
        return sum(float(number) * _SPANS[unit] for number, unit in parts)
    except KeyError as error:
        raise BadValue(f"not a time span: {text}") from error


def boolean(text: str) -> bool:
    """systemd's booleans. BadValue for what is none."""
    if text.lower() in ("1", "yes", "y", "true", "t", "on"):
        return True
    if text.lower() in ("0", "no", "n", "false", "f", "off", ""):
        return False
    raise BadValue(f"not a boolean: {text}")
