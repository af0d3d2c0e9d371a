"""The NixOS module for a Clan's machines, evaluated, and what it does on activation, done."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.vars.clan import UPLOAD_DIRECTORY

pytestmark = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None,
    reason="nix-instantiate is not installed (apt install nix-bin)",
)
MODULE = Path(__file__).parents[2] / "engine" / "vars" / "clan.nix"
EXPRESSION = """
{ generators }:
let
  quoted = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\\\''" ] (toString text) + "'";
  module = import %s {
    config.clan.core.vars.generators = builtins.fromJSON generators;
    lib = { mkIf = condition: value: if condition then value else null; escapeShellArg = quoted; };
  };
  settings = module.clan.core.vars.settings;
  files = builtins.concatMap (generator: builtins.attrValues generator.files)
    (builtins.attrValues (builtins.fromJSON generators));
in {
  inherit (settings) secretStore secretModule;
  inherit (module.system.activationScripts.homeportVars) deps text;
  paths = map (file: (settings.fileModule { config = file; }).path) files;
}
"""


def file(generator: str, name: str, **more: Any) -> dict[str, Any]:
    fields = {"secret": True, "deploy": True, "neededFor": "services", "mode": "0400"}
    owner = {"owner": "root", "group": "root"}
    return {"generatorName": generator, "name": name, **fields, **owner, **more}


def evaluated(tmp_path: Path, *files: dict[str, Any]) -> dict[str, Any]:
    generators: dict[str, Any] = {}
    for one in files:
        named = generators.setdefault(one["generatorName"], {"files": {}})
        named["files"][one["name"]] = one
    expression = tmp_path / "test.nix"
    expression.write_text(EXPRESSION % MODULE)
    argv = ["nix-instantiate", "--eval", "--strict", "--json", "--readonly-mode"]
    argv += ["--argstr", "generators", json.dumps(generators), str(expression)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_files_are_where_the_store_puts_them(tmp_path: Path) -> None:
    found = evaluated(
        tmp_path,
        file("a", "key"),
        file("b", "hash", neededFor="users"),
        file("c", "luks", neededFor="partitioning"),
        file("d", "public", secret=False),
    )
    assert found["paths"] == [
        f"{UPLOAD_DIRECTORY}/services/a/key",
        f"{UPLOAD_DIRECTORY}/users/b/hash",
        "/run/partitioning-secrets/c/luks",
        None,
    ]
    assert (found["secretStore"], found["secretModule"]) == ("custom", "engine.vars.clan")


def test_activation_hands_each_file_to_its_owner(tmp_path: Path) -> None:
    top = tmp_path / "there"
    for name in ("services/a/key", "services/a/it's", "users/b/hash"):
        (top / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (top / name).write_text("x")
        (top / name).chmod(0o400)
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    mine = {"owner": user, "group": str(Path.home().stat().st_gid)}
    found = evaluated(
        tmp_path,
        file("a", "key", mode="0440", **mine),
        file("a", "it's", mode="0404", **mine),
        file("b", "hash", **mine),
        file("b", "not-uploaded-yet", **mine),
        file("b", "kept", deploy=False, **mine),
    )
    assert found["deps"] == ["users", "groups"]
    assert "kept" not in found["text"]
    script = found["text"].replace(UPLOAD_DIRECTORY, str(top))
    subprocess.run(["bash", "-eu", "-c", script], check=True)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in top.rglob("*")}
    directories = dict.fromkeys(("services", "a", "users", "b"), 0o711)
    assert modes == directories | {"key": 0o440, "it's": 0o404, "hash": 0o400}
