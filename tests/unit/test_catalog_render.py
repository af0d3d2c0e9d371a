"""Configuration files say what the owner typed, verbatim, and nothing else; or are refused.

Each file is read back by the parser that the application itself uses: Radicale by
`RawConfigParser`, isso by `ConfigParser` without interpolation and, from 0.14 on, with
variables of the environment replaced; Synapse by PyYAML.
"""

from __future__ import annotations

import json
import os
import tomllib
from configparser import ConfigParser, RawConfigParser
from typing import Any
from unittest import mock

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.catalog.documents import render_json, render_toml, render_yaml
from engine.catalog.htpasswd import with_account
from engine.catalog.load import Catalog
from engine.catalog.options import Schema, leaves, value_at, with_value
from engine.catalog.package import ConfigFile, Package, Release
from engine.catalog.placeholders import expand_command
from engine.catalog.render import RenderedFile, file_paths, render_files
from engine.errors import InvalidInput

CATALOG = Catalog.open()
ATTACKS = [
    *("$(reboot)", "`id`", "; rm -rf /", "a\n[auth]\ntype = none", "\n\ttype = none", "%(x)s"),
    *("${HOME}", "$HOME", "${HOMEPORT_DOLLAR}", "$$", "{secret:admin-password}", "{data}", "}}"),
    *("#comment", "; comment", "a # b", "a ; b", " lead", "trail ", "\ttab", "a\r\nb", "\r"),
    *("!!python/object:os.system", "- a: [b", "yes", "null", "~", "0x10", "*alias", "&a", "---"),
    *("'", '"', "\\", "\x00", "\x1b[2J", "\x85", "\u2028", "\ufeff", "\udc80", "é", "\U0001f600"),
    *(
        "=",
        ":",
        "a = b",
        "a: b",
        "[x]",
        "",
        "\n",
        "a\n",
        "\na",
        "a\n\nb",
        "a\n#b",
        "a\n b",
        "../..",
    ),
]
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(max_size=30),
    st.lists(st.sampled_from(ATTACKS), min_size=2, max_size=3).map("".join),
)

BINDINGS: dict[str, str | int] = {
    "root": "",
    "config": "/etc/app",
    "data": "/srv/app",
    "run": "/run/app",
    "venv": "/opt",
    "address": "127.0.0.5",
    "port": 5000,
    "domain": "app.test",
    "public_port": 8443,
    "url": "https://app.test:8443",
    "name": "app",
    "account": "admin",
    "postgresql.host": "127.0.0.5",
    "postgresql.port": 5432,
    "postgresql.database": "synapse",
    "postgresql.username": "synapse",
    "postgresql.ssl_mode": "prefer",
    "postgresql.ca_file": "",
    "redis.host": "127.0.0.5",
    "redis.port": 6379,
}


RELAY: dict[str, str | int] = {
    "smtp.host": "mail.test",
    "smtp.port": 587,
    "smtp.username": "hp-synapse@test",
    "smtp.sender": "hp-synapse@test",
    "smtp.tls": False,
}


def bindings(package: Package) -> dict[str, str | int]:
    return BINDINGS | {f"secret:{name}": f"value-of-{name}" for name in package.secrets}


def main_file(application: str, version: str, values: dict[str, Any]) -> RenderedFile:
    package = CATALOG.package(application)
    schema = CATALOG.options_schema(application, version)
    alone = package.model_copy(update={"config": package.config[:1]})
    return render_files(alone, package.release(version), schema, values, bindings(package))[0]


def outcome(application: str, version: str, values: dict[str, Any]) -> bytes | InvalidInput:
    """The main configuration file, or why there is none."""
    try:
        return main_file(application, version, values).data
    except InvalidInput as refused:
        return refused


def text_options(schema: Schema) -> list[str]:
    return [
        path
        for path, node in leaves(schema)
        if node.get("type") == "string" and not node.get("x-managed")
    ]


# --- INI --------------------------------------------------------------------------------

