"""The gate for a user's document of options: valid against the release, secrets taken out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.catalog.placeholders import SECRET
from engine.catalog.secret_values import is_reference, secret_values, withdraw_secrets
from engine.errors import InvalidInput

_MOST_SHOWN = 5


def check_values(schema: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """InvalidInput that names the options the schema refuses; `on` is the first one's path."""
    from engine.catalog.validate import problems

    found = problems(schema, values)
    if not found:
        return
    shown = "; ".join(f"{problem.path}: {problem.message}" for problem in found[:_MOST_SHOWN])
    more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    raise InvalidInput(
        what="an option has a value that this release refuses",
        on=str(found[0].path),
        why=shown + more,
        left="nothing was changed",
        do=found[0].do or "Correct the option and plan again.",
    )


def withdraw(
    schema: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document with references in place of secrets, and the secrets by name."""
    return withdraw_secrets(schema, values)


def referenced_secrets(schema: Mapping[str, Any], values: Mapping[str, Any]) -> set[str]:
    """Names of the secrets that the document refers to."""
    found = (value for _, value in secret_values(schema, values) if is_reference(value))
    return {value.removeprefix(SECRET) for value in found}
