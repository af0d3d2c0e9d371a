"""Mistakes in the programs that a package brings along: its migration scripts and its load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from engine.catalog.migration_script import OCCURS, Occasion
from engine.catalog.placeholders import placeholders
from engine.catalog.source import Finding, Source, Spot, mapping, sequence, text_of

_RESULT = "homeport-result: "
_PYTHON = "python"


def check_scripts(manifest: Source) -> Iterator[Finding]:
    value: Mapping[str, Any] = manifest.value
    first: dict[str, int] = {}
    for index, script in enumerate(map(mapping, sequence(value.get("scripts")))):
        spot: Spot = ("scripts", index)
        id_ = text_of(script.get("id"))
        if id_ and first.setdefault(id_, index) != index:
            yield manifest.found((*spot, "id"), f"another script is called {id_}")
        yield from _program(manifest, spot, script)
        yield from _moment(manifest, spot, script)
        for word in ("releases", "from_releases"):
            yield from _range(manifest, (*spot, word), text_of(script.get(word)), value)
    for index, program in enumerate(map(mapping, sequence(value.get("load")))):
        yield from _program(manifest, ("load", index), program)
    yield from _ignored(manifest, value)


def _program(manifest: Source, spot: Spot, program: Mapping[str, Any]) -> Iterator[Finding]:
    argv = [text_of(word) for word in sequence(program.get("exec"))]
    text = text_of(program.get("program"))
    names_file = "program" in {name for word in argv for name in placeholders(word)}
    if argv and argv[0] and "/" in argv[0] and not argv[0].startswith(("/", "{")):
        hint = "its name alone, {venv}/bin/..., or the whole path"
        yield manifest.found((*spot, "exec", 0), "the path of the command is not a whole one", hint)
    if names_file and not text:
        hint = "write it under program"
        yield manifest.found((*spot, "exec"), "the command asks for {program}, and has none", hint)
    if text and argv and not names_file:
        hint = "name it in exec as {program}"
        yield manifest.found((*spot, "program"), "the command never reads its program", hint)
    if text and argv and argv[0].rpartition("/")[2].startswith(_PYTHON):
        yield from _syntax(manifest, spot, text)
    outputs = sequence(program.get("outputs"))
    if outputs and text and _RESULT.strip() not in text:
        hint = f"print one line: {_RESULT}{{...}}"
        yield manifest.found((*spot, "outputs"), "the program never gives its values", hint)
    for place, path in enumerate(sequence(program.get("writes"))):
        name = text_of(path)
        if (name and name.split("/")[0] not in ("{data}", "{run}")) or "/../" in f"{name}/":
            hint = "{data} or {run}, or a path below"
            at = (*spot, "writes", place)
            yield manifest.found(at, "a program writes to the deployment's data only", hint)


def _syntax(manifest: Source, spot: Spot, text: str) -> Iterator[Finding]:
    try:
        compile(text, "program", "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line} of it: " if line else ""
        message = f"the program is not Python: {where}{getattr(error, 'msg', error)}"
        yield manifest.found((*spot, "program"), message)


def _moment(manifest: Source, spot: Spot, script: Mapping[str, Any]) -> Iterator[Finding]:
    phase = text_of(script.get("phase"))
    possible = next((found for name, found in OCCURS.items() if name == phase), None)
    if possible is None or "operations" not in script:
        return
    operations = sequence(script["operations"])
    if not operations:
        hint = "one or more of " + ", ".join(get_args(Occasion))
        yield manifest.found((*spot, "operations"), "the script never runs", hint)
    for place, operation in enumerate(operations):
        if operation in get_args(Occasion) and operation not in possible:
            hint = f"{phase} comes in " + ", ".join(possible)
            message = f"there is no moment {phase} in {operation}"
            yield manifest.found((*spot, "operations", place), message, hint)


def _range(manifest: Source, spot: Spot, text: str, value: Mapping[str, Any]) -> Iterator[Finding]:
    if not text:
        return
    try:
        wanted = SpecifierSet(text)
    except InvalidSpecifier:
        yield manifest.found(spot, f"{text} is not a range of versions", 'such as ">=2.0,<3"')
        return
    versions = []
    for release in map(mapping, sequence(value.get("releases"))):
        try:
            versions.append(Version(text_of(release.get("version"))))
        except InvalidVersion:
            continue  # it is said of the release
    if versions and not any(wanted.contains(version, prereleases=True) for version in versions):
        hint = "the releases are " + ", ".join(map(str, versions))
        yield manifest.found(spot, f"no release of the package is {text}", hint)


def _ignored(manifest: Source, value: Mapping[str, Any]) -> Iterator[Finding]:
    for name in mapping(value.get("ignored")):
        if not name.startswith(("{", "/", "timer:", "secret:")):
            hint = "a path that begins with a placeholder, timer:NAME or secret:NAME"
            at = ("ignored", name)
            yield manifest.found(at, f"nothing that is found can be called {name}", hint, key=True)
