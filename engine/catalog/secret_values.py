"""Secrets among the user's values: taken out before a document is stored or planned.

A deployment's document holds a reference in their place ("secret:option.auth.ldap_secret"),
the value goes to the secrets backend under the name after "secret:".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.catalog.options import Schema, leaves, value_at, with_value
from engine.catalog.placeholders import SECRET


def reference(path: str) -> str:
    """What stands in the document for the secret option at a dotted path."""
    return f"{SECRET}option.{path}"


def withdraw_secrets(
    schema: Schema, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document with references, and the new secrets: name in the backend -> value.

    A value that is its option's own reference already is left alone: it was not changed.
    """
    document, found = dict(values), {}
    for path, node in leaves(schema):
        if not node.get("x-secret"):
            continue
        try:
            value = value_at(values, path)
        except KeyError:
            continue
        if isinstance(value, str) and value and value != reference(path):
            found[reference(path).removeprefix(SECRET)] = value
            document = with_value(document, path, reference(path))
    return document, found
