"""One option of a schema, as a listing shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from forms.diff.meaning import KINDS, Meaning
from forms.diff.wording import type_text
from forms.paths import Path
from forms.values import ABSENT


class Said(NamedTuple):
    """What a schema says of an option, wherever the option is. A tuple, since a large schema
    has tens of thousands and a frozen dataclass takes four times as long to make."""

    type: Mapping[str, Any]
    """Types, values and bounds as a small JSON Schema."""
    type_text: str
    default: Any = ABSENT
    description: str = ""
    title: str = ""
    deprecated: bool = False
    secret: bool = False
    container: bool = False
    """Does it hold other options?"""
    ids: tuple[str, ...] = ()
    """Its `x-id`."""
    renamed_from: tuple[str, ...] = ()
    """Its `x-renamed-from`: names of siblings, or whole paths."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a schema, a section, map or list of others included."""

    path: Path
    said: Said
    """Shared by the options of which the same is said; its parts are properties here."""
    required: bool = False

    @property
    def type(self) -> Mapping[str, Any]:
        return self.said.type

    @property
    def type_text(self) -> str:
        return self.said.type_text

    @property
    def default(self) -> Any:
        return self.said.default

    @property
    def description(self) -> str:
        return self.said.description

    @property
    def title(self) -> str:
        return self.said.title

    @property
    def deprecated(self) -> bool:
        return self.said.deprecated

    @property
    def secret(self) -> bool:
        return self.said.secret

    @property
    def container(self) -> bool:
        return self.said.container


def said_of(meaning: Meaning, container: bool, typed: tuple[dict[str, Any], str]) -> Said:
    """What a meaning says of an option. typed: as `typed_as` gives it."""
    words = meaning.words
    return Said(
        *typed,
        words.get("default", ABSENT),
        str(words.get("description", "")),
        str(words.get("title", "")),
        bool(words.get("deprecated")),
        meaning.secret,
        container,
        _texts(words.get("x-id")),
        _texts(words.get("x-renamed-from")),
    )


def _texts(said: Any) -> tuple[str, ...]:
    return (
        tuple(str(one) for one in said) if isinstance(said, list) else (str(said),) if said else ()
    )


def typed_as(meaning: Meaning) -> tuple[dict[str, Any], str]:
    """Types, values and bounds of an option as a small JSON Schema, without what lies in it;
    and its type in words."""
    kinds = meaning.kinds()
    types = ["integer" if kind == "number" and whole else kind for kind, whole in kinds.items()]
    found: dict[str, Any] = {}
    if len(kinds) < len(KINDS):
        found["type"] = types[0] if len(types) == 1 else types
    values = [value for one in meaning.alternatives for value in one.values or ()]
    if values and all(one.values or one.kind == "null" for one in meaning.alternatives):
        found["enum"] = values + [None] * ("null" in kinds)
    for one in meaning.alternatives:
        found.update(one.bounds)
        found.update(sorted(one.texts))
    return found, type_text(meaning)


def joined(one: Option, other: Said) -> Option:
    """An option of which several schemas speak, one for each form of the section it lies in."""
    if one.type_text == other.type_text:
        return one
    types = [*_list(one.type.get("type")), *_list(other.type.get("type"))]
    both: dict[str, Any] = {"type": list(dict.fromkeys(types))} if types else {}
    if "enum" in one.type and "enum" in other.type:
        both["enum"] = [*one.type["enum"], *other.type["enum"]]
    said = one.said._replace(
        type=both,
        type_text=f"{one.type_text} or {other.type_text}",
        default=other.default if one.default is ABSENT else one.default,
        description=one.description or other.description,
        container=one.container or other.container,
    )
    return replace(one, said=said)


def _list(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types or ())
