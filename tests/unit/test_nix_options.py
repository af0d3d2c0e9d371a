"""An options listing of a NixOS release becomes a JSON Schema, and markers are read."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.cli.main import main
from engine.errors import NotFound
from engine.nix.markers import Marker, read_markers
from engine.nix.options import schema_of


def _option(path: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"loc": path.split("."), "type": kind, "declarations": ["m.nix"], **more}


def _code(text: str) -> dict[str, str]:
    return {"_type": "literalExpression", "text": text}


LISTING = {
    option_path: _option(option_path, kind, **more)
    for option_path, kind, more in [
        ("services.web.enable", "boolean", {"default": _code("false"), "description": "Run it."}),
        (
            "services.web.port",
            "16 bit unsigned integer; between 0 and 65535 (both inclusive)",
            {"default": _code("80"), "example": _code("8080")},
        ),
        ("services.web.package", "package", {"default": _code("pkgs.web")}),
        ("services.web.hosts", "attribute set of (submodule)", {"default": _code("{ }")}),
        ("services.web.hosts.<name>.root", "null or absolute path", {"default": _code("null")}),
        ("services.web.rules", "null or (list of (submodule))", {}),
        ("services.web.rules.*.allow", 'one of "a", "b"', {}),
        ("services.web.tls.version", "string", {"readOnly": True}),
        ("services.webhook.enable", "boolean", {}),
    ]
}


def test_a_listing_keeps_types_defaults_and_structure() -> None:
    schema, summary = schema_of(LISTING, ("services", "web"))
    Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert "webhook" not in str(schema)
    assert properties["port"]["default"] == 80
    assert properties["port"]["examples"] == [8080]
    assert properties["port"]["maximum"] == 65535
    assert properties["package"]["x-default-text"] == "pkgs.web"
    assert properties["tls"]["properties"]["version"]["readOnly"] is True
    assert (summary.options, summary.typed) == (8, 7)
    assert summary.notes == ["services.web.package: not a JSON value: package"]


@pytest.mark.parametrize(
    ("values", "valid"),
    [
        ({"port": 80, "hosts": {"a.example": {"root": "/srv"}}, "rules": [{"allow": "a"}]}, True),
        ({"rules": None, "hosts": {"a": {"root": None}}}, True),
        ({"port": 70000}, False),
        ({"hosts": {"a": {"rot": "/srv"}}}, False),
        ({"hosts": {"a": {"root": "srv"}}}, False),
        ({"rules": [{"allow": "c"}]}, False),
        ({"prot": 80}, False),
    ],
)
def test_the_schema_judges_values_as_the_module_would(values: Any, valid: bool) -> None:
    schema, _ = schema_of(LISTING, ("services", "web"))
    assert Draft202012Validator(schema).is_valid(values) is valid


def test_a_prefix_without_options_is_said() -> None:
    with pytest.raises(NotFound):
        schema_of(LISTING, ("services", "mail"))


SOURCE = """
{ config, lib, pkgs, ... }:
with lib;
let
  inherit (lib) mkRemovedOptionModule;
  cfg = [ "services" "web" ];
in {
  imports = [
    # (mkRenamedOptionModule [ "in" "comment" ] [ "x" ])
    (mkRenamedOptionModule [ "services" "web" "listenPort" ] (cfg ++ [ "port" ]))
    (lib.mkRenamedOptionModuleWith {
      sinceRelease = 2405; from = cfg ++ ["old"]; to = cfg ++ ["tls" "version"]; })
    (mkRemovedOptionModule [ "services" "web" "extra" ] ''
      Use rules instead.
    '')
    (mkMergedOptionModule [ (cfg ++ ["a"]) (cfg ++ ["b"]) ] (cfg ++ ["rules"]) (config: [ ]))
    (mkChangedOptionModule (cfg ++ ["root"]) (cfg ++ ["hosts"]) (config: { }))
    (mkAliasOptionModule [ "services" "web" computed ] [ "x" ])
  ] ++ map (n: mkRenamedOptionModule [ "services" "www" n ] [ "services" "web" n ])
    [ "enable" "port" ];
  doc = "call mkRenamedOptionModule [ ] in a string";
}
"""


def test_markers_are_read_and_what_is_computed_is_reported() -> None:
    markers, unresolved = read_markers(SOURCE, "web.nix")
    web = ("services", "web")
    assert [(m.kind, m.old, m.new) for m in markers] == [
        ("renamed", ((*web, "listenPort"),), (*web, "port")),
        ("renamed", ((*web, "old"),), (*web, "tls", "version")),
        ("removed", ((*web, "extra"),), ()),
        ("merged", ((*web, "a"), (*web, "b")), (*web, "rules")),
        ("changed", ((*web, "root"),), (*web, "hosts")),
        ("renamed", (("services", "www", "enable"),), (*web, "enable")),
        ("renamed", (("services", "www", "port"),), (*web, "port")),
    ]
    assert markers[2].text == "Use rules instead.\n"
    assert [(u.line, u.function) for u in unresolved] == [(18, "mkAliasOptionModule")]


def test_a_marker_without_its_end_is_reported() -> None:
    assert read_markers("mkRenamedOptionModule [ ")[1][0].function == "mkRenamedOptionModule"


def test_markers_stand_at_the_options_that_took_over() -> None:
    web = ("services", "web")
    schema, summary = schema_of(
        LISTING,
        web,
        [
            Marker("renamed", ((*web, "listenPort"),), (*web, "port")),
            Marker("removed", ((*web, "extra"),), (), "Use rules."),
            Marker("renamed", ((*web, "x"),), (*web, "nowhere"), "", "m.nix", 3),
        ],
    )
    assert schema["properties"]["port"]["x-renamed-from"] == ["listenPort"]
    assert schema["x-removed"] == {"extra": "Use rules."}
    assert summary.unused_markers == ["m.nix:3: renamed"]
    assert summary.markers_elsewhere == 0
    inside = Marker("renamed", (("host",),), ("address",), "", "m.nix", 9)
    assert schema_of(LISTING, ("services", "web"), [inside])[1].markers_elsewhere == 1


def test_the_command_writes_the_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listing, made = tmp_path / "options.json", tmp_path / "schema.json"
    listing.write_text(json.dumps(LISTING))
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "web.nix").write_text(SOURCE)
    words = ["schema", "import-nixos", str(listing), "--prefix", "services.web"]
    assert main([*words, "-o", str(made), "--modules", str(modules)]) == 0
    schema = json.loads(made.read_text())
    assert schema["properties"]["port"]["x-renamed-from"] == ["listenPort"]
    said = capsys.readouterr().err
    assert "8 options, 7 typed" in said
    assert "web.nix:18: mkAliasOptionModule is computed" in said


def test_values_go_back_to_nix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("port: 80  # plain\nnames: [a, 'b${c}']\nextra: {x y: null}\n")
    words = ["schema", "export-nix", str(values), "--prefix", "services.web"]
    assert main(words) == 0
    module = capsys.readouterr().out
    assert module.startswith("{\n  services.web = {")
    assert r'"b\${c}"' in module
    made = tmp_path / "values.json"
    assert main([*words, "--as", "json", "-o", str(made)]) == 0
    wanted = {"port": 80, "names": ["a", "b${c}"], "extra": {"x y": None}}
    assert json.loads(made.read_text()) == {"services": {"web": wanted}}
    values.write_text("- 1\n")
    assert main(words) == 2
    assert main(["schema", "export-nix", str(tmp_path / "none.yaml")]) == 2
