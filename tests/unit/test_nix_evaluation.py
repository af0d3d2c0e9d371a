"""Modules are evaluated for their rename markers, within limits, by the real nix-instantiate."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.errors import InvalidInput
from engine.nix.evaluator import Limits
from engine.nix.markers import Marker
from engine.nix.modules import ModulesRead, read_modules

needs_nix = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None,
    reason="nix-instantiate is not installed (apt install nix-bin)",
)

CALLS = """
    (lib.mkRenamedOptionModule [ "a" ] [ "in" "a" ])
    (lib.mkRenamedOptionModuleWith { sinceRelease = 2405; from = [ "b" ]; to = [ "in" "b" ]; })
    (lib.modules.mkAliasOptionModule [ "c" ] [ "in" "c" ])
    (lib.mkAliasOptionModuleMD [ "d" ] [ "in" "d" ])
    (lib.mkChangedOptionModule [ "e" ] [ "in" "e" ] (config: config.nothing))
    (lib.mkMergedOptionModule [ [ "f" ] [ "g" ] ] [ "in" "f" ] (config: throw "not called"))
    (lib.mkRemovedOptionModule [ "h" ] "Use in.h.")
    (lib.doRename { from = [ "i" ]; to = [ "in" "i" ]; visible = false; warn = false; use = x: x; })
