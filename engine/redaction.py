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
import shlex
import threading
import weakref
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
        self._sought = _Sought.of(())
        _living.add(self)

    def hide(self, value: str) -> None:
        """Blot this value out of every text from now on."""
        with self._lock:
            if value.strip() and value not in self._values:
                self._values.add(value)
                self._sought = _Sought.of({*self._sought.forms, *forms(value)})

    def redact(self, text: str) -> str:
        """The text with every form of every registered value replaced by `(secret)`."""
        spans = self._sought.within(text)
        if not spans:
            return text
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(text)]
        return MARK.join(text[end:start] for end, start in zip(ends, starts, strict=True))

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


@dataclass(frozen=True)
class _Sought:
    """What is looked for, ordered by length, so that a text is only searched for what fits in it.

    No regular expression of them all: it would be compiled anew with each secret, which for a
    key of several lines takes longer than all searching that an operation does.
    """

    forms: tuple[str, ...]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, forms: Iterable[str]) -> _Sought:
        ordered = tuple(sorted(forms, key=len))
        return cls(ordered, tuple(map(len, ordered)))

    def within(self, text: str) -> list[tuple[int, int]]:
        """Where something of it is, from start to end; what overlaps is one."""
        fitting = self.forms[: bisect_right(self.lengths, len(text))]
        found = sorted(
            span for form in fitting if form in text for span in _occurrences(form, text)
        )
        merged: list[tuple[int, int]] = []
        for start, end in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged


def _occurrences(form: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        end = start + len(form)
        if len(form) >= _SHORT or _stands_alone(text, start, end):
            yield start, end
        start = text.find(form, start + 1)


def _stands_alone(text: str, start: int, end: int) -> bool:
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    return not any(char.isalnum() or char == "_" for char in around)


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
                lines = (whole[at : at + width] for at in range(0, len(whole), width))
                yield from (line for line in lines if len(line) >= _LINE)
