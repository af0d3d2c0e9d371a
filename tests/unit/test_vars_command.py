"""`homeport vars` on the sealed file, as people use it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.cli.main import main
from engine.homeport import Homeport
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.vars.generators import read_generators
from engine.vars.store import VarStore
from tests.tui.terminal import Terminal

PASSWORD = "canary-3f9a-very-secret"
GENERATORS: dict[str, Any] = {
    "ca": {
        "share": True,
        "files": {"key": {}, "cert": {"secret": False, "mode": "0444"}},
        "runtime_inputs": ["openssl"],
        "script": "openssl req -x509 -newkey ed25519 -nodes -keyout $out/key -out $out/cert "
        "-subj /CN=authority -days 30",
    },
    "web": {
        "dependencies": ["ca"],
        "prompts": {"admin": {"type": "hidden", "persist": True}, "note": {}},
        "files": {"hash": {"owner": "www-data", "needed_for": "users"}, "note": {"secret": False}},
        "script": "sha256sum < $prompts/admin > $out/hash; cat $prompts/note > $out/note; "
        "test -s $in/ca/key",
    },
    "raw": {"files": {"key": {}}, "script": "printf '\\377\\000' > $out/key"},
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two providers on one sealed file; the generators where the command looks for them."""
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with Homeport.open() as homeport:
        for name in ("home", "away"):
            backends = {
                Service.SECRETS: BackendProfile(kind="sealed"),
                Service.HYPERVISOR: BackendProfile(kind="proxmox"),
                Service.ADDRESSES: BackendProfile(kind="pool"),
                Service.DNS: BackendProfile(kind="octodns"),
                Service.CERTIFICATES: BackendProfile(kind="acme"),
            }
            homeport.save_provider(
                ProviderProfile(name=name, zone="home.lab", backends=backends), {}
            )
    declare(GENERATORS)
    Path("password").write_text(f"{PASSWORD}\n")
    Path("note").write_text("a note\n")
    return tmp_path


def declare(generators: dict[str, Any]) -> None:
    Path("vars.yaml").write_text(yaml.safe_dump({"generators": generators}))


def run(*words: str, provider: str = "home") -> int:
    return main(["vars", words[0], "--provider", provider, *words[1:]])


def generate(*words: str) -> int:
    given = ("--prompt", "web/admin=password", "--prompt", "web/note=note")
    return run("generate", "--machine", "m1", "--yes", *given, *words)


