"""Options of a form out of a settings model: its JSON Schema, as people can fill it in.

Pydantic's schema says more than a form needs (a null for what may be left out, one alternative
for each kind of address) and less (a reference to a secret is a text to it).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

REFERENCE = "_ref"
"""A setting with this ending is the reference to a secret; the option is the secret itself."""
_NAMES = r"[A-Za-z_]\w*(?:, [A-Za-z_]\w*)*"


@dataclass(frozen=True)
class Option:
    """schema: JSON Schema of the value. place: where it goes in the driver's settings; for a
    secret, its reference goes there."""

    name: str
    schema: Mapping[str, Any]
    place: tuple[str, ...]
    required: bool = False

    @property
    def is_secret(self) -> bool:
        return self.schema.get("x-secret") is True


def options_of(model: type[BaseModel]) -> dict[str, Option]:
    """By field, in the model's order."""
    whole = model.model_json_schema(by_alias=True)
    known: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base.__doc__:
            known |= help_in(base.__doc__, whole["properties"])
    found = {}
    for field, schema in whole["properties"].items():
        plain = _plain(schema, whole.get("$defs", {}))
        plain.setdefault("description", known.get(field, ""))
        if plain.get("title") == field.replace("_", " ").title():
            del plain["title"]  # pydantic's own, which says nothing
        name = field
        if field.endswith(REFERENCE) and plain.get("type") == "string":
            name = field.removesuffix(REFERENCE)
            plain = {"type": "string", "x-secret": True, "description": plain["description"]}
        if field.endswith("_pem"):
            plain["x-multiline"] = True
        plain.setdefault("x-label", name.replace("_", " "))
        found[field] = Option(name, plain, (field,), field in whole.get("required", ()))
    return found


def help_in(text: str, names: Collection[str]) -> dict[str, str]:
    """What a docstring says of each name: "host, port: where it listens. key: ..."."""
    text = inspect.cleandoc(text)
    starts = [
        (found.start(), found.end(), found[1].split(", "))
        for found in re.finditer(rf"(?:^|(?<=[.;] ))({_NAMES}): ", text, re.MULTILINE)
        if set(found[1].split(", ")) <= set(names)
    ]
    said: dict[str, str] = {}
    for index, (_, end, of) in enumerate(starts):
        until = starts[index + 1][0] if index + 1 < len(starts) else len(text)
        told = " ".join(text[end:until].partition("\n\n")[0].split())
        for name in of:
            said[name] = told[:1].upper() + told[1:]
    return said


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Without null as another word for nothing, and with one alternative where all are texts."""
    if "$ref" in schema:
        inner = definitions[schema["$ref"].rpartition("/")[2]]
        schema = {**inner, **{key: value for key, value in schema.items() if key != "$ref"}}
    plain = {key: value for key, value in schema.items() if key != "default" or value is not None}
    if "items" in plain and isinstance(plain["items"], dict):
        plain["items"] = _plain(plain["items"], definitions)
    if "properties" in plain:
        plain["properties"] = {
            name: _plain(inner, definitions) for name, inner in plain["properties"].items()
        }
    alternatives = [one for one in plain.pop("anyOf", ()) if one.get("type") != "null"]
    if len(alternatives) == 1:
        return {**_plain(alternatives[0], definitions), **plain}
    if alternatives and all(one.get("type") == "string" for one in alternatives):
        formats = [one["format"] for one in alternatives if "format" in one]
        if formats and all(one.startswith(("ipv4", "ipv6")) for one in formats):
            return {**plain, "type": "string", "anyOf": [{"format": one} for one in formats]}
        return {**plain, "type": "string"}
    return {**plain, "anyOf": alternatives} if alternatives else plain


def form_schema(
    options: Mapping[str, Option], offered: Mapping[str, list[tuple[Any, str]]]
) -> dict[str, Any]:
    """The schema of a form with these options; offered: values to choose among, by option, with
    a title for each. Another value can be typed all the same."""
    properties = {}
    for name, option in options.items():
        schema = dict(option.schema)
        if choices := offered.get(name):
            known: list[dict[str, Any]] = [
                {"const": value, "title": title} for value, title in choices
            ]
            schema["anyOf"] = [*known, {"type": schema.get("type", "string")}]
        properties[name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, option in options.items() if option.required],
        "additionalProperties": not options,
    }