INI_RELEASES = [
    (app, release.version)
    for app in ("radicale", "isso")
    for release in CATALOG.package(app).releases
]


def read_ini(application: str, version: str, data: bytes) -> dict[str, str]:
    """All options as the application itself gets them: "section.option" -> text."""
    text = data.decode()
    if application == "radicale":
        parser = RawConfigParser()
    else:
        parser = ConfigParser(allow_no_value=True, interpolation=None)
    parser.read_string(text)
    found = {
        f"{section}.{option}": parser.get(section, option)
        for section in parser.sections()
        for option in parser.options(section)
    }
    if (application, version) == ("isso", "0.14.0"):
        environment = CATALOG.package("isso").service.environment | {"HOME": "/stolen"}
        with mock.patch.dict(os.environ, environment):
            found = {path: os.path.expandvars(text) for path, text in found.items()}
    return found


@settings(deadline=None)
@given(data=st.data(), value=hostile)
@pytest.mark.parametrize(("application", "version"), INI_RELEASES)
def test_any_text_arrives_verbatim_in_an_ini_file_or_is_refused(
    application: str, version: str, data: st.DataObject, value: str
) -> None:
    path = data.draw(st.sampled_from(text_options(CATALOG.options_schema(application, version))))
    before = read_ini(application, version, main_file(application, version, {}).data)
    written = outcome(application, version, with_value({}, path, value))
    if isinstance(written, InvalidInput):
        assert written.on == path
        assert written.why
        assert value.strip() != value or "\n" in value or not value.isprintable()
    else:
        assert read_ini(application, version, written) == {**before, path: value}


@settings(deadline=None)
@given(name=hostile, value=hostile)
def test_names_that_owners_choose_change_no_other_option(name: str, value: str) -> None:
    before = read_ini("radicale", "3.9.0", main_file("radicale", "3.9.0", {}).data)
    written = outcome("radicale", "3.9.0", {"headers": {name: value}})
    if isinstance(written, InvalidInput):
        assert written.on == f"headers.{name}"
    else:
        assert read_ini("radicale", "3.9.0", written) == {**before, f"headers.{name}": value}


@settings(deadline=None)
@given(items=st.lists(hostile, max_size=4), version=st.sampled_from(["0.14.0", "0.13.0"]))
@pytest.mark.parametrize(
    ("path", "separator"), [("general.host", "\n"), ("markup.allowed-elements", ",")]
)
def test_the_entries_of_a_list_stay_apart(
    path: str, separator: str, items: list[str], version: str
) -> None:
    before = read_ini("isso", version, main_file("isso", version, {}).data)
    written = outcome("isso", version, with_value({}, path, items))
    if isinstance(written, InvalidInput):
        assert written.on == path
        return
    found = read_ini("isso", version, written)
    text = found.pop(path)
    assert [item.strip() for item in text.split(separator) if item.strip()] == items
    before.pop(path, None)
    assert found == before


def test_a_template_of_several_lines_is_carried() -> None:
    text = "Hello $attendee_name,\n\nyou are invited: 100 % sure; bring #1."
    values = {"hook": {"updated_event_template": text}}
    for version in ("3.9.0", "3.5.10"):
        found = read_ini("radicale", version, main_file("radicale", version, values).data)
        assert found["hook.updated_event_template"] == text


def test_a_refusal_says_what_is_wrong_without_the_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        main_file("radicale", "3.9.0", {"auth": {"realm": "ours "}})
    assert caught.value.on == "auth.realm"
    assert caught.value.why == (
        "a line of it begins or ends with a space, which the application cuts off"
    )


# --- YAML, JSON, TOML -------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(data=st.data(), value=hostile)
@pytest.mark.parametrize("version", [r.version for r in CATALOG.package("synapse").releases])
def test_any_text_arrives_verbatim_in_a_yaml_file_or_is_refused(
    version: str, data: st.DataObject, value: str
) -> None:
    path = data.draw(st.sampled_from(text_options(CATALOG.options_schema("synapse", version))))
    before = yaml.safe_load(BASE[version])
    written = outcome("synapse", version, with_value({}, path, value))
    if isinstance(written, InvalidInput):
        assert written.on == path
        return
    found = yaml.safe_load(written)
    assert value_at(found, path) == value
    assert found == with_value(before, path, value)


