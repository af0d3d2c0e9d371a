"""Mistakes between a manifest's releases and their options schemas."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from engine.catalog.check_options import schema_nodes, spot_of
from engine.catalog.check_values import refusal
from engine.catalog.options import leaves, schema_at
from engine.catalog.placeholders import placeholders
from engine.catalog.source import Finding, Source, Spot, mapping, sequence, text_of
from forms.formats import is_format


def check_releases(manifest: Source, options: Mapping[str, Source]) -> Iterator[Finding]:
    """options: the schemas that are there, by file name."""
    releases = [mapping(release) for release in sequence(manifest.value.get("releases"))]
    yield from _order(manifest, releases)
    for index, release in enumerate(releases):
        yield from _requirements(manifest, index, release)
        name = text_of(release.get("options"))
        if name and name not in options:
            message = f"the options schema {name} is not there"
            hint = "it lies beside the manifest"
            yield manifest.found(("releases", index, "options"), message, hint)
    for name, source in options.items():
        if isinstance(source.value, Mapping):
            yield from _annotations(source, releases, options)
            yield from _written(manifest, source, name)


def _order(manifest: Source, releases: list[Mapping[str, Any]]) -> Iterator[Finding]:
    before: Version | None = None
    for index, release in enumerate(releases):
        spot = ("releases", index, "version")
        text = text_of(release.get("version"))
        version = version_of(text)
        if not text:
            continue
        if version is None:
            yield manifest.found(spot, f"{text} is not a version", "write it as 1.2.3")
            continue
        if version in [version_of(text_of(r.get("version"))) for r in releases[:index]]:
            yield manifest.found(spot, f"release {text} is there twice", "remove one of them")
        elif before and version > before:
            hint = "the newest release comes first"
            yield manifest.found(spot, f"{text} is newer than the release above it", hint)
        before = version


def version_of(text: str) -> Version | None:
    """The version that a text says; None if it says none."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _requirements(manifest: Source, index: int, release: Mapping[str, Any]) -> Iterator[Finding]:
    spot = ("releases", index)
    for place, text in enumerate(sequence(release.get("pypi"))):
        at: Spot = (*spot, "pypi", place)
        exact = _exact(text_of(text))
        if exact is None:
            hint = "name one version: app==1.2.3"
            yield manifest.found(at, f"{text} is not an exact requirement", hint)
        elif place == 0 and exact != version_of(text_of(release.get("version"))):
            hint = "the application's own package comes first"
            version = release.get("version")
            yield manifest.found(at, f"{text} is not the release's version {version}", hint)
    try:
        SpecifierSet(text_of(release.get("python")))
    except InvalidSpecifier:
        message = f"{release['python']} is not a range of versions"
        yield manifest.found((*spot, "python"), message, 'such as ">=3.9"')
    day = text_of(release.get("date"))
    if day and not is_format("date", day):
        yield manifest.found((*spot, "date"), f"there is no day {day}", "such as 2026-11-24")
    for character in mapping(release.get("escapes")):
        if len(character) != 1:
            at = (*spot, "escapes", character)
            message = f"{character} is not one character, and only those are escaped"
            yield manifest.found(at, message, key=True)


def _exact(text: str) -> Version | None:
    try:
        parts = list(Requirement(text).specifier)
    except InvalidRequirement:
        return None
    if len(parts) != 1 or parts[0].operator != "==" or "*" in parts[0].version:
        return None
    return Version(parts[0].version)


# --- what the manifest writes, against the schemas ---------------------------------------


