"""Somebody new adds a provider: the lab's hypervisor, a real OpenBao, a real PowerDNS."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.backends.secrets.openbao.policy import own_policy
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.cli.main import main
from engine.homeport import Homeport
from engine.model.provider import Service
from engine.operations.launch import living_worker
from engine.paths import Paths
from tests.conformance.dns_worlds import API_KEY, ZONE, powerdns
from tests.conformance.openbao_world import openbao
from tests.deployed import Installation
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.real]

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def paths(tmp_path: Path, lab: RunningLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    """An installation that knows nothing yet."""
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    paths = Paths.from_environment()
    yield paths
    if living_worker(paths):
        with Homeport.open(paths) as homeport:
            Installation(lab, homeport).end_worker()


@pytest.fixture
def answers(lab: RunningLab) -> dict[str, Any]:
    """What somebody would type who was told about the lab's first harbour."""
    profile, secrets = next((p, s) for p, s in lab.lab.provider_profiles() if p.name == "harbour-a")
    found: dict[str, Any] = {
        "zone": profile.zone,
        **{f"access.{key}": value for key, value in profile.access.model_dump().items()},
    }
    for service, backend in profile.backends.items():
        found[service.value] = backend.kind
        for key, value in backend.settings.items():
            if key == "args":
                found |= {f"{service.value}.{name}": one for name, one in value.items()}
            elif key == "secret_args":
                found |= {
                    f"{service.value}.{name}": secrets[reference.removeprefix("secret:")]
                    for name, reference in value.items()
                }
            elif key.endswith("_ref"):
                name = key.removesuffix("_ref")
                found[f"{service.value}.{name}"] = secrets[value.removeprefix("secret:")]
            else:
                found[f"{service.value}.{key}"] = value
    # What the lab's own installation has is unknown to this one.
    found["addresses.first"] = f"{found['addresses.network'].rpartition('.')[0]}.245"
    return found


