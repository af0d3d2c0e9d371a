"""A marker inside a submodule stands at the path of the submodule's option."""

import shutil
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.nix.markers import read_markers
from engine.nix.modules import read_modules


def _olds(source: str) -> list[str]:
    markers, _ = read_markers(source)
    return [
        ".".join(path) + ("" if marker.placed else " (unplaced)")
        for marker in markers
        for path in marker.old
    ]


WORDS = [
    "let",
    "in",
    "with",
    "rec",
    "inherit",
    "options",
    "imports",
    "a",
    "mkOption",
    "type",
    "submodule",
    "attrsOf",
    "++",
    "//",
]
CALL = '(lib.mkRenamedOptionModule [ "old" ] [ "new" ])'


KINDS = {
    "types.attrsOf (types.submodule MODULE)": "<name>.",
    "with types; nullOr (listOf (submodule MODULE))": "*.",
    "lib.types.lazyAttrsOf (lib.types.listOf (lib.types.submodule MODULE))": "<name>.*.",
    "types.either types.bool (types.submodule MODULE)": "",
    "types.submodule [ MODULE ]": "",
    "types.submoduleWith { modules = [ MODULE ]; shorthandOnlyDefinesConfig = true; }": "",
    "types.attrsWith { elemType = types.submodule MODULE; placeholder = name; }": "<name>.",
    "let inner = types.submodule MODULE; in types.attrsOf inner": "<name>.",
}
MODULES = [
    "{ imports = [ CALL ]; }",
    "({ name, config, ... }: { options.new = mkOption { }; imports = [ CALL ]; })",
    "({ ... }: let x = 1; in rec { imports = let y = 2; in [ CALL ] ++ more; })",
]
SYSTEMS = [
    "{ options.services.web.hosts = mkOption { default = { }; type = TYPE; }; }",
    '{ options = { services."web" = { hosts = lib.mkOption { type = TYPE; }; }; }; }',
    "let cfg = config.services.web; in with lib; "
    "{ meta = { }; options.services = { web.hosts = mkOption (rec { type = TYPE; }); }; }",
]


def _sources() -> list[tuple[str, str]]:
    """Sources of modules, each with the path of what its marker calls old."""
    before = '{ config, lib, ... }: with lib; let more = [ ]; name = "name"; in '
    return [
        (
            before + system.replace("TYPE", kind).replace("MODULE", module).replace("CALL", CALL),
            f"services.web.hosts.{below}old",
        )
        for system, (kind, below), module in product(SYSTEMS, KINDS.items(), MODULES)
    ]


@pytest.mark.parametrize(("source", "old"), _sources())
def test_the_path_is_read_from_what_stands_around(source: str, old: str) -> None:
    assert _olds(source) == [old]


@pytest.mark.skipif(
    shutil.which("nix-instantiate") is None,
    reason="nix-instantiate is not installed (apt install nix-bin)",
)
def test_evaluation_finds_the_same_paths(tmp_path: Path) -> None:
    for number, (source, _) in enumerate(_sources()):
        (tmp_path / f"{number:03}.nix").write_text(source)
    read = read_modules(tmp_path, "evaluation")
    assert [".".join(marker.old[0]) for marker in read.markers] == [old for _, old in _sources()]
    assert read.evaluated == len(_sources())


@given(st.lists(st.sampled_from([CALL, *"{}[]()=;:,.", *WORDS, '"${a}"', "./a", "''"])))
def test_no_source_ends_in_an_error(words: list[str]) -> None:
    read_markers(" ".join(words))


