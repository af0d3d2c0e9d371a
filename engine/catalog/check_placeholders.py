"""Placeholders of a manifest: each is known where it stands, and no secret can be seen.

Arguments and environments of programs, paths and well-known documents can be read by others,
so a secret in them is a mistake (design.md, section 2, rule 5), as is one in a file that
everybody may read.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.catalog.placeholders import FIELDS, SECRET, placeholders
from engine.catalog.source import Finding, Source, Spot, mapping, sequence, text_of

_SELDOM = {
    "password_file": "the command of an account",
    "program": "the command of a script that has a program",
    "public_address": "the values of records",
    "timers": "the state unit of kind timers",
}
_SERVED = {"s3": "bucket", "smtp": "mail"}
"""Placeholders of what a server of the provider gives -> the need."""
_OF_RECORDS = frozenset({"domain", "name", "public_port", "public_address"})


@dataclass(frozen=True)
class _Text:
    """A text in which placeholders are filled.

    where: what it is, for a message. private: may a secret be in it? key: is it a name?
    """

    spot: Spot
    text: str
    where: str
    private: bool = False
    key: bool = False
    only: str = ""
    """The placeholder that is known here, and in few other places."""
    among: frozenset[str] = frozenset()
    """Those that are known here, where it is not all of them."""


def check_placeholders(manifest: Source) -> Iterator[Finding]:
    known = _known(manifest.value)
    for text in _texts(manifest.value):
        for name in dict.fromkeys(placeholders(text.text)):
            if finding := _mistake(manifest, text, name, known):
                yield finding


def used_secrets(manifest: Mapping[str, Any]) -> set[str]:
    """Names of the secrets that some text of the manifest asks for."""
    return {
        name.removeprefix(SECRET)
        for text in _texts(manifest)
        for name in placeholders(text.text)
        if name.startswith(SECRET)
    }


def _known(manifest: Mapping[str, Any]) -> set[str]:
    needs = mapping(manifest.get("needs"))
    components = [
        *sequence(needs.get("components")),
        *(part for part, need in _SERVED.items() if needs.get(need)),
    ]
    fields = {name for name in FIELDS if "." not in name or name.split(".")[0] in components}
    return fields | {SECRET + name for name in mapping(manifest.get("secrets"))}


def _mistake(manifest: Source, text: _Text, name: str, known: set[str]) -> Finding | None:
    def found(message: str, hint: str) -> Finding:
        return manifest.found(text.spot, message, hint, key=text.key)

    if not name:
        hint = "a brace that is not a placeholder is written twice"
        return found("a brace belongs to no placeholder", hint)
    if name not in known:
        component = name.split(".")[0]
        if name in FIELDS:
            needed = f"{_SERVED[component]}: true under needs" if component in _SERVED else ""
            hint = f"write {needed or f'{component} under needs: components'}"
            return found(f"{{{name}}} is known only where {component} is needed", hint)
        near = difflib.get_close_matches(name, sorted(known), 1)
        if name.startswith(SECRET) and not near:
            hint = f"describe {name.removeprefix(SECRET)} under secrets"
        else:
            hint = f"did you mean {{{near[0]}}}?" if near else "write { twice for a real brace"
        return found(f"there is no placeholder {{{name}}}", hint)
    if text.among and name not in text.among:
        known_here = ", ".join(f"{{{each}}}" for each in sorted(text.among))
        return found(f"{{{name}}} is not known in {text.where}", f"known are {known_here}")
    if name.startswith(SECRET) and not text.private:
        hint = "hand it over in a configuration file of mode 0640, or by {password_file}"
        return found(f"a secret can be read by others in {text.where}", hint)
    if name.startswith("smtp.") and "relay" not in text.spot:
        return found(f"{{{name}}} is there for relay of a configuration file only", "move it")
    if name in _SELDOM and name != text.only:
        return found(f"{{{name}}} is there for {_SELDOM[name]} only", "remove it")
    return None


def _texts(manifest: Mapping[str, Any]) -> Iterator[_Text]:
    service = mapping(manifest.get("service"))
    yield from _within(service.get("exec"), ("service", "exec"), "a command")
    yield from _within(service.get("before"), ("service", "before"), "a command")
    yield from _within(service.get("environment"), ("service", "environment"), "an environment")
    for name, timer in mapping(service.get("timers")).items():
        for word, where in (("exec", "a command"), ("environment", "an environment")):
            yield from _within(mapping(timer).get(word), ("service", "timers", name, word), where)
    for path in mapping(manifest.get("directories")):
        yield _Text(("directories", path), str(path), "a path", key=True)
    yield from _within(manifest.get("well_known"), ("well_known",), "a public document")
    for index, record in enumerate(sequence(manifest.get("records"))):
        spot = ("records", index, "values")
        for text in _within(mapping(record).get("values"), spot, "a record"):
            yield replace(text, only="public_address", among=_OF_RECORDS)
    yield from _of_files(manifest)
    for index, account in enumerate(sequence(manifest.get("accounts"))):
        spot = ("accounts", index, "argv")
        for text in _within(mapping(account).get("argv"), spot, "a command"):
            yield _Text(text.spot, text.text, text.where, only="password_file")
    for index, unit in enumerate(sequence(manifest.get("state"))):
        spot = ("state", index, "locator")
        only = "timers" if mapping(unit).get("kind") == "timers" else ""
        for text in _within(mapping(unit).get("locator"), spot, "a path"):
            yield replace(text, only=only)
    for word in ("scripts", "load"):
        for index, program in enumerate(sequence(manifest.get(word))):
            yield from _of_program(mapping(program), (word, index))
    for name in mapping(manifest.get("ignored")):
        yield _Text(("ignored", name), str(name), "a path", key=True)
    for word in ("before", "after"):
        commands = mapping(manifest.get("quiesce")).get(word)
        yield from _within(commands, ("quiesce", word), "a command")


def _of_program(program: Mapping[str, Any], spot: Spot) -> Iterator[_Text]:
    for text in _within(program.get("exec"), (*spot, "exec"), "a command"):
        yield _Text(text.spot, text.text, text.where, only="program")
    yield from _within(program.get("writes"), (*spot, "writes"), "a path")
    for name, text in mapping(program.get("inputs")).items():
        yield from _within(text, (*spot, "inputs", name), "an input", private=True)


def _of_files(manifest: Mapping[str, Any]) -> Iterator[_Text]:
    files = sequence(manifest.get("config"))
    first = _is_private(files[0]) if files else False
    for index, file in enumerate(files):
        private = _is_private(file)
        path = mapping(file).get("path")
        yield from _within(path, ("config", index, "path"), "a path")
        for word in ("settings", "presets", "relay", "text"):
            spot = ("config", index, word)
            where = "a file that everybody may read"
            yield from _within(mapping(file).get(word), spot, where, private=private)
    for index, release in enumerate(sequence(manifest.get("releases"))):
        settings = mapping(release).get("settings")
        spot = ("releases", index, "settings")
        yield from _within(settings, spot, "a file that everybody may read", private=first)


def _is_private(file: Any) -> bool:
    """Is the file closed to others? Also where its mode is a mistake, which is said already."""
    mode = text_of(mapping(file).get("mode", "0640"))
    return not mode or not mode.isdecimal() or mode[-1] == "0"


def _within(value: Any, spot: Spot, where: str, *, private: bool = False) -> Iterator[_Text]:
    if isinstance(value, str):
        yield _Text(spot, value, where, private)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield _Text((*spot, name), str(name), where, private, key=True)
            yield from _within(inner, (*spot, name), where, private=private)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _within(inner, (*spot, index), where, private=private)