@pytest.fixture
def run(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """A command's status, and all that it says. answers: written to a file for it."""

    def run(*argv: str, answers: dict[str, Any] | None = None) -> tuple[int, str]:
        file = tmp_path / "answers.yaml"
        if answers is not None:
            file.write_text(yaml.safe_dump(answers))
            argv = (*argv, "--answers", str(file))
        status = main(list(argv))
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_somebody_new_adds_a_provider_and_deploys_there(
    paths: Paths, lab: RunningLab, run: Run, answers: dict[str, Any]
) -> None:
    ca_pem = answers.pop("hypervisor.ca_pem")
    assert ca_pem
    with openbao() as bao:
        settings = bao.settings("any")
        role = bao.role("homeport", own_policy(OpenBaoSettings(**settings)))
        answers |= {
            "secrets": "openbao",
            "secrets.url": bao.url,
            "secrets.ca_pem": bao.ca_pem,
            "secrets.mount": "kv",
            "secrets.role_id": role,
            "secrets.secret_id": bao.wrapped_secret_id("homeport"),
        }

        # a certificate that nobody compared is not trusted, and nothing is saved
        status, said = run("providers", "add", "home", answers=answers)
        assert status == 6
        assert "no secret was sent to it" in said
        shown = said.rpartition("hypervisor.fingerprint = ")[2].strip()
        assert run("providers", "--json") == (0, "[]\n")

        status, said = run(
            "providers", "add", "home", answers=answers | {"hypervisor.fingerprint": [shown]}
        )
        assert status == 0, said
        assert "FAIL" not in said

        with Homeport.open(paths) as homeport:
            here = Installation(lab, homeport)
            backends = homeport.provider("home").backends
            assert backends[Service.SECRETS].kind == "openbao"
            assert backends[Service.HYPERVISOR].settings["fingerprint"] == [shown]
            secrets = [value for key, value in answers.items() if key.endswith(("token", "secret"))]
            profile = homeport.provider("home").model_dump_json()
            assert not any(str(value) in profile for value in secrets)

            domain = ("--domain", "cal.harbour-a.lab", "--name", "cal")
            status, said = run("deploy", "radicale", "--provider", "home", *domain, "--yes")
            assert status == 0, said
            assert homeport.deployment("cal").deployment.status.value == "running"
            status, said = run("providers", "remove", "home")
            assert status == 5
            assert "cal" in said
            status, said = run("doctor", "--provider", "home", "-o", str(paths.state / "report"))
            assert status == 0, said
            report = (paths.state / "report").read_text()
            assert "ok    secrets: Tried out" in report
            assert not any(str(value) in report for value in secrets)
            assert here.destroy("cal").status.value == "succeeded"
    assert run("providers", "remove", "home")[0] == 0


def test_what_is_missing_is_named_and_nothing_is_saved_before_it_works(
    run: Run, answers: dict[str, Any]
) -> None:
    wrong = answers | {"hypervisor.pool": "other", "dns.key_secret": "d3Jvbmc="}
    status, said = run("providers", "add", "home", answers=wrong)
    assert status == 7
    assert "pveum acl modify /pool/other" in said
    assert "FAIL  dns" in said
    assert run("providers", "--json") == (0, "[]\n")

    status, said = run("providers", "check", "home", "--draft", "--json")
    assert status == 1
    assert any("pool/other" in check["do"] for check in json.loads(said))

    # what was answered is there; only what is corrected is said again
    status, said = run(
        "providers",
        "add",
        "home",
        answers={key: answers[key] for key in ("hypervisor.pool", "dns.key_secret")},
    )
    assert status == 0, said
    status, said = run("providers", "edit", "home", "--unproven", answers={"hypervisor.pool": "x"})
    assert status == 1
    assert "not seen working" in said


def test_answers_that_cannot_be_taken_are_named(run: Run, answers: dict[str, Any]) -> None:
    status, said = run("providers", "add", "home", answers={"zone": "Not A Zone"})
    assert status == 2
    assert "zone" in said
    status, said = run("providers", "add", "home", answers={"zone": "x.org", "dns.nothing": "1"})
    assert status == 2
    status, said = run("providers", "add", "home", answers=answers | {"dns.nothing": "1"})
    assert status == 2
    assert "dns.nothing" in said
    assert str(answers["hypervisor.token"]) not in said


def test_any_octodns_provider_is_filled_in_from_its_own_arguments(
    run: Run, answers: dict[str, Any]
) -> None:
    with powerdns() as world:
        others = {key: value for key, value in answers.items() if not key.startswith("dns")}
        arguments = world.settings["args"] | {"authoritative": world.settings["authoritative"]}
        dns = {
            "dns": "octodns",
            "dns.class": "octodns_powerdns.PowerDnsProvider",
            "dns.zone": ZONE,
            "dns.api_key": "not-the-key",
            **{f"dns.{name}": value for name, value in arguments.items()},
        }
        status, said = run("providers", "add", "home", answers=others | dns)
        assert status == 7
        assert f"FAIL  dns: DNS zone {ZONE} can be read" in said
        before = world.records()
        status, said = run("providers", "add", "home", answers={"dns.api_key": API_KEY})
        assert status == 0, said
        assert f"ok    dns: records of {ZONE} can be changed" in said
        assert world.records() == before


def test_by_prompts_line_by_line(
    run: Run, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("providers", "add", "home", answers=answers)[0] == 0
    storage = answers["hypervisor.storage"]
    lines = [
        *("s title Under the stairs", "w"),  # the provider itself
        *("y", "w", "", "w", f"s storage {storage}", "w"),  # hypervisor: trusted by its authority
        *("n", "n", "n", "n"),
        *("none", "none", "none"),  # databases, buckets and mail
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines) + "\n"))
    status, said = run("providers", "edit", "home", "--plain")
    assert status == 0, said
    assert "pveum role add Homeport" in said
    assert "proves itself by a certificate that is trusted" in said
    assert f"{storage}  " in said  # offered, with the space that is free there
    assert "provider home is saved" in said
    assert json.loads(run("providers", "home", "--json")[1])[0]["title"] == "Under the stairs"

    monkeypatch.setattr("sys.stdin", io.StringIO("w\n"))
    status, said = run("providers", "edit", "home", "--plain")
    assert status == 2
    assert "Go on: homeport providers edit home" in said