def test_names_bound_by_let_are_followed_to_their_uses() -> None:
    source = """
    { config, lib, ... }:
    let
      inherit (lib) types;
      ruleType = types.submodule { imports = [ CALL ]; };
      hostOptions = { name, ... }: {
        imports = [ (lib.mkRemovedOptionModule [ "gone" ] "") ];
        options = commonOptions // { };
      };
      commonOptions = {
        rules = lib.mkOption { type = types.listOf ruleType; };
      };
    in {
      options.web.hosts = lib.mkOption { type = types.attrsOf (types.submodule hostOptions); };
      options.web.main = lib.mkOption { type = types.submodule hostOptions; };
    }
    """
    assert _olds(source.replace("CALL", CALL)) == [
        "web.hosts.<name>.rules.*.old",
        "web.main.rules.*.old",
        "web.hosts.<name>.gone",
        "web.main.gone",
    ]


@pytest.mark.parametrize(
    "system",
    [
        "{ options.web.${name} = mkOption { type = types.submodule MODULE; }; }",
        "{ options = mapAttrs (n: v: mkOption { type = types.submodule MODULE; }) hosts; }",
        "{ options.web.x = ourOption { type = types.submodule MODULE; }; }",
        "{ kind = types.submodule MODULE; }",
        "let hostType = types.submodule MODULE; in { }",
        "let t = types.submodule MODULE; x = let t = types.str; in t; in "
        "{ options.web = mkOption { type = t; }; }",
        "let ours = { t = types.submodule MODULE; }; in { options.t = mkOption { type = t; }; }",
        "let a = types.listOf b; b = types.either a (types.submodule MODULE); in { }",
    ],
)
def test_a_place_that_is_computed_is_not_guessed(system: str) -> None:
    source = system.replace("MODULE", "{ imports = [ CALL ]; }").replace("CALL", CALL)
    assert _olds("{ lib, ... }: " + source) == ["old (unplaced)"]


def test_many_ways_to_one_place_do_not_take_for_ever() -> None:
    steps = "".join(f"t{n} = f t{n - 1} t{n - 1} t{n - 1}; " for n in range(1, 12))
    source = f"let t0 = types.submodule {{ imports = [ {CALL} ]; }}; {steps}"
    assert _olds(source + "in { options.x = mkOption { type = t11; }; }") == ["x.old"]


def test_markers_of_the_system_keep_their_paths() -> None:
    source = """
    { lib, ... }:
    let renames = [ CALL ]; types = lib.types; in
    { imports = [ CALL ] ++ renames; options.x = lib.mkOption { type = types.submodule { }; }; }
    """
    assert _olds(source.replace("CALL", CALL)) == ["old", "old"]


def test_the_file_of_a_submodule_is_placed_by_the_source_that_names_it(tmp_path: Path) -> None:
    files = {
        "web/default.nix": "{ lib, ... }: { imports = [ ./other.nix ]; options.web.hosts = "
        "mkOption { type = attrsOf (submodule (import ../host { inherit lib; })); }; "
        "options.web.main = mkOption { type = submodule { imports = [ ../host ]; }; }; }",
        "web/other.nix": f"{{ imports = [ {CALL} ]; }}",
        "host/default.nix": f"{{ imports = [ {CALL} ]; "
        "options.path = mkOption { type = listOf (submodule ./path.nix); }; }",
        "host/path.nix": '{ imports = [ (mkRemovedOptionModule [ "gone" ] "") ]; }',
        "loop.nix": f"{{ imports = [ {CALL} ]; options.x = mkOption {{ type = submodule "
        "./loop.nix; }; }",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    markers = read_modules(tmp_path, "sources").markers
    assert [(marker.file, ".".join(marker.old[0])) for marker in markers] == [
        ("host/default.nix", "web.hosts.<name>.old"),
        ("host/default.nix", "web.main.old"),
        ("host/path.nix", "web.hosts.<name>.path.*.gone"),
        ("host/path.nix", "web.main.path.*.gone"),
        ("loop.nix", "old"),
        ("web/other.nix", "old"),
    ]


@pytest.mark.parametrize(
    "source", ["{ a = [ CALL", "} ] ) CALL", "let in CALL ;", "in " * 5000 + "CALL"]
)
def test_broken_sources_are_no_error(source: str) -> None:
    assert _olds(source.replace("CALL", CALL)) == ["old"]
