"""Secrets among the user's values: taken out before a document is stored or planned.

A deployment's document holds a reference in their place ("secret:option.auth.ldap_secret"),
the value goes to the secrets backend under the name after "secret:". A secret within a list
gets a number instead of its place in the list, so that it stays with its entry when the
list is reordered ("secret:option.oidc_providers.client_secret.2").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from engine.catalog.options import Schema
from engine.catalog.placeholders import SECRET

Path = tuple[str | int, ...]

_REFERENCE = SECRET + "option."


def is_reference(value: Any) -> bool:
    """Does this stand in a document for a secret that is kept elsewhere?"""
    return isinstance(value, str) and value.startswith(_REFERENCE)


def withdraw_secrets(
    schema: Schema, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document with references, and the new secrets: name in the backend -> value.

    References that are in the document already stay: those secrets were not changed.
    """
    taken = {value for _, value in secret_values(schema, values) if is_reference(value)}
    found: dict[str, str] = {}

    def withdraw(path: Path, value: str) -> str:
        if not value or is_reference(value):
            return value
        reference = _fresh_reference(path, taken)
        taken.add(reference)
        found[reference.removeprefix(SECRET)] = value
        return reference

    document: dict[str, Any] = _mapped(schema, values, withdraw)
    return document, found


def restore_secrets(
    schema: Schema, document: Mapping[str, Any], value_of: Callable[[str], str]
) -> dict[str, Any]:
    """The document with values in place of references; value_of takes "secret:NAME"."""

    def restore(_: Path, value: str) -> str:
        return value_of(value) if is_reference(value) else value

    restored: dict[str, Any] = _mapped(schema, document, restore)
    return restored


def without_references(schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what is kept elsewhere."""

    def keep(_: Path, value: str) -> str | None:
        return None if is_reference(value) else value

    document: dict[str, Any] = _mapped(schema, values, keep)
    return document


def secret_values(schema: Schema, values: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Path and text of every secret option that is set: a value or a reference."""
    found: list[tuple[Path, str]] = []

    def note(path: Path, value: str) -> str:
        found.append((path, value))
        return value

    _mapped(schema, values, note)
    yield from found


def _fresh_reference(path: Path, taken: set[str]) -> str:
    names = ".".join(part for part in path if isinstance(part, str))
    if not any(isinstance(part, int) for part in path):
        return _REFERENCE + names
    number = 1
    while f"{_REFERENCE}{names}.{number}" in taken:
        number += 1
    return f"{_REFERENCE}{names}.{number}"


def _mapped(
    schema: Schema, value: Any, change: Callable[[Path, str], str | None], path: Path = ()
) -> Any:
    """A copy of the value in which every secret text went through `change`; None unsets."""
    if schema.get("x-secret") and isinstance(value, str):
        return change(path, value)
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        further = schema.get("additionalProperties")
        copied = {}
        for key, inner in value.items():
            node = known.get(key, further)
            new = _mapped(node, inner, change, (*path, key)) if _is_schema(node) else inner
            if new is not None or inner is None:
                copied[key] = new
        return copied
    items = schema.get("items")
    if isinstance(value, list) and _is_schema(items):
        return [_mapped(items, inner, change, (*path, at)) for at, inner in enumerate(value)]
    return value


def _is_schema(node: Any) -> TypeGuard[Schema]:
    return isinstance(node, Mapping)
