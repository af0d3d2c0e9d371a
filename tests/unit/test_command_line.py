"""The command line, as a script meets it: exit statuses, JSON, and errors that say what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from engine.cli import output
from engine.cli.main import COMMANDS, main

PROFILE = """\
name: home
zone: example.org
backends:
  hypervisor:
    kind: proxmox
    settings:
      hosts: ["127.255.255.1:8006"]
      fingerprint: "{fingerprint}"
      token_id: "homeport@pve!homeport"
      token_ref: "secret:providers/home/hypervisor-token"
      storage: local-lvm
      image: "local:import/debian-12-generic-amd64.qcow2"
      bridge: vmbr0
      pool: homeport
      vmid_first: 9000
      vmid_last: 9099
  addresses:
    kind: pool
    settings: {{network: 192.0.2.0/24, first: 192.0.2.10, last: 192.0.2.20, gateway: 192.0.2.1}}
  dns:
    kind: octodns
    settings:
      class: octodns_bind.Rfc2136Provider
      zone: example.org
      args: {{host: 127.255.255.2, port: 53, key_name: homeport, key_algorithm: hmac-sha256}}
      secret_args: {{key_secret: "secret:providers/home/dns-key"}}
      authoritative: ["127.255.255.2:53"]
  secrets: {{kind: sealed}}
  certificates:
    kind: acme
    settings: {{directory: "https://127.255.255.3:9443/directory"}}
""".format(fingerprint=":".join(["AB"] * 32))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def provider(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A provider that is known and that nobody answers for."""
    (home / "home.yaml").write_text(PROFILE)
    given = []
    for path in ("providers/home/hypervisor-token", "providers/home/dns-key"):
        file = home / path.rpartition("/")[2]
        file.write_text("c2VjcmV0LXZhbHVlLW9mLXRoZS1wcm92aWRlcg==\n")
        given += ["--secret-file", f"{path}={file}"]
    main(["providers", "add", str(home / "home.yaml"), *given])
    capsys.readouterr()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_catalog_lists_what_can_be_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "--json"]) == 0
    listed = {package["id"] for package in json.loads(capsys.readouterr().out)}
    assert listed >= {"radicale", "isso", "synapse"}


def test_empty_installation_says_what_to_do_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "homeport catalog" in capsys.readouterr().out
    assert main(["providers"]) == 0
    assert "homeport lab up" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["show", "nothing"], 4),
        (["destroy", "nothing"], 4),
        (["attach"], 4),
        (["catalog", "nothing"], 4),
        (["deploy", "radicale", "--provider", "nowhere", "--domain", "a.b"], 4),
    ],
)
def test_what_is_not_there_is_told_apart_by_the_exit_status(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == status
    assert capsys.readouterr().err.startswith("homeport: ")
    assert main([*words, "--json"]) == status
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not-found"


DEPLOY = ["deploy", "radicale", "--provider", "home", "--domain", "cal.example.org"]


@pytest.mark.usefixtures("provider")
def test_plan_is_shown_and_not_applied_without_approval(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*DEPLOY, "--plan"]) == 0
    assert "to create" in capsys.readouterr().out
    assert main(DEPLOY) == 3
    assert "--yes" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.usefixtures("provider")
def test_options_are_set_by_the_words_of_the_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*DEPLOY, "--plan", "--json", "--set", "server.max_connections=20"]) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan["values"]["server"]["max_connections"] == 20


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("server.max_connections=many", "many"),
        ("server.nothing=1", "no such option"),
        ("auth.ldap_secret=visible", "standard input"),
        ("server", "PATH=VALUE"),
    ],
)
def test_wrong_settings_are_explained(
    setting: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*DEPLOY, "--plan", "--set", setting]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "visible" not in told


@pytest.mark.usefixtures("provider")
def test_provider_that_does_not_answer_fails_its_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["providers", "check", "home"]) == 1
    told = capsys.readouterr().out
    assert "FAIL" in told
    assert "c2VjcmV0" not in told


def test_profile_with_a_mistake_names_the_field(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "bad.yaml").write_text(PROFILE.replace("zone: example.org\nbackends", "backends"))
    assert main(["providers", "add", str(home / "bad.yaml")]) == 2
    assert "zone" in capsys.readouterr().err


def test_doctor_finds_a_directory_that_others_can_read(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = home / "home" / "state"
    state.mkdir(parents=True)
    state.chmod(0o755)
    assert main(["doctor", "--json"]) == 1
    failed = [c for c in json.loads(capsys.readouterr().out) if c["status"] == "fail"]
    assert failed
    assert failed[0]["do"].startswith("chmod 700")


def test_without_a_terminal_the_interface_names_the_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from tui.entry import main; sys.exit(main())"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | {"TERM": "xterm"},
    )
    assert done.returncode == 2
    assert "catalog" in done.stderr


@pytest.mark.usefixtures("provider")
def test_report_on_a_provider_has_versions_settings_and_what_was_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--provider", "home", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert {"homeport", "python", "hvac", "pynetbox"} <= report["versions"].keys()
    assert report["provider"]["name"] == "home"
    tried = {c["service"]: c["status"] for c in report["checks"] if "Tried out" in c["title"]}
    assert tried == {"secrets": "pass", "addresses": "pass"}
    assert "fail" in {c["status"] for c in report["checks"] if c["service"] == "hypervisor"}
    assert main(["doctor", "--provider", "home"]) == 1
    assert "token_ref: secret:providers/home/hypervisor-token" in capsys.readouterr().out


@pytest.mark.usefixtures("provider")
def test_stores_of_secrets_are_shown_and_what_cannot_be_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["providers", "secrets", "home"]) == 0
    assert capsys.readouterr().out.startswith("kind: sealed")
    (home / "wrong.yaml").write_text("url: https://bao.example.org\n")
    for argv in (
        ["providers", "policy", "home"],
        ["providers", "secrets", "home", "--to", "sealed"],
        ["providers", "secrets", "home", "--to", str(home / "wrong.yaml")],
        ["providers", "secrets", "home", "--to", str(home / "nothing.yaml")],
        ["providers", "secrets", "home", "--drop", "sealed"],
    ):
        assert main(argv) == 2, argv
        assert "do" in capsys.readouterr().err


def test_a_certificate_in_a_document_stands_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"ca_pem": "-----BEGIN-----\nabc\n-----END-----\n", "name": "x", "list": ["a"]}
    output.document(value)
    shown = capsys.readouterr().out
    assert "\n  abc\n" in shown
    assert yaml.safe_load(shown) == value
