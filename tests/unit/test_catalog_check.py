"""`homeport catalog check`: the built-in packages have no mistakes; every mistake is found."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from engine.catalog.check import check_package
from engine.catalog.load import load_package
from engine.catalog.package import Package
from engine.catalog.source import read_source
from engine.errors import InvalidInput, NotFound
from forms import validate_document

BROKEN = Path(__file__).parent.parent / "data" / "catalog" / "broken"
BUILT_IN = sorted(path.name for path in schemas.applications().iterdir() if path.is_dir())


def found_in(directory: Path) -> list[str]:
    return [f"{f.file.name}:{f.line}: {f.message}" for f in check_package(directory)]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of Radicale's package, to be damaged."""
    return Path(shutil.copytree(schemas.applications() / "radicale", tmp_path / "radicale"))


@pytest.mark.parametrize("application", BUILT_IN)
def test_a_built_in_package_has_no_mistakes(application: str) -> None:
    directory = schemas.applications() / application
    began = time.process_time()
    assert check_package(directory) == []
    assert time.process_time() - began < 1.5 * len(load_package(directory).releases)


def test_every_mistake_is_found_where_it_stands() -> None:
    found = "".join(
        f"{f.file.name}:{f.line}:{f.column}: {f.message}\n" + (f"    {f.hint}\n" if f.hint else "")
        for f in check_package(BROKEN)
    )
    assert found == (BROKEN / "findings.txt").read_text()


def test_a_catalog_is_checked_package_by_package(package: Path) -> None:
    shutil.copytree(schemas.applications() / "isso", package.parent / "isso")
    assert check_package(package.parent) == []
    (package / "manifest.yaml").write_text("id: radicale")
    assert {finding.file for finding in check_package(package.parent)} == {
        package / "manifest.yaml"
    }


def test_a_directory_without_a_package_is_explained(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no manifest\.yaml"):
        check_package(tmp_path)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "manifest.yaml:1: is empty"),
        ("- a\n", "manifest.yaml:1: a manifest is a list of names and values"),
        ("id: a\n\tname: b\n", "manifest.yaml:2: is not YAML"),
        ("id: a\nname: it: is\n", "manifest.yaml:2: is not YAML: mapping values"),
        ("id: &x a\nname: *x\n", "manifest.yaml:2: *x refers to another part"),
        ("id: a\nname: " + "[" * 5000, "manifest.yaml:2: is nested too deeply"),
        ("id: a\n? [b]\n: c\n", "manifest.yaml:2: is not YAML: a name is a text"),
        ("id: a\non: c\n", "manifest.yaml:2: YAML reads on as yes or no"),
        ("id: a\nname: .nan\n", "manifest.yaml:2: YAML reads .nan as a number"),
        ("id: a\nname: \x07\n", "manifest.yaml:2: holds the character U+0007"),
        ("id: a\nname: 2026-99-99\n", "manifest.yaml:2: YAML reads 2026-99-99 as a date"),
    ],
)
def test_a_manifest_that_is_no_yaml_is_explained(package: Path, text: str, finding: str) -> None:
    (package / "manifest.yaml").write_text(text)
    assert any(found.startswith(finding) for found in found_in(package)), found_in(package)


def test_a_manifest_in_another_encoding_is_explained(package: Path) -> None:
    (package / "manifest.yaml").write_bytes(b"id: a\nname: M\xfcller\n")
    assert found_in(package) == ["manifest.yaml:2: is not UTF-8 text"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{}]", "options-3.9.0.json:1: is not JSON: Extra data"),
        ('{\n"a": 1,\n}', "options-3.9.0.json:3: is not JSON"),
        ('{"type": "object",\n"x-order": NaN}', "options-3.9.0.json:2: NaN is not a JSON value"),
        ("[]", "options-3.9.0.json:1: an options schema is an object in braces"),
        ('{"properties":\n{"a": true}}', "options-3.9.0.json:2: a: an option is described"),
    ],
)
def test_an_options_schema_that_cannot_be_used_is_explained(
    package: Path, text: str, finding: str
) -> None:
    (package / "options-3.9.0.json").write_text(text)
    assert any(found.startswith(finding) for found in found_in(package)), found_in(package)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "$ref", "", "a"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_whatever_is_wrong_is_told_and_never_raised(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("damaged") / "isso"
    shutil.copytree(schemas.applications() / "isso", directory)
    file = directory / data.draw(st.sampled_from(["manifest.yaml", "options-0.14.0.json"]))
    source = read_source(file)
    spot = data.draw(st.sampled_from(sorted(source.values, key=str)))
    file.write_text(json.dumps(_replaced(source.value, spot, data.draw(JSON))))
    check_package(directory)


def _replaced(value: Any, spot: tuple[str | int, ...], new: Any) -> Any:
    if not spot:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[spot[0]] = _replaced(value[spot[0]], spot[1:], new)
    return copied


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    ),
    st.sampled_from([None, 1, "\t"]),
)
def test_every_value_of_a_json_file_is_found_at_its_place(
    tmp_path_factory: pytest.TempPathFactory, value: Any, indent: int | str | None
) -> None:
    file = tmp_path_factory.mktemp("json") / "value.json"
    file.write_text(json.dumps(value, indent=indent))
    source = read_source(file)
    assert (source.value, source.findings) == (value, [])
    lines = file.read_text().split("\n")
    for spot, (line, column) in source.values.items():
        inner = value
        for part in spot:
            inner = inner[part]
        start = json.dumps(inner)[:1] if isinstance(inner, dict | list) else json.dumps(inner)
        assert lines[line - 1][column - 1 :].startswith(start)
    for spot, (line, column) in source.keys.items():
        assert lines[line - 1][column - 1 :].startswith(json.dumps(spot[-1]))


