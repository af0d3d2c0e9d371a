"""The difference of two documents of options, as a reader of the plan sees it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.catalog.options import schema_at
from engine.model.plan import Change

SECRET = "(secret)"
NULL = "(null)"
"""An option that is set to null, which is not the same as one that is not set."""


def document_changes(
    schema: Mapping[str, Any],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    renewed_secrets: Collection[str] = (),
    old_schema: Mapping[str, Any] | None = None,
) -> tuple[Change, ...]:
    """Changed options by dotted path, in order of their paths.

    renewed_secrets: paths of secret options whose value changes behind the same reference.
    old_schema: that of the old document, where it is another release's.
    """
    before, after = _flat(old_schema or schema, old), _flat(schema, new)
    changed = {
        path
        for path in before.keys() | after.keys()
        if _differ(before.get(path, _UNSET), after.get(path, _UNSET))
    }
    return tuple(
        Change(
            path=path,
            old=_shown(old_schema or schema, path, before.get(path, _UNSET)),
            new=_shown(schema, path, after.get(path, _UNSET)),
        )
        for path in sorted(changed | set(renewed_secrets))
    )


def restarts(schema: Mapping[str, Any], changes: tuple[Change, ...]) -> bool:
    """Does a changed option take effect only by a restart? Assumed where nothing is said."""
    return any((schema_at(schema, change.path) or {}).get("x-restart", True) for change in changes)


_UNSET = object()


def _differ(old: object, new: object) -> bool:
    """JSON equality: true is not 1, but 1 is 1.0."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is not new
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() != new.keys() or any(_differ(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new) or any(map(_differ, old, new))
    return old != new


def _flat(
    schema: Mapping[str, Any], document: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Options by path; an object without fixed keys is one option with its whole value."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{prefix}{name}"
        node = schema_at(schema, path) or {}
        if isinstance(value, Mapping) and node.get("properties") and "x-encode" not in node:
            found |= _flat(schema, value, f"{path}.")
        else:
            found[path] = value
    return found


def _shown(schema: Mapping[str, Any], path: str, value: Any) -> Any:
    if value is _UNSET:
        return None
    if (schema_at(schema, path) or {}).get("x-secret"):
        return SECRET
    return NULL if value is None else value
