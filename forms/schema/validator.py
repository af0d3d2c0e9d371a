"""Whether a value is valid, by `jsonschema`, with errors that stand where the mistake is.

`jsonschema` says "x is required" of the object that lacks x, and "y is unexpected" of the
object that holds y. Here these errors carry the path of the key itself, so that a message
can stand on the row it is about. The library is imported on first use: a form opens, scrolls
and takes text without it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from forms.schema.load import Schema, SchemaDocument
from forms.values import key_of

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator as JsonschemaValidator

_FORMAT_LIBRARIES = ("rfc3987_syntax", "isoduration", "webcolors", "rfc3339_validator")


class Validator:
    """Asks whether values are valid against the parts of one schema document.

    assume_defaults: a required key whose schema has a default is never missing.
    """

    def __init__(self, document: SchemaDocument, *, assume_defaults: bool = True) -> None:
        self._document = document
        self._assume_defaults = assume_defaults
        self._root: JsonschemaValidator | None = None

    def is_valid(self, schema: Schema, value: Any) -> bool:
        """False too where a schema refers to itself without end."""
        try:
            return next(self.errors(schema, value), None) is None
        except RecursionError:
            return False

    def errors(self, schema: Schema, value: Any) -> Iterator[ValidationError]:
        """The errors of a value against a schema that is part of the document.
        RecursionError for a schema that refers to itself without end."""
        if self._root is None:
            self._root = self._class()(self._document.root)
        yield from self._root.evolve(schema=schema).iter_errors(value)

    def _class(self) -> Any:
        base, extend = _jsonschema()
        required: Any = _required
        if self._assume_defaults:
            required = partial(_required_without_default, self._document)
        return extend(base, {**_KEYWORDS, "required": required})


@cache
def _jsonschema() -> tuple[Any, Any]:
    absent = [name for name in _FORMAT_LIBRARIES if name not in sys.modules]
    # Where they are installed, jsonschema imports these for formats that we check ourselves;
    # one of them compiles a grammar for more than a second.
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.validators import extend
    finally:
        for name in absent:
            del sys.modules[name]
    return Draft202012Validator, extend


def _error(path: tuple[str | int, ...] = (), **details: Any) -> ValidationError:
    from jsonschema.exceptions import ValidationError

    return ValidationError("", path=path, **details)


def _required(
    validator: Any, required: list[str], instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key in required:
            if key not in instance:
                yield _error((key,))


def _required_without_default(
    document: SchemaDocument,
    validator: Any,
    required: list[str],
    instance: Any,
    schema: dict[str, Any],
) -> Iterator[ValidationError]:
    """A section that must be there, but whose options may all be left out, may be left out;
    if some of them may not, they are what is missing."""
    properties = schema.get("properties", {})
    for error in _required(validator, required, instance, schema):
        key = error.path[0]
        option = properties.get(key, True)
        words = _followed(document, option)
        if "default" in words or words.get("x-managed"):
            continue
        if words.get("type") == "object" and "properties" in words:
            yield from validator.descend({}, option, path=key)
        else:
            yield error


def _followed(document: SchemaDocument, schema: Schema) -> dict[str, Any]:
    """The keywords of a schema and of what it plainly refers to."""
    words: dict[str, Any] = {}
    for _ in range(10):
        if isinstance(schema, bool):
            break
        words = {**schema, **words}
        if "$ref" not in schema:
            break
        schema = document.resolve(schema["$ref"])
    return words


def _dependent_required(
    validator: Any, needs: dict[str, list[str]], instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key, names in needs.items():
            for name in names:
                if key in instance and name not in instance:
                    yield _error((name,), validator_value=key)


def _properties(
    validator: Any, properties: dict[str, Schema], instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key, option in properties.items():
            if key in instance:
                yield from _descend(validator, instance[key], option, key)


def _pattern_properties(
    validator: Any, patterns: dict[str, Schema], instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, option in patterns.items():
            for key, value in instance.items():
                if re.search(pattern, key):
                    yield from _descend(validator, value, option, key)


def _descend(validator: Any, value: Any, schema: Schema, key: str) -> Iterator[ValidationError]:
    """As the validator does it, but with its path also where nothing is allowed at all."""
    if schema is False:
        yield _error((key,), validator=None, validator_value=None, instance=value, schema=False)
    else:
        yield from validator.descend(value, schema, path=key, schema_path=key)


def _additional_properties(
    validator: Any, additional: Schema, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict) or additional is True:
        return
    properties = schema.get("properties", {})
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", ())]
    for key, value in instance.items():
        if key in properties or any(pattern.search(key) for pattern in patterns):
            continue
        if additional is False:
            yield _error((key,), validator_value=tuple(properties))
        else:
            yield from validator.descend(value, additional, path=key)


def _property_names(
    validator: Any, names: Schema, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key in instance:
            for error in validator.descend(key, names):
                yield _error((key,), context=[error])


def _unique_items(
    validator: Any, unique: bool, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if not unique or not isinstance(instance, list):
        return
    first: dict[str, int] = {}
    for i, item in enumerate(instance):
        earlier = first.setdefault(key_of(item), i)
        if earlier != i:
            yield _error((i,), validator_value=earlier)


def _format(
    validator: Any, name: Any, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    from forms.formats import is_format

    if isinstance(name, str) and isinstance(instance, str) and not is_format(name, instance):
        yield _error()


def _managed(
    validator: Any, managed: Any, instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    if managed is True:
        yield _error()


_KEYWORDS = {
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "dependentRequired": _dependent_required,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "uniqueItems": _unique_items,
    "format": _format,
    "x-managed": _managed,
}
