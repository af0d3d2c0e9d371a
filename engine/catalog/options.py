"""Documents of options: values shaped as an options schema, addressed by dotted paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def schema_at(schema: Schema, path: str) -> Schema | None:
    """The schema of the option at a dotted path; None where there is no such option."""
    node: Any = schema
    for part in path.split("."):
        properties = node.get("properties", {})
        if part in properties:
            node = properties[part]
        elif isinstance(node.get("additionalProperties"), Mapping):
            node = node["additionalProperties"]
        else:
            return None
    return node if isinstance(node, Mapping) else None


def leaves(schema: Schema, prefix: str = "") -> Iterator[tuple[str, Schema]]:
    """Every option: dotted path and schema. An object with fixed keys is a section, except
    where it is written as one value (`x-encode`); any other object is one option."""
    for name, node in schema.get("properties", {}).items():
        path = prefix + name
        if is_section(node):
            yield from leaves(node, path + ".")
        else:
            yield path, node


def unmanaged(schema: Schema) -> Schema:
    """The same options where nobody manages any: for a configuration that is not Homeport's."""

    def freed(node: Any) -> Any:
        if isinstance(node, list):
            return [freed(one) for one in node]
        if not isinstance(node, dict):
            return node
        drop = ("x-managed", "readOnly") if node.get("x-managed") is True else ()
        return {word: freed(value) for word, value in node.items() if word not in drop}

    found: Schema = freed(schema)
    return found


def is_section(node: Schema) -> bool:
    return bool(node.get("properties")) and "x-encode" not in node


def is_set(document: Mapping[str, Any], path: str) -> bool:
    try:
        value_at(document, path)
    except KeyError:
        return False
    return True


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; KeyError where it is unset."""
    node: Any = document
    for part in path.split("."):
        if not isinstance(node, Mapping):
            raise KeyError(path)
        node = node[part]
    return node


def with_value(document: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with one value set; sections on the way are made. A new document."""
    name, _, rest = path.partition(".")
    changed = dict(document)
    if rest:
        inner = changed.get(name)
        changed[name] = with_value(inner if isinstance(inner, Mapping) else {}, rest, value)
    else:
        changed[name] = value
    return changed
