"""`homeport catalog check`: everything wrong with a package, by file and line.

Loading a package stops at the first mistake, because a user can do nothing about it. This is
for its author: all mistakes at once, those between the files included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import schemas
from engine.catalog.check_manifest import check_manifest
from engine.catalog.check_migrations import check_migrations
from engine.catalog.check_options import check_options, check_shape
from engine.catalog.check_releases import check_releases, version_of
from engine.catalog.check_scripts import check_scripts
from engine.catalog.load import MANIFEST, MIGRATIONS
from engine.catalog.source import Finding, Source, mapping, read_source, sequence, text_of
from engine.errors import NotFound

__all__ = ["Finding", "check_package"]


def check_package(directory: Path) -> list[Finding]:
    """Every mistake of a package, or of all packages of a catalog; in the order of the files.

    NotFound where the directory holds neither.
    """
    if (directory / MANIFEST).is_file():
        return _check_one(directory)
    packages = sorted(inner.parent for inner in directory.glob(f"*/{MANIFEST}"))
    if not packages:
        raise NotFound(
            "there is no package to check",
            on=str(directory),
            why=f"it holds no {MANIFEST}, and neither does a directory in it",
            do="Give the directory of a package, or of a catalog of packages.",
        )
    return [finding for package in packages for finding in _check_one(package)]


def _check_one(directory: Path) -> list[Finding]:
    manifest = read_source(directory / MANIFEST)
    if not isinstance(manifest.value, Mapping):
        return manifest.findings or [manifest.found((), "a manifest is a list of names and values")]
    findings = [*manifest.findings, *_structure(manifest)]
    options = _read_options(manifest)
    findings += check_manifest(manifest, directory.name)
    findings += check_scripts(manifest)
    usable = {}
    for name, source in options.items():
        shape = check_shape(source)
        findings += [*source.findings, *shape, *check_options(source, usable=not shape)]
        usable[name] = Source(source.file) if shape else source
    findings += check_releases(manifest, usable)
    file = directory / MIGRATIONS
    migrations = read_source(file) if file.is_file() else None
    findings += check_migrations(migrations, _by_version(manifest, usable))
    return _sorted(findings)


def _structure(manifest: Source) -> Iterator[Finding]:
    """What `schemas/manifest.schema.json` says, which is what `Package` says."""
    from forms import validate_document

    for problem in validate_document(_manifest_schema(), manifest.value):
        message = problem.message.replace("no such option", "no such entry")
        name = next((str(p) for p in reversed(problem.path) if isinstance(p, str)), "the manifest")
        yield manifest.found(
            problem.path,
            f"{name}: {message}",
            problem.hint or _quote_hint(manifest.value, problem.path, message),
            key="no such entry" in message,
        )


@cache
def _manifest_schema() -> Any:
    return json.loads((schemas.directory() / "manifest.schema.json").read_bytes())


def _quote_hint(value: Any, path: tuple[str | int, ...], message: str) -> str:
    if not message.startswith("must be a text"):
        return ""
    for part in path:
        value = value[part]
    return "write it in quotes" if isinstance(value, bool | int | float) else ""


def _read_options(manifest: Source) -> dict[str, Source]:
    """The options schemas that the releases name, by file name; those that are there."""
    names = [
        text_of(mapping(release).get("options"))
        for release in sequence(manifest.value.get("releases"))
    ]
    directory = manifest.file.parent
    return {
        name: read_source(directory / name)
        for name in dict.fromkeys(names)
        if name and "/" not in name and (directory / name).is_file()
    }


def _by_version(manifest: Source, options: Mapping[str, Source]) -> dict[str, Source]:
    """The options schemas that can be used, by the releases that have them."""
    found = {}
    for release in map(mapping, sequence(manifest.value.get("releases"))):
        version = text_of(release.get("version"))
        source = options.get(text_of(release.get("options")))
        if version_of(version) and source and isinstance(source.value, Mapping):
            found[version] = source
    return found


def _sorted(findings: list[Finding]) -> list[Finding]:
    """By file and line, the manifest first; the same thing is said once."""
    return sorted(
        dict.fromkeys(findings),
        key=lambda found: (found.file.name != MANIFEST, found),
    )