BASE = {
    release.version: main_file("synapse", release.version, {}).data
    for release in CATALOG.package("synapse").releases
}

trees = st.dictionaries(
    hostile,
    st.recursive(
        st.booleans() | st.integers() | st.floats(allow_nan=False) | hostile,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(deadline=None)
@given(document=trees)
@example(document={"infinite": float("inf"), "list": [float("-inf")]})
@pytest.mark.parametrize(
    ("write", "read"),
    [
        (render_yaml, yaml.safe_load),
        (render_json, json.loads),
        (render_toml, lambda data: tomllib.loads(data.decode())),
    ],
)
def test_a_document_is_read_back_as_it_was_or_refused(
    write: Any, read: Any, document: dict[str, Any]
) -> None:
    try:
        data = write(document)
    except InvalidInput:
        words = json.dumps(document, ensure_ascii=False)
        assert not words.isprintable() or (write is render_json and "Infinity" in words)
        return
    assert read(data) == document


# --- htpasswd ---------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    others=st.lists(
        st.sampled_from(["anna:$2b$12$abc", "# note", "", "odd:line:more"]), max_size=3
    ),
    name=hostile,
    password=st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=20),
)
def test_an_account_is_one_line_and_other_lines_stay(
    others: list[str], name: str, password: str
) -> None:
    from passlib.hash import sha512_crypt

    existing = "".join(f"{line}\n" for line in others).encode()
    try:
        data = with_account(existing, name, password)
    except InvalidInput:
        assert name.strip() != name or not name or not name.isprintable() or set(name) & set(":#")
        return
    *kept, own = data.decode().removesuffix("\n").split("\n")
    assert kept == [line for line in others if line.split(":")[0] != name]
    found, _, known = own.partition(":")
    assert found == name
    assert sha512_crypt.verify(password, known)
    assert with_account(data, name, password) == data


def test_a_new_password_replaces_the_line_of_its_account() -> None:
    first = with_account(b"anna:$2b$12$abc\n", "admin", "one")
    second = with_account(first, "admin", "two")
    assert second != first
    assert second.count(b"admin:") == 1
    assert second.startswith(b"anna:$2b$12$abc\n")


# --- whole packages ---------------------------------------------------------------------


def rendered(application: str, values: dict[str, Any], **changes: Any) -> list[RenderedFile]:
    package = CATALOG.package(application)
    schema = CATALOG.options_schema(application)
    return render_files(
        package, package.release(), schema, values, bindings(package) | changes, existing=None
    )


def test_what_homeport_decides_wins_and_a_preset_gives_way() -> None:
    values = {"server": {"hosts": "0.0.0.0:80"}, "auth": {"type": "ldap"}}
    found = read_ini("radicale", "3.9.0", rendered("radicale", values)[0].data)
    assert found["server.hosts"] == "127.0.0.5:5000"
    assert found["auth.type"] == "ldap"
    assert read_ini("radicale", "3.9.0", rendered("radicale", {})[0].data)["auth.type"] == (
        "htpasswd"
    )


def test_the_same_input_gives_the_same_files() -> None:
    package = CATALOG.package("radicale")
    first = rendered("radicale", {})
    again = render_files(
        package,
        package.release(),
        CATALOG.options_schema("radicale"),
        {},
        bindings(package),
        existing={file.path: file.data for file in first},
    )
    assert again == first
    assert [file.path for file in first] == list(file_paths(package, BINDINGS))