"""
KINDS = ["renamed", "renamed", "alias", "alias", "changed", "merged", "removed", "alias"]


def _said(markers: Sequence[Marker]) -> list[tuple[str, str, str]]:
    return [
        (marker.kind, " ".join(map(".".join, marker.old)), ".".join(marker.new))
        for marker in markers
    ]


def _evaluated(place: Path, limits: Limits | None = None, **modules: str) -> ModulesRead:
    for name, text in modules.items():
        (place / f"{name}.nix").write_text(text)
    return read_modules(place, "auto", limits)


@needs_nix
def test_every_kind_of_marker_is_found(tmp_path: Path) -> None:
    read = _evaluated(tmp_path, web="{ lib, ... }: { imports = [" + CALLS + "]; }")
    assert [marker.kind for marker in read.markers] == KINDS
    assert _said(read.markers)[4:7] == [
        ("changed", "e", "in.e"),
        ("merged", "f g", "in.f"),
        ("removed", "h", ""),
    ]
    assert read.markers[6].text == "Use in.h."
    assert read.markers[0].place == "web.nix:2"
    assert (read.notes, read.unresolved, read.evaluated) == ([], [], 1)


@needs_nix
@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("submodule MODULE", "web"),
        ("attrsOf (submodule ({ name, config, ... }: MODULE))", "web.<name>"),
        ("nullOr (listOf (submodule [ MODULE ]))", "web.*"),
        ("attrsWith { elemType = submodule MODULE; placeholder = x; }", "web.<host>"),
        ("attrTag { some = lib.mkOption { type = submodule MODULE; }; }", "web.some"),
        ("either bool (coercedTo str (x: { }) (submoduleWith { modules = [ MODULE ]; }))", "web"),
        ("deferredModuleWith { staticModules = [ MODULE ]; }", "web"),
        ("submodule { imports = [ { options.deep = lib.mkOption { type = attrsOf (submodule "
         "MODULE); }; } ]; }", "web.deep.<name>"),
    ],
)  # fmt: skip
def test_every_kind_of_marker_is_found_inside_submodules(
    tmp_path: Path, kind: str, place: str
) -> None:
    module = "{ imports = [" + CALLS + "]; }"
    source = (
        '{ lib, ... }: let x = "host"; in with lib.types; '
        "{ options.web = lib.mkOption { type = TYPE; }; }"
    )
    read = _evaluated(tmp_path, web=source.replace("TYPE", kind).replace("MODULE", module))
    assert [marker.kind for marker in read.markers] == KINDS
    assert _said(read.markers)[4:7] == [
        ("changed", f"{place}.e", f"{place}.in.e"),
        ("merged", f"{place}.f {place}.g", f"{place}.in.f"),
        ("removed", f"{place}.h", ""),
    ]
    assert read.notes == []


@needs_nix
def test_computed_markers_come_out_and_what_a_configuration_decides_does_not_stop_them(
    tmp_path: Path,
) -> None:
    source = """
    { config, lib, pkgs, utils, someArgument, ... }:
    let cfg = config.services.web; format = pkgs.formats.json { }; inherit (config) x; in
    {
      imports =
        lib.mapAttrsToList (old: new: lib.mkRenamedOptionModule [ "web" old ] [ "web" new ])
          { host = "address"; }
        ++ [ someArgument ./other.nix (lib.mkRemovedOptionModule [ "web" "x" ] "Gone: ${cfg.y}") ];
      options.web.settings = lib.mkOption {
        type = lib.types.submodule { freeformType = format.type; imports = [ MARKER ]; };
        default = cfg.settings;
      };
      options.web.other = lib.mkOption { type = format.type; };
      config = lib.mkIf cfg.enable (throw "not asked for");
    }
    """.replace("MARKER", '(lib.mkRenamedOptionModule [ "a" ] [ "b" ])')
    read = _evaluated(tmp_path, web=source)
    assert _said(read.markers) == [
        ("renamed", "web.host", "web.address"),
        ("removed", "web.x", ""),
        ("renamed", "web.settings.a", "web.settings.b"),
    ]
    assert read.markers[1].text == ""
    assert read.notes == []


@needs_nix
def test_an_import_that_is_not_known_leaves_what_the_source_says(tmp_path: Path) -> None:
    source = """
    { config, lib, ... }: {
      imports = [
        (lib.mkRenamedOptionModule [ "a" ] [ "b" ])
        (lib.mkRenamedOptionModule [ config.name ] [ "c" ])
      ];
    }
    """
    read = _evaluated(tmp_path, web=source)
    assert _said(read.markers) == [("renamed", "a", "b")]
    assert [item.line for item in read.unresolved] == [5]


@needs_nix
def test_the_file_of_a_submodule_is_read_where_it_is_used(tmp_path: Path) -> None:
    inside = '{ lib, name }: { imports = [ (lib.mkRenamedOptionModule [ "a" ] [ "b" ]) ]; }'
    source = """
    { lib, ... }: {
      options.hosts = lib.mkOption { type = with lib.types; attrsOf (submodule ./host.nix); };
      options.main = lib.mkOption {
        type = lib.types.submodule (import ./host.nix { inherit lib; name = "main"; });
      };
    }
    """
    read = _evaluated(tmp_path, host=inside, web=source)
    assert _said(read.markers) == [
        ("renamed", "hosts.<name>.a", "hosts.<name>.b"),
        ("renamed", "main.a", "main.b"),
    ]
    assert {marker.place for marker in read.markers} == {"host.nix:1"}


@needs_nix
def test_a_submodule_that_cannot_be_evaluated_leaves_the_imports_of_its_module(
    tmp_path: Path,
) -> None:
    source = """
    { lib, ... }: {
      imports = map (n: lib.mkRenamedOptionModule [ n ] [ "new" n ]) (lib.splitString "," "a,b");
      options.web = lib.mkOption {
        type = lib.types.submodule {
          imports = [ ./missing.nix (lib.mkRenamedOptionModule [ "c" ] [ "d" ]) ];
        };
      };
    }
    """
    read = _evaluated(tmp_path, web=source)
    assert _said(read.markers) == [
        ("renamed", "a", "new.a"),
        ("renamed", "b", "new.b"),
        ("renamed", "web.c", "web.d"),
    ]
    assert read.unresolved == []
    assert read.notes[0].startswith("web.nix: its submodules are read from the source, ")


@needs_nix
def test_a_submodule_that_holds_itself_ends(tmp_path: Path) -> None:
    source = """
    { lib, ... }:
    let node = lib.types.submodule {
      imports = [ (lib.mkRemovedOptionModule [ "x" ] "") ];
      options.nodes = lib.mkOption { type = lib.types.attrsOf node; };
      options.value = lib.mkOption { type = json; };
    };
    json = with lib.types; oneOf [ str (listOf json) (attrsOf json) ];
    in { options.tree = lib.mkOption { type = node; }; }
    """
    read = _evaluated(tmp_path, web=source)
    assert _said(read.markers)[:2] == [
        ("removed", "tree.x", ""),
        ("removed", "tree.nodes.<name>.x", ""),
    ]
    assert read.notes == []


@needs_nix
def test_the_lib_of_a_nixpkgs_is_taken_and_only_its_nixos_is_read(tmp_path: Path) -> None:
    modules, lib = tmp_path / "nixos" / "modules", tmp_path / "lib"
    modules.mkdir(parents=True)
    lib.mkdir()
    (tmp_path / "package.nix").write_text("mkRemovedOptionModule [ ")
    (lib / "modules.nix").write_text(
        "{ mkRemovedOptionModule = throw ''theirs''; mkRenamedOptionModule = throw ''theirs''; }"
    )
    (lib / "default.nix").write_text(
        """
        let grown = overlay: let lib = base lib // overlay lib (base lib); in lib;
            base = lib: {
              modules = import ./modules.nix;
              inherit (lib.modules) mkRemovedOptionModule mkRenamedOptionModule;
              ours = "web";
              extend = grown;
            };
        in grown (final: prev: { })
        """
    )
    (modules / "web.nix").write_text(
        '{ lib, modulesPath, ... }: { imports = [ "${modulesPath}/x.nix" '
        '(lib.mkRenamedOptionModule [ (builtins.readFile ../x) ] [ "c" ]) '
        '(lib.modules.mkRemovedOptionModule [ lib.ours "a" ] "") '
        '(lib.mkRemovedOptionModule [ lib.ours "b" ] "") ]; }'
    )
    (modules.parent / "x").write_text("x")
    wanted = [("renamed", "x", "c"), ("removed", "web.a", ""), ("removed", "web.b", "")]
    for place in (tmp_path, modules):
        read = read_modules(place, "evaluation")
        assert _said(read.markers) == wanted
        assert read.markers[1].place == "web.nix"


FORBIDDEN = {
    "a file": "builtins.readFile /etc/passwd",
    "a file through a link": "builtins.readFile ./link",
    "a directory": "builtins.attrNames (builtins.readDir /.)",
    "the search path": "import <nixpkgs>",
    "the network": 'builtins.fetchurl "http://127.0.0.1:9/x"',
    "a repository": 'builtins.fetchGit "file:///"',
    "a program": 'builtins.exec [ "id" ]',
    "a build": 'import (derivation { name = "x"; system = "x"; builder = "/bin/sh"; })',
}


@needs_nix
@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_module_reaches_nothing_outside(tmp_path: Path, what: str) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    source = '{ lib, ... }: { imports = [ (lib.mkRemovedOptionModule [ "a" ] (WHAT)) ]; }'
    told = (
        f'{{ imports = [ (lib.mkRemovedOptionModule [ "a" ("b" + ({FORBIDDEN[what]})) ] "") ]; }}'
    )
    read = _evaluated(
        tmp_path,
        bad="{ lib, ... }: " + told,
        good=source.replace("WHAT", '"Well."'),
    )
    assert [(marker.file, marker.text) for marker in read.markers] == [("good.nix", "Well.")]
    said = [*read.notes, *(f"{item.file}: computed" for item in read.unresolved)]
    assert said[0].startswith("bad.nix: ")
    assert "root:" not in "".join(said)


@needs_nix
def test_the_environment_and_settings_of_the_user_do_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEPORT_SECRET", "shown")
    monkeypatch.setenv("NIX_PATH", "nixpkgs=/")
    monkeypatch.setenv("NIX_CONFIG", "restrict-eval = false")
    source = '{ lib, ... }: { imports = [ (lib.mkRemovedOptionModule [ "a" WHAT ] "") ]; }'
    read = _evaluated(
        tmp_path,
        secret=source.replace("WHAT", '("b" + builtins.getEnv "HOMEPORT_SECRET")'),
        path=source.replace("WHAT", "(builtins.readFile /etc/hostname)"),
    )
    assert _said(read.markers) == [("removed", "a.b", "")]


GOOD = '{ lib, ... }: { imports = [ (lib.mkRemovedOptionModule [ "a" ] "") ]; }'
ENDLESS = """{ lib, ... }: {
  imports = [ (lib.mkRenamedOptionModule [ "b" ] [ "c" ]) ]
    ++ (let f = n: if n < 2 then n else f (n - 1) + f (n - 2); in if f 70 == 0 then [ ] else [ ]);
}"""
HUGE = """{ lib, ... }: {
  imports = [ (lib.mkRenamedOptionModule [ "d" ] [ "e" ]) ]
    ++ builtins.filter (x: x == 1) (builtins.concatLists (builtins.genList
      (x: builtins.genList (y: y) 1000000) 1000));
}"""


@needs_nix
def test_a_module_that_takes_too_long_is_read_from_its_source(tmp_path: Path) -> None:
    limits = Limits(seconds=60, module_seconds=0.5)
    read = _evaluated(tmp_path, limits, endless=ENDLESS, good=GOOD)
    assert _said(read.markers) == [("renamed", "b", "c"), ("removed", "a", "")]
    assert read.notes == [
        "endless.nix: it is read from the source, for evaluation failed: "
        "it took longer than its time limit (0.5 s)"
    ]


@needs_nix
def test_the_time_limit_of_all_modules_holds(tmp_path: Path) -> None:
    limits = Limits(seconds=0.4, module_seconds=60)
    read = _evaluated(tmp_path, limits, endless=ENDLESS, good=GOOD)
    assert _said(read.markers) == [("renamed", "b", "c"), ("removed", "a", "")]
    assert [note.partition("failed: ")[2] for note in read.notes] == [
        "the time limit of 0.4 s for all modules was reached"
    ] * 2


@needs_nix
def test_a_module_that_needs_too_much_memory_is_read_from_its_source(tmp_path: Path) -> None:
    read = _evaluated(tmp_path, Limits(memory_mib=300), huge=HUGE, good=GOOD)
    assert _said(read.markers) == [("removed", "a", ""), ("renamed", "d", "e")]
    assert "it needs more than its memory limit (300 MiB)" in read.notes[0]


@needs_nix
@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{ lib, ... }: { imports = [ (lib.noSuchThing ", "syntax error"),
        ("{ lib, ... }: { imports = [ (lib.mkRemovedOptionModule 1 2 3) ]; }", "function"),
        ("{ lib, ... }: { imports = let f = x: f (x + 1) + 1; in f 0; } # OptionModule", "stack"),
        ("{ lib, ... }: { imports = [ (lib.mkRemovedOptionModule [ 1 ] lib.none) ]; }", "none"),
    ],
)
def test_a_broken_module_is_named_and_the_others_go_on(
    tmp_path: Path, source: str, why: str
) -> None:
    bad = source + "\n# mkRemovedOptionModule [ x ]"
    read = _evaluated(tmp_path, bad=bad, good=GOOD)
    assert ("removed", "a", "") in _said(read.markers)
    assert all(note.startswith("bad.nix: ") and why in note for note in read.notes)


@needs_nix
@pytest.mark.parametrize(
    "module",
    [
        '(lib.mkRemovedOptionModule [ "a" 1 ] "")',
        '(lib.mkRemovedOptionModule "a.b" "")',
        '(lib.mkRenamedOptionModule [ "a" ] { })',
        "{ homeportMarker = { text = 1; old = 1; new = 2; kind = 3; }; }",
        "{ homeportMarker = { text = 1; }; }",
    ],
)
def test_what_is_no_marker_is_left_out(tmp_path: Path, module: str) -> None:
    good = '(lib.mkRemovedOptionModule [ "b" ] "")'
    read = _evaluated(tmp_path, web=f"{{ lib, ... }}: {{ imports = [ {module} {good} ]; }}")
    assert _said(read.markers) == [("removed", "b", "")]


@needs_nix
def test_where_evaluation_is_asked_for_its_failure_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.nix").write_text("mkRemovedOptionModule [ ")
    with pytest.raises(InvalidInput) as raised:
        read_modules(tmp_path, "evaluation")
    assert raised.value.on == "bad.nix"
    assert "syntax error" in raised.value.why
    assert raised.value.do


def test_without_nix_sources_are_read_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "good.nix").write_text(GOOD)
    read = read_modules(tmp_path, "auto", None, lambda name: None)
    assert _said(read.markers) == [("removed", "a", "")]
    assert read.notes[0].startswith("nix-instantiate is not installed: ")
    assert read_modules(tmp_path, "sources").notes == []
    with pytest.raises(InvalidInput) as raised:
        read_modules(tmp_path, "evaluation", None, lambda name: None)
    assert "apt install nix-bin" in raised.value.do


def test_a_directory_without_modules_is_said(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(InvalidInput) as raised:
            read_modules(place)
        assert raised.value.do


def test_an_evaluator_that_cannot_run_is_no_modules_fault(tmp_path: Path) -> None:
    (tmp_path / "good.nix").write_text(GOOD)
    program = tmp_path / "nix-instantiate"
    program.write_text("#!/bin/sh\necho 'error: cannot start' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(InvalidInput) as raised:
        read_modules(tmp_path, "evaluation", None, lambda name: str(program))
    assert (raised.value.why, "sources" in raised.value.do) == ("cannot start", True)
    read = read_modules(tmp_path, "auto", None, lambda name: str(program))
    assert _said(read.markers) == [("removed", "a", "")]
    assert "cannot start" in read.notes[0]


@needs_nix
def test_the_command_puts_markers_of_submodules_at_their_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing, made, modules = (tmp_path / name for name in ("options.json", "made.json", "modules"))
    paths = ["web.hosts", "web.hosts.<host>.address", "web.rules.*.allow", "web.port"]
    kinds = ["attribute set of (submodule)", "string", "boolean", "signed integer"]
    listing.write_text(
        json.dumps(
            {
                path: {"loc": path.split("."), "type": kind}
                for path, kind in zip(paths, kinds, strict=True)
            }
        )
    )
    modules.mkdir()
    (modules / "web.nix").write_text(
        """
        { lib, ... }: {
          imports = map (n: lib.mkRenamedOptionModule [ "web" n ] [ "web" "port" ])
            (lib.splitString " " "listen bind");
          options.web.hosts = lib.mkOption {
            type = lib.types.attrsOf (lib.types.submodule {
              imports = [
                (lib.mkRenamedOptionModule [ "ip" ] [ "address" ])
                (lib.mkRemovedOptionModule [ "root" ] "Use paths.")
              ];
            });
          };
        }
        """
    )
    words = ["schema", "import-nixos", str(listing), "--prefix", "web", "-o", str(made)]
    assert main([*words, "--modules", str(modules)]) == 0
    schema = json.loads(made.read_text())
    assert schema["properties"]["port"]["x-renamed-from"] == ["listen", "bind"]
    host = schema["properties"]["hosts"]["additionalProperties"]
    assert host["properties"]["address"]["x-renamed-from"] == ["hosts.*.ip"]
    assert schema["x-removed"] == {"hosts.*.root": "Use paths."}
    said = capsys.readouterr().err
    assert "3 old names; 0 markers not resolved" in said
    assert "1 modules evaluated" in said

    assert main([*words, "--modules", str(modules), "--read-markers", "sources"]) == 0
    assert "is computed" in capsys.readouterr().err
    for wrong in (["--time-limit", "0"], ["--memory-limit", "much"], ["--read-markers", "x"]):
        with pytest.raises(SystemExit):
            main([*words, "--modules", str(modules), *wrong])
        assert wrong[0] in capsys.readouterr().err
