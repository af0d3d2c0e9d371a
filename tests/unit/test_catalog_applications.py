"""The built-in applications offer every option of their releases, with the real defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.catalog.check_options import schema_nodes
from engine.catalog.load import Catalog
from engine.catalog.options import Schema, leaves
from engine.catalog.validate import problems

RECORDED = Path(__file__).parent.parent / "data" / "option-names"
CATALOG = Catalog.open()
RELEASES = [
    (package.id, release.version) for package in CATALOG.packages() for release in package.releases
]
INI_RELEASES = [(app, version) for app, version in RELEASES if app in ("radicale", "isso")]
SYNAPSE_RELEASES = [version for app, version in RELEASES if app == "synapse"]


def recorded(application: str, version: str) -> list[str]:
    return (RECORDED / f"{application}-{version}.txt").read_text().splitlines()


def test_every_application_has_three_releases_that_differ() -> None:
    assert {app for app, _ in RELEASES} >= {"radicale", "isso", "synapse"}
    for package in CATALOG.packages():
        if package.method != "debian":
            continue  # It cannot be installed yet: see test_catalog_inventories.
        schemas = [CATALOG.options_schema(package.id, r.version) for r in package.releases]
        differing = {json.dumps(schema["properties"], sort_keys=True) for schema in schemas}
        assert len(differing) == len(schemas) >= 3


@pytest.mark.parametrize(("application", "version"), INI_RELEASES)
def test_every_option_is_offered_with_its_own_default(application: str, version: str) -> None:
    schema = CATALOG.options_schema(application, version)
    options = dict(leaves(schema))
    options.pop("headers", None)  # Radicale: a section of the owner's own names
    real = dict(line.split(" ", 1) for line in recorded(application, version))
    assert options.keys() == real.keys()
    presets = CATALOG.package(application).config[0].presets
    for path, text in real.items():
        node = options[path]
        if path not in presets and not node.get("x-managed"):
            assert node.get("default", "") == _meant(node, json.loads(text)), path


def _meant(node: Schema, text: str) -> Any:
    """What a default in an INI file means for an option of this type."""
    kind = node["type"]
    if not text and kind in ("integer", "number"):
        return ""
    if kind == "object":
        return json.loads(text or "{}")
    if kind == "array":
        separator = "," if node["x-encode"] == "comma" else "\n"
        return [item.strip() for item in text.split(separator) if item.strip()]
    if kind == "boolean":
        return text.lower() in ("true", "yes", "on", "1")
    return {"integer": int, "number": float, "string": str}[kind](text)


@pytest.mark.parametrize("version", SYNAPSE_RELEASES)
def test_synapse_offers_every_option_of_its_manual(version: str) -> None:
    schema = CATALOG.options_schema("synapse", version)
    offered = set(_names(schema))
    missing = [
        name
        for name in recorded("synapse", version)
        if name not in offered and not _is_managed(schema, name)
    ]
    assert missing == []


def _names(schema: Schema, prefix: str = "") -> Iterator[str]:
    for name, node in schema.get("properties", {}).items():
        yield prefix + name
        yield from _names(node, f"{prefix}{name}.")
        if isinstance(node.get("items"), Mapping):
            yield from _names(node["items"], f"{prefix}{name}[].")


def _is_managed(schema: Schema, name: str) -> bool:
    """Is an option, or what it is a part of, decided by Homeport as a whole?"""
    node: Any = schema
    for part in re.split(r"\.", name.replace("[]", ".[]")):
        node = node.get("items") if part == "[]" else node.get("properties", {}).get(part)
        if not isinstance(node, Mapping):
            return False
        if node.get("x-managed"):
            return True
    return False


@pytest.mark.parametrize(("application", "version"), RELEASES)
def test_options_read_well_in_the_form(application: str, version: str) -> None:
    for path, node in leaves(CATALOG.options_schema(application, version)):
        label, words = node["x-label"], node.get("description", "")
        assert len(label) <= 40, path
        assert not label.endswith("."), path
        assert not words or words.endswith((".", ")", "?")), path
        assert len(words) <= 400, path
        assert not node.get("x-secret") or words, f"{path}: a secret says what it is for"


@pytest.mark.parametrize(("application", "version"), RELEASES)
def test_secrets_are_marked(application: str, version: str) -> None:
    """Whatever is called a secret, password or token is kept as one."""
    telling = re.compile(r"(^|[_.-])(secret|password|pass|passphrase|token|private_key)$")
    # Letters of rights, and a part of an address that is compared.
    known = {"default_permissions_create_token", "url_preview_url_blacklist.password"}
    for spot, node in schema_nodes(CATALOG.options_schema(application, version)):
        path = ".".join(str(part) for part in spot if part not in ("properties", "items"))
        if telling.search(path) and node.get("type") == "string" and not node.get("x-managed"):
            assert node.get("x-secret") or path.removeprefix("sharing.") in known, path


@pytest.mark.parametrize(("application", "version"), RELEASES)
def test_presets_are_what_the_form_shows_as_default(application: str, version: str) -> None:
    schema = CATALOG.options_schema(application, version)
    defaults = {path: node.get("default") for path, node in leaves(schema)}
    files = CATALOG.package(application).config[:1]
    for path, value in (preset for file in files for preset in file.presets.items()):
        if "{" not in str(value):
            assert defaults[path] == value


def test_a_new_deployment_is_warned_of_nothing_it_need_not_do() -> None:
    """Planning shows notes of kind action and security; a first one has nothing to convert."""
    for package in CATALOG.packages():
        for release in package.releases:
            kinds = {note.kind for note in release.notes}
            assert not kinds & {"action", "security"}, (package.id, release.version)


@pytest.mark.parametrize(
    ("values", "asks_for"),
    [
        ({"enable_registration": True}, "registration_requires_token"),
        (
            {"limit_profile_requests_to_users_who_share_rooms": True},
            "require_auth_for_profile_requests",
        ),
    ],
)
def test_options_with_which_synapse_would_not_start_are_refused(
    values: dict[str, Any], asks_for: str
) -> None:
    schema = CATALOG.options_schema("synapse")
    (found,) = problems(schema, values)
    assert (found.path, found.message) == (asks_for, "needs a value")
    assert found.do
    assert problems(schema, {**values, asks_for: True}) == []