# --- the manifest's JSON Schema, which says the same as the model -------------------------


def manifest_schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((schemas.directory() / "manifest.schema.json").read_bytes())
    return loaded


def test_the_schema_of_manifests_says_what_the_model_says() -> None:
    assert _bare(manifest_schema()) == _bare(Package.model_json_schema(by_alias=True))


def _bare(node: Any) -> Any:
    """A schema without what is there for people only."""
    if isinstance(node, list):
        return [_bare(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    for_people = {"description", "title", "default", "x-pattern-hint", "$schema"}
    return {
        word: {name: _bare(part) for name, part in inner.items()}
        if word in ("properties", "$defs")
        else _bare(inner)
        for word, inner in node.items()
        if word not in for_people
    }


def test_editors_get_a_description_of_everything_in_a_manifest() -> None:
    schema = manifest_schema()
    parts = [schema, *schema["$defs"].values()]
    assert all(node["description"] for part in parts for node in part["properties"].values())


MANIFEST = yaml.safe_load((schemas.applications() / "synapse" / "manifest.yaml").read_text())


@pytest.mark.parametrize(
    ("spot", "value"),
    [
        (("format",), 2),
        (("id",), "Synapse"),
        (("id",), "a\n"),
        (("name",), ""),
        (("homepage",), "ftp://example.org"),
        (("needs", "cores"), "2"),
        (("needs", "cores"), 0),
        (("needs", "components"), ["mysql"]),
        (("secrets", "admin-password", "kind"), "pin"),
        (("secrets", "admin-password", "identity"), "no"),
        (("directories", "{data}/media"), "750"),
        (("config", 0, "format"), "xml"),
        (("config", 0, "mode"), 416),
        (("config", 0, "values"), 1),
        (("service", "exec"), []),
        (("service", "exec"), "synapse"),
        (("service", "port"), 80),
        (("service", "port"), True),
        (("service", "before"), [[]]),
        (("service", "environment"), {"A": 1}),
        (("health",), []),
        (("health", 0, "status"), [99]),
        (("health", 0, "path"), "health"),
        (("accounts", 0, "kind"), "ldap"),
        (("state", 0, "class"), "precious"),
        (("state", 0, "klass"), "cache"),
        (("well_known",), {"matrix/server": "text"}),
        (("releases",), []),
        (("releases", 0, "version"), 1.5),
        (("releases", 0, "options"), "../options.json"),
        (("releases", 0, "notes"), [{"kind": "hint", "text": "?"}]),
        (("unknown",), 1),
    ],
)
def test_schema_and_model_refuse_the_same(
    tmp_path: Path, spot: tuple[str | int, ...], value: Any
) -> None:
    changed = json.loads(json.dumps(MANIFEST))
    within = changed
    for part in spot[:-1]:
        within = within[part]
    within[spot[-1]] = value
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(changed))
    assert validate_document(manifest_schema(), changed)
    with pytest.raises(InvalidInput, match=str(spot[0])):
        load_package(tmp_path)


@pytest.mark.parametrize("application", BUILT_IN)
def test_schema_and_model_accept_the_same(application: str) -> None:
    directory = schemas.applications() / application
    manifest = yaml.safe_load((directory / "manifest.yaml").read_text())
    assert validate_document(manifest_schema(), manifest) == []
    assert load_package(directory).id == application


def test_a_bucket_needs_its_address_and_its_key(package: Path) -> None:
    manifest = yaml.safe_load((package / "manifest.yaml").read_text())
    unit = {"id": "objects", "kind": "s3", "locator": "ships", "class": "irreplaceable"}
    manifest["state"].append(unit)
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    found = "".join(found_in(package))
    assert "does not say where a bucket is" in found
    assert "the bucket has no key" in found
    unit["locator"] = "https://objects.example.org/ships"
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    assert "every deployment would have the same bucket" in "".join(found_in(package))
    unit["locator"] = "https://objects.example.org/ships-{name}"
    secret = {"kind": "token", "length": 40}
    manifest["secrets"] |= {"s3-access-key": secret, "s3-secret-key": dict(secret)}
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    assert found_in(package) == []


def test_a_database_of_mariadb_needs_the_server(package: Path) -> None:
    manifest = yaml.safe_load((package / "manifest.yaml").read_text())
    manifest["state"].append(
        {"id": "base", "kind": "mariadb", "locator": "radicale", "class": "irreplaceable"}
    )
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    assert any("does not need mariadb" in finding for finding in found_in(package))
    manifest["needs"] = {**manifest.get("needs", {}), "components": ["mariadb"]}
    manifest["secrets"] |= {"mariadb-password": {"kind": "token"}}
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    assert found_in(package) == []


def test_regular_work_has_a_moment_a_command_and_a_state_unit(package: Path) -> None:
    def found(timers: Any, **more: Any) -> str:
        changed = {**manifest, **more, "service": {**manifest["service"], "timers": timers}}
        text = yaml.safe_dump(json.loads(json.dumps(changed)), sort_keys=False)
        (package / "manifest.yaml").write_text(text)
        return "".join(found_in(package))

    manifest = yaml.safe_load((package / "manifest.yaml").read_text())
    unit = {"id": "work", "kind": "timers", "locator": "{timers}", "class": "valuable"}
    claimed = [*manifest["state"], unit]
    clean = {"exec": ["{venv}/bin/clean"], "calendar": "Mon..Fri 03:30"}
    assert "when clean last ran" in found({"clean": clean})
    assert found({"clean": clean}, state=claimed) == ""
    assert found({"clean": clean}, ignored={"timer:clean": "it may be done twice"}) == ""
    one = {**unit, "locator": "homeport-{name}-clean.timer"}
    missed = found({"clean": clean, "mail": clean}, state=[*manifest["state"], one])
    assert "when mail last ran" in missed
    assert "clean last" not in missed
    for changes, message in (
        ({"calendar": "*:*/5"}, "*/5 in *:*/5 is no number"),
        ({"calendar": "2027-01-01"}, "a year is named"),
        ({"exec": ["clean"]}, "started by its path"),
        ({"environment": {"A-B": "1"}}, "no variable can be called A-B"),
        ({"exec": ["{venv}/bin/x", "{timers}"]}, "{timers} is there for the state unit"),
        ({"exec": ["{venv}/bin/x", "{secret:admin-password}"]}, "a secret can be read by others"),
    ):
        assert message in found({"clean": {**clean, **changes}}, state=claimed)
    assert "no timer can be called Clean" in found({"Clean": clean}, state=claimed)
    with pytest.raises(InvalidInput, match="Clean"):
        load_package(package)
    assert "the service has no timers" in found({}, state=claimed)
    found({"clean": {**clean, "calendar": "sometimes"}}, state=claimed)
    with pytest.raises(InvalidInput, match="no day of the week"):
        load_package(package)
    only = "only the method debian makes timers"
    assert only in found({"clean": clean}, method="nixos", module="services.radicale")


def test_records_know_only_what_dns_can_be_told(package: Path) -> None:
    manifest = yaml.safe_load((package / "manifest.yaml").read_text())
    record = {"name": "_caldavs._tcp", "type": "SRV", "values": ["0 1 {port} {address}"]}
    manifest["records"] = [record]
    manifest["well_known"] = {"x": {"at": "{public_address}"}}
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    found = "".join(found_in(package))
    for message in (
        "{port} is not known in a record",
        "{address} is not known in a record",
        "{public_address} is there for the values of records only",
    ):
        assert message in found
    del manifest["well_known"]
    record["values"] = ["0 1 {public_port} @"]
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    assert found_in(package) == []
    manifest["records"] = [record, record]
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    with pytest.raises(InvalidInput, match="records"):
        load_package(package)
    manifest["records"] = [{"name": "@", "type": "CNAME", "values": ["elsewhere.example"]}]
    (package / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    with pytest.raises(InvalidInput, match="Homeport's to write"):
        load_package(package)
