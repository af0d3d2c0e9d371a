"""Secrets in what people read: found by value, wherever somebody wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from forms.model.appearance import HIDDEN
from forms.paths import Path
from forms.upgrade.options import Options

_SHORTEST = 4
"""Shorter values are parts of ordinary words; these are hidden at their own place only."""


class Secrets:
    """The values that must not be in any text."""

    def __init__(self, values: Iterable[Any]) -> None:
        found = {
            text for value in values for plain in _plain(value) for text in _writings(str(plain))
        }
        # longest first: one secret may begin with another
        self._texts = sorted((t for t in found if len(t) >= _SHORTEST), key=len, reverse=True)

    def hidden_in(self, text: str) -> str:
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text


def secret_values(options: Options, document: Any, place: Path = ()) -> Iterator[Any]:
    """What stands at the places of a document that a schema says are secret."""
    if place and options.is_secret(place):
        yield document
    elif isinstance(document, dict):
        for key, inner in document.items():
            yield from secret_values(options, inner, (*place, key))
    elif isinstance(document, list):
        for number, inner in enumerate(document):
            yield from secret_values(options, inner, (*place, number))


def _plain(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _plain(inner)
    elif isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield value


def _writings(text: str) -> tuple[str, ...]:
    """How messages may write it."""
    return (
        text,
        repr(text)[1:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
    )
