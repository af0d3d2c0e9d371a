"""An options listing of a NixOS release as one JSON Schema.

The listing (options.json of nixos/lib/make-options-doc) is flat: every option with its path,
in which `<name>` stands for any key of an attribute set and `*` for any item of a list. Here
the paths become a tree again. Defaults and examples are Nix text: literals become values, an
expression stays text (`x-default-text`, `x-example-text`) and is never evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InvalidInput, NotFound
from engine.nix.literals import NotALiteral, read_literal
from engine.nix.markers import Marker
from engine.nix.types import Schema, read_type

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass
class Summary:
    """What became of the listing, in numbers and notes."""

    options: int = 0
    typed: int = 0
    notes: list[str] = field(default_factory=list)
    """`option: what could not be said in the schema`."""
    renamed: int = 0
    unused_markers: list[str] = field(default_factory=list)
    markers_elsewhere: int = 0
    """About options outside of the prefix."""
    markers_unplaced: int = 0
    """Of submodules whose option is not known."""


def schema_of(
    listing: Mapping[str, Any], prefix: Sequence[str] = (), markers: Sequence[Marker] = ()
) -> tuple[Schema, Summary]:
    """The schema of all options below the prefix, and what of them it does not say.

    Raises InvalidInput for a listing of another form, NotFound for a prefix without options.
    """
    summary = Summary()
    root: Schema = {"type": "object"}
    places: dict[tuple[str, ...], Schema] = {(): root}
    for path, option in sorted(_below(listing, tuple(prefix)), key=lambda found: found[0]):
        summary.options += 1
        text = str(option.get("type", "unspecified value"))
        read = read_type(text)
        summary.typed += not read.notes
        summary.notes += [f"{'.'.join((*prefix, *path))}: {note}" for note in read.notes]
        schema = _place(places, path)
        schema.clear()
        schema.update(read.schema)
        schema.update(_annotations(option, path, text))
    if not summary.options:
        raise NotFound(
            "the listing has no option with this prefix",
            on=".".join(prefix),
            do="Look for the name of the module in the listing, for example `services.mastodon`.",
        )
    _mark(places, root, tuple(prefix), markers, summary)
    return {"$schema": _DIALECT, "x-nix-prefix": list(prefix), **root}, summary


def _below(
    listing: Mapping[str, Any], prefix: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    for name, option in listing.items():
        if not isinstance(option, Mapping):
            raise InvalidInput(
                "this is no options listing",
                on=name,
                do="Give the options.json that NixOS builds as its options documentation.",
            )
        given = option.get("loc") or name.split(".")
        path = tuple(str(part) for part in given)
        if path[: len(prefix)] == prefix and len(path) > len(prefix) and "_module" not in path:
            yield path[len(prefix) :], option


def _place(places: dict[tuple[str, ...], Schema], path: tuple[str, ...]) -> Schema:
    """The schema object of a path, made where the listing names no option above it."""
    if path not in places:
        above, name = _place(places, path[:-1]), path[-1]
        places[path] = _child(above, name)
    return places[path]


def _child(above: Schema, name: str) -> Schema:
    if name == "*":
        holder = _member(above, "array")
        return _open(holder, "items")
    if name.startswith("<") and name.endswith(">"):
        holder = _member(above, "object")
        holder["x-key-label"] = name[1:-1]
        return _open(holder, "additionalProperties")
    holder = _member(above, "object")
    properties: dict[str, Any] = holder.setdefault("properties", {})
    holder.setdefault("additionalProperties", False)
    child: Schema = properties.setdefault(name, {})
    return child


def _open(holder: Schema, keyword: str) -> Schema:
    """The schema of what a map or list holds; of several kinds, the one that holds options."""
    inner = holder.get(keyword)
    if not isinstance(inner, dict):
        inner = holder[keyword] = {}
    return inner


def _member(schema: Schema, kind: str) -> Schema:
    """The member of a union that can hold options, made where there is none."""
    for member in schema.get("anyOf", ()):
        if member.get("type") == kind and "__raw" not in member.get("properties", {}):
            found: Schema = member
            return found
    if "anyOf" in schema:
        made: Schema = {"type": kind}
        schema["anyOf"].append(made)
        return made
    schema.setdefault("type", kind)
    return schema


def _annotations(option: Mapping[str, Any], path: tuple[str, ...], text: str) -> Schema:
    words: Schema = {"x-nix-type-text": text}
    if description := _text(option.get("description")):
        words["description"] = description
    if option.get("readOnly") is True:
        words["readOnly"] = True
    if len(path) > 1 and not path[0].startswith(("<", "*")):
        words["x-group"] = path[0]
    for name, keyword in (("default", "default"), ("example", "examples")):
        if name in option:
            known, value = _literal(option[name])
            if not known:
                words[f"x-{name}-text"] = value
            else:
                words[keyword] = value if name == "default" else [value]
    declared = [_declaration(item) for item in option.get("declarations") or ()]
    if declared:
        words["x-declarations"] = declared
    return words


def _literal(given: Any) -> tuple[bool, Any]:
    if isinstance(given, Mapping) and "_type" in given:
        text = _text(given) or ""
        if given["_type"] in ("literalMD", "literalDocBook"):
            return False, text
        try:
            return True, read_literal(text)
        except NotALiteral:
            return False, text
    return True, given


def _text(given: Any) -> str | None:
    if isinstance(given, Mapping):
        given = given.get("text")
    return given if isinstance(given, str) else None


def _declaration(item: Any) -> str:
    return str(item.get("name") or item.get("url")) if isinstance(item, Mapping) else str(item)


def _mark(
    places: Mapping[tuple[str, ...], Schema],
    root: Schema,
    prefix: tuple[str, ...],
    markers: Sequence[Marker],
    summary: Summary,
) -> None:
    removed: dict[str, str] = {}
    named_alike = {_dotted(path): schema for path, schema in places.items()}
    for marker in markers:
        if not marker.placed:
            summary.markers_unplaced += 1
            continue
        old = [path[len(prefix) :] for path in marker.old if path[: len(prefix)] == prefix]
        new = marker.new[len(prefix) :] if marker.new[: len(prefix)] == prefix else ()
        if marker.kind == "removed" and old:
            removed.update({_dotted(path): marker.text for path in old})
        elif old and new and _dotted(new) in named_alike:
            heir = named_alike[_dotted(new)]
            named = heir.setdefault("x-renamed-from", [])
            named += [name for name in map(_dotted, old) if name not in named]
            if marker.kind in ("changed", "merged"):
                heir["x-nix-conversion"] = marker.kind
            summary.renamed += len(old)
        elif old or new:
            summary.unused_markers.append(f"{marker.place}: {marker.kind}")
        else:
            summary.markers_elsewhere += 1
    if removed:
        root["x-removed"] = removed


def _dotted(path: Sequence[str]) -> str:
    return ".".join("*" if name.startswith("<") else name for name in path)
