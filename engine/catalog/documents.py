"""Writing YAML, JSON and TOML so that the application reads back exactly what was meant.

Every text is parsed again before it is handed out. What these formats cannot carry (half
of a surrogate pair, in TOML null, in JSON infinity) is refused with the option's name.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any

from engine.errors import InvalidInput


def render_yaml(document: Mapping[str, Any]) -> bytes:
    """YAML 1.1 as PyYAML's safe loader reads it."""
    import yaml

    def write(value: Any) -> str:
        return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100))

    return _verified(document, write, yaml.safe_load)


def render_json(document: Mapping[str, Any]) -> bytes:
    def write(value: Any) -> str:
        return json.dumps(value, indent=2, allow_nan=False) + "\n"

    return _verified(document, write, json.loads)


def render_toml(document: Mapping[str, Any]) -> bytes:
    """TOML 1.0. Tables are written inline below the first level."""

    def write(value: Any) -> str:
        plain = [f"{_key(k)} = {_toml(v)}\n" for k, v in value.items() if not _is_table(v)]
        tables = [
            f"\n[{_key(k)}]\n" + "".join(f"{_key(n)} = {_toml(i)}\n" for n, i in v.items())
            for k, v in value.items()
            if _is_table(v)
        ]
        return "".join(plain + tables)

    return _verified(document, write, tomllib.loads)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _key(name: str) -> str:
    return _toml(name)


def _toml(value: Any) -> str:
    if value is None:
        raise ValueError("TOML has no null")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if value in (inf, -inf):
        return str(value)
    # A JSON string is a TOML basic string, except that TOML wants DEL escaped, too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _verified(
    document: Mapping[str, Any], write: Callable[[Any], str], read: Callable[[str], Any]
) -> bytes:
    if _survives(document, write, read):
        return write(document).encode()
    for path, value in _values(document, ""):
        if not _survives({"value": value}, write, read):
            raise InvalidInput(
                "the value cannot be written to the configuration file",
                on=path,
                why="it holds what the file's format cannot carry",
                left="nothing was changed",
                do="Change the value of this option.",
            )
    raise InvalidInput("the configuration file would be read as something else")


def _survives(value: Any, write: Callable[[Any], str], read: Callable[[str], Any]) -> bool:
    try:
        return bool(read(write(value).encode().decode()) == value)
    except Exception:  # noqa: BLE001 - any failure of a parser means the same: not verbatim
        return False


def _values(document: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from _values(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, document