@pytest.mark.parametrize("application", ["radicale", "isso", "synapse"])
def test_files_with_secrets_are_closed_and_do_not_show_them(application: str) -> None:
    package = CATALOG.package(application)
    for file in rendered(application, {}):
        assert file.mode & 0o007 == 0
        assert "value-of" not in repr(file)
    used = b"".join(file.data for file in rendered(application, {}, **RELAY)).decode()
    for name in package.secrets:
        if application != "radicale" and (application, name) != ("synapse", "admin-password"):
            assert f"value-of-{name}" in used


def test_an_account_at_the_providers_mail_server_is_used_whole_or_not_at_all() -> None:
    def mail_of(values: dict[str, Any], other: dict[str, str | int]) -> Any:
        return yaml.safe_load(rendered("synapse", values, **other)[0].data).get("email")

    assert mail_of({}, {}) is None
    assert mail_of({}, RELAY) == {
        "smtp_host": "mail.test",
        "smtp_port": 587,
        "smtp_user": "hp-synapse@test",
        "smtp_pass": "value-of-smtp-password",
        "force_tls": False,
        "require_transport_security": True,
        "notif_from": "%(app)s <hp-synapse@test>",
    }
    assert mail_of({"email": {"app_name": "Chat"}}, RELAY)["smtp_host"] == "mail.test"
    own = {"email": {"smtp_host": "mail.elsewhere"}}
    assert mail_of(own, RELAY) == own["email"]


def test_a_secret_option_is_written_in_place_of_its_reference() -> None:
    values = {"auth": {"ldap_secret": "secret:option.auth.ldap_secret"}}
    extra = {"secret:option.auth.ldap_secret": "it's % $ecret"}
    found = read_ini("radicale", "3.9.0", rendered("radicale", values, **extra)[0].data)
    assert found["auth.ldap_secret"] == "it's % $ecret"


def test_synapse_files_are_whole() -> None:
    homeserver, key, log = rendered("synapse", {"max_upload_size": "1G"})
    config = yaml.safe_load(homeserver.data)
    assert config["listeners"][0]["port"] == 5000
    assert config["database"]["args"]["password"] == "value-of-postgresql-password"
    assert config["max_upload_size"] == "1G"
    assert config["public_baseurl"] == "https://app.test:8443/"
    assert key.data == b"ed25519 a_homeport value-of-signing-key\n"
    assert (key.mode, homeserver.mode) == (0o600, 0o640)
    assert yaml.safe_load(log.data)["loggers"]["synapse.storage.SQL"] == {"level": "INFO"}


# --- packages that are wrong ------------------------------------------------------------


def package_with(file: ConfigFile, release: Release | None = None) -> Package:
    radicale = CATALOG.package("radicale")
    return radicale.model_copy(
        update={"config": (file,), "releases": (release or radicale.release(),)}
    )


@pytest.mark.parametrize("place", ["settings", "presets", "release", "text"])
def test_a_secret_is_not_written_where_everybody_reads(place: str) -> None:
    asked = {"server.certificate": "{secret:admin-password}"}
    file = ConfigFile(path="{config}/a", format="ini", mode="0644")
    release = CATALOG.package("radicale").release()
    if place == "release":
        release = release.model_copy(update={"settings": asked})
    elif place == "text":
        update = {"format": "text", "text": "{secret:admin-password}"}
        file = file.model_copy(update=update)
    else:
        file = file.model_copy(update={place: asked})
    package = package_with(file, release)
    with pytest.raises(InvalidInput, match="everybody can read"):
        render_files(package, release, CATALOG.options_schema("radicale"), {}, bindings(package))


def test_a_placeholder_that_nothing_fills_is_an_error() -> None:
    file = ConfigFile(path="{config}/a", format="text", text="{no-such}")
    package = package_with(file)
    with pytest.raises(InvalidInput, match="no-such"):
        render_files(package, package.release(), {}, {}, BINDINGS)


def test_a_secret_is_refused_in_a_command() -> None:
    with pytest.raises(InvalidInput, match="may not stand in a command"):
        expand_command(["app", "--password", "{secret:x}"], {"secret:x": "v"})
