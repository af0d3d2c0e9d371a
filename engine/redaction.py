"""Redaction by value: a secret is blotted out wherever it shows, however it is written.

Whoever reads a secret registers it here, and every text passes through `redact` before it
is stored or shown. Besides the value itself that covers the forms in which programs repeat
it: percent-encoded, Base64 (also inside a longer text, as in an Authorization header),
hexadecimal, escaped for JSON, Python, XML or a shell, and each long line of a value of
several lines.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import shlex
import textwrap
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "(secret)"
_SHORT = 4
"""Values shorter than this are blotted out only where they stand alone, or no text would be
left readable; in encoded forms they are not looked for."""
_LINE = 8
"""Parts of a value of several lines, or of a wrapped encoding, count from this length."""
_WRAPS = (64, 76)
"""Line lengths of Base64 in PEM (RFC 7468) and MIME (RFC 2045)."""


_living: weakref.WeakSet[Redactor] = weakref.WeakSet()


class Redactor:
    """Knows the secrets of one operation. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        _living.add(self)

    def hide(self, value: str) -> None:
        """Blot this value out of every text from now on."""
        with self._lock:
            if value.strip() and value not in self._values:
                self._values.add(value)
                self._forms.update(forms(value))
                self._pattern = _pattern(self._forms)

    def redact(self, text: str) -> str:
        """The text with every form of every registered value replaced by `(secret)`."""
        pattern = self._pattern
        return pattern.sub(MARK, text) if pattern is not None else text

    def redact_json(self, value: Any) -> Any:
        """The same for every string in a JSON value, keys included."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self.redact(str(key)): self.redact_json(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_json(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MARK if self.redact(str(value)) == MARK else value
        return value


class RedactingFormatter(logging.Formatter):
    """For a process's log: what any Redactor knows at the moment stays out of it."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for redactor in list(_living):
            text = redactor.redact(text)
        return text


def forms(value: str) -> set[str]:
    """Every way of writing a secret that redaction looks for."""
    found = {value, value.strip()}
    if len(value.strip()) >= _SHORT:
        for text in (value, value.strip()):
            found.update(_escaped(text))
            found.update(_encoded(text.encode()))
        for line in value.splitlines():
            if len(line.strip()) >= _LINE and not line.startswith("-----"):
                found.add(line.strip())
                found.update(_escaped(line.strip()))
    return {form for form in found if form}


def _escaped(text: str) -> Iterator[str]:
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield html.escape(text)
    yield html.escape(text, quote=False)
    yield shlex.quote(text)
    yield text.replace("\n", "\r\n")
    yield text.replace("%", "%%")


def _encoded(data: bytes) -> Iterator[str]:
    yield data.hex()
    yield data.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # Inside a longer encoded text the value starts at one of three bit offsets;
            # the characters at its ends mix with its neighbours and are left out.
            padded = encode(b"\0" * shift + data).decode()
            inner = padded[(0, 2, 3)[shift] :].rstrip("=")
            inner = inner[:-1] if (shift + len(data)) % 3 else inner
            if len(inner) >= _SHORT:
                yield inner
        whole = encode(data).decode()
        if len(whole) >= _SHORT:
            yield whole
        for width in _WRAPS:
            if len(whole) > width:
                yield from (part for part in textwrap.wrap(whole, width) if len(part) >= _LINE)


def _pattern(found: set[str]) -> re.Pattern[str]:
    """Longest first, so that the whole of a form goes before a part of it could."""
    parts = []
    for form in sorted(found, key=lambda text: (-len(text), text)):
        part = re.escape(form)
        parts.append(part if len(form) >= _SHORT else rf"(?<!\w){part}(?!\w)")
    return re.compile("|".join(parts))
