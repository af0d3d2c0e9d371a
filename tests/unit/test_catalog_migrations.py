"""What upstream changed between the packaged releases is declared, and carries documents over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import schemas
from engine.catalog.load import Catalog
from engine.catalog.options import Schema, leaves, with_value
from engine.catalog.validate import problems
from forms import validate_document
from forms.migrations import Applied, Outcome, apply, traced
from forms.migrations.change import Drop, NewDefault, Rename
from forms.migrations.places import get
from forms.paths import parse_path
from forms.values import ABSENT

CATALOG = Catalog.open()
APPLICATIONS = [package.id for package in CATALOG.packages() if len(package.releases) > 1]
PAIRS = [
    (package.id, old.version, new.version)
    for package in CATALOG.packages()
    for new, old in combinations(package.releases, 2)
]
STRICTER = {
    # Synapse 1.163 does not start with the one option and without the other. Whether the other
    # is wanted is for a person to say.
    ("synapse", "require_auth_for_profile_requests"),
}
"""What no migration can promise: options that a new release asks for."""


def carried(application: str, old: str, new: str, document: Any) -> Applied:
    assert problems(CATALOG.options_schema(application, old), document) == []
    return apply(CATALOG.migrations(application).changes(old, new), document)


def wrong(application: str, new: str, document: Any) -> list[str]:
    found = problems(CATALOG.options_schema(application, new), document)
    return [str(one) for one in found if (application, one.path) not in STRICTER]


# --- what is declared -------------------------------------------------------------------


def test_real_histories_have_a_rename_a_new_type_a_removal_and_a_new_default() -> None:
    changes = [
        each.change
        for application in APPLICATIONS
        for migration in CATALOG.migrations(application).all
        for each in migration.changes
    ]
    assert {Rename, Drop, NewDefault} <= {type(change) for change in changes}
    for version, path in (("3.3.3", "auth.ldap_load_groups"), ("3.5.10", "auth.ldap_use_ssl")):
        assert dict(leaves(CATALOG.options_schema("radicale", version)))[path]["type"] == "boolean"


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_migration_says_what_upstream_changed_and_where_it_is_written(
    application: str,
) -> None:
    found = CATALOG.migrations(application).all
    assert found
    for migration in found:
        assert migration.note.endswith("."), migration.version
        assert migration.reference.startswith("https://"), migration.version


@pytest.mark.parametrize("application", APPLICATIONS)
def test_editors_find_no_mistake_in_the_built_in_migrations(application: str) -> None:
    schema = json.loads((schemas.directory() / "migrations.schema.json").read_bytes())
    file = schemas.applications() / application / "migrations.yaml"
    assert validate_document(schema, yaml.safe_load(file.read_text())) == []


# --- what becomes of documents ----------------------------------------------------------

EXAMPLES = [
    # By upstream's manual of LDAP, for the release that had it first.
    (
        ("radicale", "3.3.3", "3.5.10"),
        {"auth": {"type": "ldap", "ldap_load_groups": True, "ldap_use_ssl": True}},
        {"auth": {"type": "ldap", "ldap_groups_attribute": "memberOf", "ldap_use_ssl": True}},
    ),
    (
        ("radicale", "3.3.3", "3.9.0"),
        {"auth": {"type": "ldap", "ldap_load_groups": False, "ldap_use_ssl": True}},
        {"auth": {"type": "ldap", "ldap_groups_attribute": "", "ldap_security": "tls"}},
    ),
    (
        ("radicale", "3.5.10", "3.9.0"),
        {"auth": {"ldap_use_ssl": True, "ldap_security": "tls"}},
        {"auth": {"ldap_security": "tls"}},
    ),
    (
        ("radicale", "3.5.10", "3.9.0"),
        {"logging": {"level": "debug", "trace_on_debug": True}},
        {"logging": {"level": "debug"}},
    ),
    (
        ("isso", "0.12.6.2", "0.14.0"),
        {"markup": {"options": ["autolink", "tables"], "flags": ["skip-html"]}},
        {"markup": {"misaka": {"options": ["autolink", "tables"], "flags": ["skip-html"]}}},
    ),
    # By the service's own guide, before and after it was no longer an experiment.
    (
        ("synapse", "1.114.0", "1.163.2"),
        {
            "experimental_features": {
                "msc3861": {
                    "enabled": True,
                    "issuer": "http://localhost:8080/",
                    "client_id": "0000000000000000000SYNAPSE",
                    "client_auth_method": "client_secret_basic",
                    "client_secret": "one",
                    "admin_token": "two",
                    "account_management_url": "http://localhost:8080/account",
                },
                "msc3886_endpoint": "/rendezvous",
            },
            "room_list_publication_rules": [{"action": "deny"}],
        },
        {
            "room_list_publication_rules": [{"action": "deny"}],
            "matrix_authentication_service": {
                "enabled": True,
                "endpoint": "http://localhost:8080/",
                "secret": "two",
            },
        },
    ),
]


@pytest.mark.parametrize(("pair", "before", "after"), EXAMPLES)
def test_a_documented_configuration_is_carried_as_upstream_says(
    pair: tuple[str, str, str], before: Any, after: Any
) -> None:
    application, old, new = pair
    found = carried(application, old, new, before)
    assert found.document == after
    assert wrong(application, new, found.document) == []
    assert not [effect for effect in found.effects if effect.outcome is Outcome.ASKED]


def test_options_that_say_different_things_are_asked_about() -> None:
    before = {"auth": {"ldap_use_ssl": True, "ldap_security": "none"}}
    found = carried("radicale", "3.5.10", "3.9.0", before)
    (asked,) = [effect for effect in found.effects if effect.outcome is Outcome.ASKED]
    assert asked.before[0][0] == ("auth", "ldap_use_ssl")


@pytest.mark.parametrize(("application", "old", "new"), PAIRS)
def test_the_defaults_of_a_release_stay_valid(application: str, old: str, new: str) -> None:
    document: dict[str, Any] = {}
    for path, node in own_options(application, old):
        if node.get("default") is not None:
            document = with_value(document, path, node["default"])
    found = carried(application, old, new, document)
    for effect in found.effects:
        assert effect.outcome is not Outcome.ASKED, effect.why
    assert wrong(application, new, found.document) == []


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize(("application", "old", "new"), PAIRS)
def test_any_values_of_a_release_are_valid_in_the_next_and_none_is_lost(
    application: str, old: str, new: str, data: st.DataObject
) -> None:
    document: dict[str, Any] = {}
    touched = data.draw(st.sets(st.sampled_from(changing(application, old, new)), max_size=8))
    others = data.draw(st.sets(st.sampled_from(list(candidates(application, old))), max_size=8))
    for path in sorted(touched | others):
        value = data.draw(st.sampled_from(candidates(application, old)[path]))
        document = with_value(document, path, value)
    assume(problems(CATALOG.options_schema(application, old), document) == [])
    found = carried(application, old, new, document)
    asked = {path for effect in asks(found) for path, _ in effect.before}
    if not asked:
        assert wrong(application, new, found.document) == []
    dropped = {path for e in found.effects if e.outcome is Outcome.DROPPED for path, _ in e.before}
    for path in map(parse_path, touched | others):
        now = traced(path, found.effects)
        held = [get(found.document, one) is not ABSENT for one in now]
        assert all(held)
        assert held or path in dropped, path


def asks(found: Applied) -> list[Any]:
    return [effect for effect in found.effects if effect.outcome is Outcome.ASKED]


def own_options(application: str, version: str) -> Iterator[tuple[str, Schema]]:
    """The options that users can set."""
    for path, node in leaves(CATALOG.options_schema(application, version)):
        if not node.get("x-managed"):
            yield path, node


@cache
def candidates(application: str, version: str) -> dict[str, list[Any]]:
    """Values that each option takes by itself."""
    return {
        path: values
        for path, node in own_options(application, version)
        if (values := [value for value in guesses(node) if not validate_document(node, value)])
    }


TEXTS = ["", "a", "none", "x@example.org", "https://example.org/", "/srv/x", "10m", "50M", "7"]
TEXTS += ["ldap://h", "amqp://h", "0077", "https://h/{}", "@a:example.org", "1.2"]


def guesses(node: Schema) -> list[Any]:
    if "enum" in node:
        return list(node["enum"])
    found = [node["default"]] if node.get("default") is not None else []
    items = node.get("items")
    entries = guesses(items) if isinstance(items, Mapping) else []
    entries = [entry for entry in entries if not validate_document(items, entry)]
    return [*found, True, False, 0, 1, 25, 0.5, *TEXTS, [], entries[:1], {}]


@cache
def changing(application: str, old: str, new: str) -> list[str]:
    """The options that a migration between the two is about, so that they are drawn often."""
    changes = CATALOG.migrations(application).changes(old, new)
    words = set(re.findall(r"[a-z_0-9-]{4,}", " ".join(map(str, changes))))
    found = [path for path in candidates(application, old) if path.split(".")[-1] in words]
    return found or list(candidates(application, old))