def value(file: str, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run("get", file, "--json", *words) == 0
    return str(json.loads(capsys.readouterr().out)["value"])


def test_everything_is_made_once_and_then_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--machine", "m1") == 1
    assert generate() == 0
    said = capsys.readouterr().out
    assert said.index("ca (shared) is stored") < said.index("web (m1) is stored")
    assert PASSWORD not in said
    assert value("ca/cert", capsys).startswith("-----BEGIN CERTIFICATE-----")
    assert value("web/admin", capsys, "--machine", "m1") == PASSWORD
    assert value("web/note", capsys, "--machine", "m1") == "a note"
    assert run("check", "--machine", "m1") == 0
    before = value("ca/key", capsys)
    assert generate() == 0
    assert value("ca/key", capsys) == before


def test_another_machine_gets_its_own_and_shares_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert generate() == 0
    capsys.readouterr()
    assert run("check", "--machine", "m2", "--json") == 1
    found = json.loads(capsys.readouterr().out)["generators"]
    assert [(one["machine"], one["generator"]) for one in found] == [("m2", "raw"), ("m2", "web")]


def test_without_approval_or_answers_nothing_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", "--machine", "m1") == 3
    assert run("generate", "--machine", "m1", "--plan") == 0
    assert run("generate", "--machine", "m1", "--yes") == 2
    assert "--prompt web/admin=FILE" in capsys.readouterr().err
    assert run("list") == 0
    assert "Nothing yet" in capsys.readouterr().out


def test_a_failing_script_leaves_what_was_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate() == 0
    before = value("ca/key", capsys)
    declare(GENERATORS | {"ca": GENERATORS["ca"] | {"script": "false", "validation": 2}})
    assert generate() == 8
    assert "what there was before is still in use" in capsys.readouterr().err
    assert value("ca/key", capsys) == before


def test_at_a_terminal_answers_are_asked_for_and_hidden_ones_are_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    prompts = {
        "admin": {"type": "hidden", "persist": True},
        "lines": {"type": "multiline", "persist": True},
    }
    declare({"web": {"share": True, "prompts": prompts}})
    argv = [sys.executable, "-c", "import sys, engine.cli.main as m; sys.exit(m.main())"]
    argv += ["vars", "generate", "--provider", "home", "--file", str(Path("vars.yaml").resolve())]
    with Terminal(argv) as terminal:
        for asked, typed in (
            (b"Type yes: ", "yes"),
            (b"web/admin: admin: ", PASSWORD),
            (b"ends it", "one\ntwo\n."),
        ):
            terminal.until(lambda seen, asked=asked: asked in seen)  # type: ignore[misc]
            terminal.send(f"{typed}\n")
        assert terminal.wait() == 0
        assert PASSWORD.encode() not in terminal.output
    assert value("web/admin", capsys) == PASSWORD
    assert value("web/lines", capsys) == "one\ntwo\n"


def test_a_kept_answer_needs_not_be_given_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate() == 0
    words = ("--machine", "m1", "--yes", "--regenerate", "web", "--prompt", "web/note=note")
    assert run("generate", *words) == 0
    assert value("web/admin", capsys, "--machine", "m1") == PASSWORD


def test_a_value_set_by_hand_stays_and_what_depends_on_it_is_made_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert generate() == 0
    Path("own").write_text("my own key")
    assert run("set", "ca/key", "--from", "own") == 0
    assert run("check", "--machine", "m1") == 1
    assert "web (m1): ca has changed since" in capsys.readouterr().out
    assert generate() == 0
    assert value("ca/key", capsys) == "my own key"
    assert run("set", "ca/other", "--from", "own") == 2
    assert run("set", "none/key", "--from", "own") == 4
    assert "my own key" not in capsys.readouterr().err


def test_bytes_that_are_no_text_come_out_as_they_went_in() -> None:
    assert generate() == 0
    assert run("get", "raw/key", "--machine", "m1", "--output", "raw") == 0
    assert Path("raw").read_bytes() == b"\xff\x00"
    assert stat.S_IMODE(Path("raw").stat().st_mode) == 0o600
    assert run("get", "raw/key", "--machine", "m1", "--output", "raw") == 5
    argv = [sys.executable, "-c", "import sys, engine.cli.main as m; sys.exit(m.main())"]
    argv += ["vars", "get", "raw/key", "--provider", "home", "--machine", "m1"]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert done.stdout == b"\xff\x00"


def test_an_export_shows_no_secret_unless_it_goes_to_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert generate() == 0
    key = value("ca/key", capsys)
    assert run("export") == 0
    shown = capsys.readouterr().out
    assert PASSWORD not in shown
    assert key.splitlines()[1] not in shown
    assert "a note" in shown
    assert run("list") == 0
    assert PASSWORD not in capsys.readouterr().out
    Path("shown").write_text(shown)
    assert run("import", "shown", "--yes", provider="away") == 2
    assert "was left out" in capsys.readouterr().err
    assert run("export", "--output", "whole") == 0
    assert stat.S_IMODE(Path("whole").stat().st_mode) == 0o600
    assert run("export", "--output", "whole") == 5


def test_an_import_elsewhere_has_everything_and_makes_nothing_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert generate() == 0
    key = value("ca/key", capsys)
    assert run("export", "--output", "whole") == 0
    assert run("import", "whole", provider="away") == 3
    assert run("import", "whole", "--yes", provider="away") == 0
    assert run("check", "--machine", "m1", provider="away") == 0
    assert value("ca/key", capsys, "--provider", "away") == key
    assert run("import", "whole", "--yes", provider="away") == 0
    assert "everything is there" in capsys.readouterr().out
    Path("own").write_text("another")
    assert run("set", "ca/key", "--from", "own", provider="away") == 0
    assert run("import", "whole", "--plan", provider="away") == 0
    assert "ca (shared): it takes the place of another" in capsys.readouterr().out


def test_what_is_not_whole_is_neither_exported_nor_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert generate() == 0
    with Homeport.open() as homeport:
        store = VarStore(homeport.secret_stores.open("home"), "home")
        record = store.record("", "ca")
        assert record is not None
        store.describe("", "ca", record.model_copy(update={"is_complete": False}))
    assert run("export", "--output", "whole") == 7
    assert not Path("whole").exists()
    Path("own").write_text("mine")
    assert run("set", "ca/key", "--from", "own") == 5
    assert generate() == 0
    assert run("set", "ca/key", "--from", "own") == 0


def test_reading_a_secret_is_on_record_without_its_value(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert generate() == 0
    value("web/admin", capsys, "--machine", "m1")
    with Homeport.open() as homeport:
        entries = homeport._inventory.audit.entries()
    assert any(entry["what"] == "vars read" for entry in entries)
    assert PASSWORD not in json.dumps(entries)


def test_what_is_not_there_is_named_with_what_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("get", "ca/key") == 4
    assert run("get", "ca") == 2
    assert generate() == 0
    assert run("get", "ca/none") == 4
    assert "there are: cert, key" in capsys.readouterr().err
    assert run("generate", "none", "--machine", "m1", "--yes") == 4
    assert run("check", "--machine", "a/b") == 2
    assert run("get", "ca/key", "--machine", "a/b") == 2
    assert run("check") == 2
    assert "--machine NAME" in capsys.readouterr().err


def test_the_readme_shows_generators_that_can_be_used() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    [shown] = [part for part in text.split("```yaml\n")[1:] if part.startswith("generators:")]
    assert read_generators(yaml.safe_load(shown.partition("```")[0]), "README.md")
