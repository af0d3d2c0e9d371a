"""Mistakes of an options schema, by line: what JSON Schema says of it, and what a form needs.

JSON Schema ignores words that it does not know, so a misspelt bound would be met by a user
first. Here it is met by the author.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from engine.catalog.check_values import check_values, validators
from engine.catalog.source import Finding, Source, Spot, mapping, sequence

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_INNER_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_INNER_LISTS = ("prefixItems", "allOf", "anyOf", "oneOf")
_INNER = (
    *("items", "contains", "additionalProperties", "propertyNames", "unevaluatedProperties"),
    *("unevaluatedItems", "not", "if", "then", "else"),
)
_BOUNDS = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "maximum"),
    ("minimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_ANNOTATIONS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("x-label", "x-group", "x-unit", "x-id", "x-pattern-hint"), (str,)),
    **dict.fromkeys(("x-since", "x-renamed-from", "x-encode"), (str,)),
    **dict.fromkeys(("x-secret", "x-advanced", "x-restart", "x-managed", "x-multiline"), (bool,)),
    "x-order": (int, float),
    "x-enum-titles": (dict, list),
    "x-renamed-values": (dict,),
}
_TELLING = frozenset(
    {
        *("$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary", "$comment", "$defs"),
        *("title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples"),
        *("contentEncoding", "contentMediaType", "contentSchema"),
        *("then", "else", "minContains", "maxContains"),
    }
)
_ENCODINGS = ("comma", "lines", "json")


def check_shape(source: Source) -> list[Finding]:
    """What keeps an options schema from being used at all."""
    schema = source.value
    if not isinstance(schema, Mapping):
        return source.findings or [source.found((), "an options schema is an object in braces")]
    return list(_of_meta_schema(source, schema)) or list(_not_described(source, schema))


def check_options(source: Source, *, usable: bool) -> Iterator[Finding]:
    """Everything else that is wrong with one options schema by itself. usable: has
    `check_shape` found nothing?"""
    schema = mapping(source.value)
    if schema:
        yield from _of_dialect(source, schema)
    validator_of = validators(schema)
    for spot, node in schema_nodes(schema):
        yield from _words(source, spot, node)
        yield from _bounds(source, spot, node)
        yield from _reference(source, spot, node, schema)
        yield from _marks(source, spot, node)
        if usable:
            yield from check_values(source, spot, node, validator_of)
    yield from _labels(source, schema, ())


def schema_nodes(schema: Any, spot: Spot = ()) -> Iterator[tuple[Spot, Mapping[str, Any]]]:
    """A schema and all schemas within it, with their places."""
    if not isinstance(schema, Mapping):
        return
    yield spot, schema
    for word in _INNER_MAPS:
        for name, inner in mapping(schema.get(word)).items():
            yield from schema_nodes(inner, (*spot, word, name))
    for word in _INNER_LISTS:
        for index, inner in enumerate(sequence(schema.get(word))):
            yield from schema_nodes(inner, (*spot, word, index))
    for word in _INNER:
        yield from schema_nodes(schema.get(word), (*spot, word))


def spot_of(schema: Mapping[str, Any], path: str) -> Spot:
    """Where in an options schema the option at a dotted path is described."""
    spot: Spot = ()
    node: Any = schema
    for part in path.split("."):
        step: tuple[str, ...] = ("properties", part)
        if part not in mapping(node.get("properties")):
            step = ("additionalProperties",)
        spot += step
        for word in step:
            node = mapping(mapping(node).get(word))
    return spot


def _of_dialect(source: Source, schema: Mapping[str, Any]) -> Iterator[Finding]:
    if schema.get("$schema") != DIALECT:
        yield source.found(("$schema",), "options are JSON Schema 2020-12", f'"$schema": {DIALECT}')
    if schema.get("type") != "object":
        yield source.found(("type",), "the options of a release are an object", '"type": "object"')
    if schema.get("additionalProperties", True) is True:
        yield source.found(
            ("additionalProperties",),
            "an option that is misspelt would be accepted",
            'write "additionalProperties": false',
        )


def _of_meta_schema(source: Source, schema: Mapping[str, Any]) -> Iterator[Finding]:
    from jsonschema import Draft202012Validator

    from forms.messages import problems_of

    seen = set()
    for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema):
        for problem in problems_of(error):
            spot = tuple(error.absolute_path)
            name = spot[-1] if spot else "the schema"
            finding = source.found(spot, f"{name}: {problem.message}", problem.hint)
            if finding not in seen:
                seen.add(finding)
                yield finding


def _not_described(source: Source, schema: Mapping[str, Any]) -> Iterator[Finding]:
    for spot, node in schema_nodes(schema):
        for name, inner in mapping(node.get("properties")).items():
            if not isinstance(inner, Mapping):
                message = f"{name}: an option is described by an object in braces"
                yield source.found((*spot, "properties", name), message)


def _words(source: Source, spot: Spot, node: Mapping[str, Any]) -> Iterator[Finding]:
    for word, value in node.items():
        wanted = _ANNOTATIONS.get(word)
        if wanted is None and word not in _vocabulary():
            near = difflib.get_close_matches(word, [*_vocabulary(), *_ANNOTATIONS], 1)
            yield source.found(
                (*spot, word),
                f'JSON Schema and Homeport have no word "{word}"',
                f'did you mean "{near[0]}"?' if near else "remove it",
                key=True,
            )
        elif wanted and (not isinstance(value, wanted) or (bool not in wanted and value is True)):
            names = {str: "a text", bool: "true or false", dict: "titles by value"}
            yield source.found((*spot, word), f"{word} is {names.get(wanted[0], 'a number')}")
    encoding = node.get("x-encode", "json")
    if encoding not in _ENCODINGS:
        yield source.found((*spot, "x-encode"), f"x-encode is one of {', '.join(_ENCODINGS)}")


@cache
def _vocabulary() -> frozenset[str]:
    """All words of JSON Schema 2020-12: those that check, and those that only tell."""
    from jsonschema import Draft202012Validator

    return frozenset(Draft202012Validator.VALIDATORS) | _TELLING


def _bounds(source: Source, spot: Spot, node: Mapping[str, Any]) -> Iterator[Finding]:
    for least, most in _BOUNDS:
        low, high = node.get(least), node.get(most)
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield source.found((*spot, least), f"{least} {low} is above {most} {high}")
    pattern = node.get("pattern")
    for word, expression in [("pattern", pattern), *_patterns(node)]:
        if isinstance(expression, str) and (fault := _fault_of(expression)):
            at = (*spot, word, expression) if word == "patternProperties" else (*spot, word)
            yield source.found(
                at, f"{expression} is not a regular expression", fault, key=word != "pattern"
            )
    for index, name in enumerate(sequence(node.get("required"))):
        if "properties" in node and name not in mapping(node["properties"]):
            yield source.found((*spot, "required", index), f"there is no option {name} here")


def _patterns(node: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("patternProperties", name) for name in mapping(node.get("patternProperties"))]


def _fault_of(pattern: str) -> str:
    from forms.schema.regex import to_python

    try:
        to_python(pattern)
    except ValueError as error:
        return str(error).rpartition("here: ")[2]
    return ""


def _reference(
    source: Source, spot: Spot, node: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Finding]:
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return
    if not reference.startswith("#"):
        hint = "copy what it names into $defs"
        yield source.found((*spot, "$ref"), "a schema refers to nothing outside its file", hint)
        return
    target: Any = schema
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        index = int(name) if name.isdecimal() else -1
        if isinstance(target, list) and 0 <= index < len(target):
            target = target[index]
        elif isinstance(target, Mapping) and name in target:
            target = target[name]
        else:
            yield source.found((*spot, "$ref"), f"there is nothing at {reference}")
            return


def _marks(source: Source, spot: Spot, node: Mapping[str, Any]) -> Iterator[Finding]:
    if node.get("x-managed") is True and node.get("readOnly") is not True:
        hint = 'write "readOnly": true beside it'
        yield source.found((*spot, "x-managed"), "what Homeport decides is read only", hint)
    if node.get("x-secret") is True:
        if node.get("type") not in ("string", ["string", "null"], ["null", "string"]):
            yield source.found((*spot, "x-secret"), "a secret is a text", '"type": "string"')
        if node.get("default") or node.get("examples"):
            word = "default" if node.get("default") else "examples"
            hint = "leave it out, or write an empty text"
            yield source.found(
                (*spot, word), "everybody can read a secret that is written here", hint
            )
    titles, choices = node.get("x-enum-titles"), sequence(node.get("enum"))
    if isinstance(titles, list) and len(titles) != len(choices):
        message = f"there are {len(titles)} titles for {len(choices)} values"
        yield source.found((*spot, "x-enum-titles"), message)
    names = {str(choice) for choice in choices}
    for name in mapping(titles).keys() - names:
        at = (*spot, "x-enum-titles", name)
        yield source.found(at, f"{name} is not among the values", key=True)


def _labels(source: Source, schema: Mapping[str, Any], spot: Spot) -> Iterator[Finding]:
    for name, node in mapping(schema.get("properties")).items():
        at = (*spot, "properties", name)
        if not isinstance(node, Mapping):
            continue
        if not (node.get("x-label") or node.get("title") or "$ref" in node):
            yield source.found(at, f"{name} has no name to show", 'give it an "x-label"', key=True)
        yield from _labels(source, node, at)
