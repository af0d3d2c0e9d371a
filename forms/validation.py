"""Problems of a document, by path and in plain words.

The same code checks a leaf at every key, a section on commit and the whole before a plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forms.messages import problems_of, unknown_key
from forms.model.row import Problem
from forms.paths import Path
from forms.schema.load import Schema
from forms.schema.recent import recently_loaded
from forms.schema.shapes import Shapes
from forms.walk import child_of, unknown_paths


def validate_document(
    schema: Mapping[str, Any] | bool,
    document: Any,
    *,
    assume_defaults: bool = True,
    closed: bool = True,
) -> list[Problem]:
    """Everything wrong with `document`; empty if it is valid.

    Options that Homeport decides (`x-managed`) are problems where the document sets them.
    assume_defaults: a required option that has a default may be left out.
    closed: a key that the schema does not know is a problem, unless the schema allows others.
    SchemaError if the schema cannot be checked as a whole.
    The schema must not be changed between calls.
    """
    loaded = recently_loaded(schema)
    if loaded.refusals:
        raise loaded.refusals[0]
    shapes = Shapes(loaded, assume_defaults=assume_defaults)
    return check(shapes, loaded.root, document, closed=closed)


def check(
    shapes: Shapes, schema: Schema, value: Any, path: Path = (), *, closed: bool = True
) -> list[Problem]:
    """Problems of a value against a part of a schema; paths begin with `path`."""
    found: dict[tuple[Path, str], Problem] = {}
    try:
        for problem in _problems(shapes, schema, value, closed):
            placed = Problem(path + problem.path, problem.message, problem.hint)
            found.setdefault((placed.path, placed.message), placed)
    except RecursionError:
        return [Problem(path, "cannot be checked: its schema refers to itself without end")]
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        # what the library does with a schema that is none, where that was not found before
        return [Problem(path, f"cannot be checked: its schema is not right ({error})"[:200])]
    return list(found.values())


def _problems(shapes: Shapes, schema: Schema, value: Any, closed: bool) -> Iterator[Problem]:
    unknown = list(unknown_paths(shapes, schema, value)) if closed else []
    for error in shapes.validator.errors(schema, value):
        for problem in problems_of(error):
            if problem.path not in unknown:
                yield problem
    for path in unknown:
        yield Problem(path, *unknown_key(str(path[-1]), _siblings(shapes, schema, value, path)))


def _siblings(shapes: Shapes, schema: Schema, value: Any, path: Path) -> list[str]:
    """The keys that the schema knows where an unknown one stands."""
    for key in path[:-1]:
        schema = child_of(shapes.shape(schema, value), key).schema
        value = value[key]
    return list(shapes.shape(schema, value).view.properties)
