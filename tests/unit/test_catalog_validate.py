"""The engine's gate for options says what is wrong in words that need no schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.catalog.load import Catalog
from engine.catalog.options import leaves, with_value
from engine.catalog.validate import problems

CATALOG = Catalog.open()
RELEASES = [
    (package.id, release.version) for package in CATALOG.packages() for release in package.releases
]


@pytest.mark.parametrize(
    ("application", "path", "value", "message"),
    [
        ("radicale", "server.timeout", "soon", "must be a number"),
        ("radicale", "server.max_connections", 10001, "must be at most 10000"),
        ("radicale", "auth.type", "pam", "must be one of: htpasswd, ldap"),
        ("radicale", "auth.delay", None, "must be a number"),
        ("radicale", "encoding.request", "u" * 41, "can have at most 40 characters (has 41)"),
        ("isso", "general.host", ["blog.example.org"], "is not written in the way"),
        ("isso", "general.notify", [], "must have at least 1 entry"),
        ("isso", "moderation.enabled", "yes", "must be yes or no"),
        ("synapse", "max_upload_size", "fifty", "is not written in the way"),
        ("synapse", "report_stats", 1, "must be yes or no"),
    ],
)
def test_a_wrong_value_is_explained_at_its_option(
    application: str, path: str, value: Any, message: str
) -> None:
    found = problems(CATALOG.options_schema(application), with_value({}, path, value))
    assert [problem.path.removesuffix(".0") for problem in found] == [path]
    assert found[0].message.startswith(message)


def test_a_misspelt_option_is_answered_with_the_right_one() -> None:
    (found,) = problems(CATALOG.options_schema("radicale"), {"auth": {"delai": 1}})
    assert found.path == "auth.delai"
    assert found.message == "there is no such option"
    assert found.do == "did you mean delay?"


@pytest.mark.parametrize(("application", "version"), RELEASES)
def test_what_homeport_decides_cannot_be_set(application: str, version: str) -> None:
    schema = CATALOG.options_schema(application, version)
    managed = {
        path: node.get("default", {"array": [], "integer": 1, "object": {}}.get(node["type"], ""))
        for path, node in leaves(schema)
        if node.get("x-managed")
    }
    assert managed
    for path, value in managed.items():
        found = problems(schema, with_value({}, path, value))
        assert any(
            problem.path == path and "is set by Homeport" in problem.message for problem in found
        ), path


@pytest.mark.parametrize(("application", "version"), RELEASES)
def test_the_defaults_of_a_release_are_valid_together(application: str, version: str) -> None:
    schema = CATALOG.options_schema(application, version)
    document: dict[str, Any] = {}
    for path, node in leaves(schema):
        if "default" in node and not node.get("x-managed") and node["default"] is not None:
            document = with_value(document, path, node["default"])
    assert problems(schema, document) == []


def test_a_reference_to_a_secret_is_a_value() -> None:
    document = {"auth": {"ldap_secret": "secret:option.auth.ldap_secret"}}
    assert problems(CATALOG.options_schema("radicale"), document) == []


def test_no_message_repeats_a_value_that_may_be_secret() -> None:
    canary = "canary\n-41b7"
    for application, version in RELEASES:
        schema = CATALOG.options_schema(application, version)
        for path, _ in leaves(schema):
            for problem in problems(schema, with_value({}, path, canary)):
                assert canary not in json.dumps([problem.message, problem.do], ensure_ascii=False)
                assert "41b7" not in problem.message + problem.do