def _written(manifest: Source, source: Source, name: str) -> Iterator[Finding]:
    """Settings, presets and relay of the manifest against the options of one schema."""
    schema = source.value
    for spot, path, value, word in _assignments(manifest.value, name):
        node = schema_at(schema, path)
        if node is None:
            known = [option for option, _ in leaves(schema)]
            near = difflib.get_close_matches(path, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"look for it in {name}"
            message = f"{name} has no option {path}"
            yield manifest.found(spot, message, hint, key=True)
        elif word == "relay" and node.get("x-managed") is True:
            hint = "remove the mark: they may have a mail server of their own"
            yield manifest.found(spot, f"users cannot set {path}", hint)
        elif word == "presets":
            yield from _preset(manifest, source, spot, path, node, value)
        elif (
            word == "settings"
            and node.get("x-managed") is not True
            and not _is_within_managed(schema, path)
        ):
            hint = 'write "x-managed": true and "readOnly": true beside it'
            at = spot_of(schema, path)
            message = f"the manifest decides {path}, but users could set it"
            yield source.found(at, message, hint, key=True)
        if node is None or list(placeholders(value)):
            continue
        if why := refusal(schema, spot_of(schema, path), value):
            yield manifest.found(spot, f"{name} refuses this value: it {why}")


def _is_within_managed(schema: Mapping[str, Any], path: str) -> bool:
    above = path.rpartition(".")[0]
    while above:
        if (schema_at(schema, above) or {}).get("x-managed") is True:
            return True
        above = above.rpartition(".")[0]
    return False


def _assignments(manifest: Mapping[str, Any], options: str) -> Iterator[tuple[Spot, str, Any, str]]:
    """Spot, option, value, and where it stands, of all that goes with this schema."""
    files = [mapping(file) for file in sequence(manifest.get("config"))]
    for index, file in enumerate(files):
        if file.get("values", True) is True and file.get("format") not in ("text", "htpasswd"):
            for word in ("settings", "presets", "relay"):
                for path, value in mapping(file.get(word)).items():
                    yield ("config", index, word, path), path, value, word
    for index, release in enumerate(map(mapping, sequence(manifest.get("releases")))):
        if release.get("options") == options:
            for path, value in mapping(release.get("settings")).items():
                yield ("releases", index, "settings", path), path, value, "settings"


def _preset(
    manifest: Source,
    source: Source,
    spot: Spot,
    path: str,
    node: Mapping[str, Any],
    value: Any,
) -> Iterator[Finding]:
    if node.get("x-managed") is True:
        hint = "move it to settings"
        yield manifest.found(spot, f"users cannot set {path}, so it is not a preset", hint)
    elif not list(placeholders(value)) and node.get("default", value) != value:
        hint = "users see the schema's default: write the preset's value there"
        at = (*spot_of(source.value, path), "default")
        yield source.found(at, f"the manifest presets {path} to another value", hint)


# --- what the schemas say of releases ----------------------------------------------------


def _annotations(
    source: Source, releases: list[Mapping[str, Any]], options: Mapping[str, Source]
) -> Iterator[Finding]:
    """x-since and x-renamed-from of one schema."""
    own = [r for r in releases if r.get("options") == source.file.name]
    newest = max(filter(None, (version_of(text_of(r.get("version"))) for r in own)), default=None)
    older = _older(source, releases, options)
    for spot, node in schema_nodes(source.value):
        since = node.get("x-since")
        if isinstance(since, str):
            version = version_of(since)
            if version is None or (newest and version > newest):
                hint = "the release in which the option came"
                yield source.found((*spot, "x-since"), f"{since} is not a release up to here", hint)
        was = node.get("x-renamed-from")
        if isinstance(was, str) and older is not None and schema_at(older.value, was) is None:
            message = f"{older.file.name} has no option {was}"
            yield source.found((*spot, "x-renamed-from"), message)


def _older(
    source: Source, releases: list[Mapping[str, Any]], options: Mapping[str, Source]
) -> Source | None:
    """The schema of the next older release that has another one."""
    names = [text_of(release.get("options")) for release in releases]
    if source.file.name not in names:
        return None
    last = len(names) - names[::-1].index(source.file.name)
    for name in names[last:]:
        if name in options and isinstance(options[name].value, Mapping):
            return options[name]
    return None
