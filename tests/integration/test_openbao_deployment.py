"""A deployment whose secrets move to OpenBao, wait for it while it is sealed, and come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.backends.secrets.openbao.policy import own_policy
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.cli.main import main
from engine.demo.use import VALUES, use_application
from engine.model.events import StepRetrying
from engine.operations.retry import LIMIT_VARIABLE
from tests.conformance.openbao_world import REFERENCE, OpenBaoWorld, openbao
from tests.deployed import Installation, check_nothing_left, installation, wait_until
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.real]

NAME = "kept-in-bao"


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBaoWorld]:
    with openbao() as world:
        yield world


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


@pytest.fixture
def store_file(bao: OpenBaoWorld, tmp_path: Path) -> Path:
    """What the user writes down of his OpenBao, and the wrapped secret id beside it."""
    settings = bao.settings("any")
    settings["role_id"] = bao.role("homeport", own_policy(OpenBaoSettings(**settings)))
    file = tmp_path / "openbao.yaml"
    file.write_text(yaml.safe_dump({"kind": "openbao", "settings": settings}))
    (tmp_path / "wrapped").write_text(bao.wrapped_secret_id("homeport"))
    return file


def command(*argv: str) -> int:
    return main(["providers", *argv])


def kept_in(bao: OpenBaoWorld, deployment: str) -> list[str]:
    kv = bao.admin().secrets.kv.v2
    keys = kv.list_secrets(f"homeport/deployments/{deployment}", mount_point="kv")["data"]["keys"]
    return [str(key) for key in keys]


def test_secrets_move_to_openbao_are_waited_for_and_come_back(
    here: Installation,
    bao: OpenBaoWorld,
    store_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert here.deploy("radicale", NAME).status.value == "succeeded"
    deployment = here.homeport.deployment(NAME).deployment.id
    before = stored(here, deployment)
    assert before

    # there: a plan first, then copied, proven, used; the old copies dropped
    to = ("secrets", "harbour-a", "--to", str(store_file))
    assert command(*to, "--plan") == 0
    assert here.homeport.provider("harbour-a").backends["secrets"].kind == "sealed"
    wrapped = f"{REFERENCE.removeprefix('secret:')}={store_file.with_name('wrapped')}"
    assert command(*to, "--yes", "--secret-file", wrapped) == 0
    assert here.homeport.provider("harbour-a").backends["secrets"].kind == "openbao"
    assert stored(here, deployment) == before
    assert command("secrets", "harbour-a", "--drop", "sealed", "--yes") == 0
    assert not here.backends("harbour-b").secrets.list(f"deployments/{deployment}")
    assert sorted(kept_in(bao, deployment)) == sorted(path.split("/")[2] for path in before)
    capsys.readouterr()
    assert command("policy", "harbour-a", "--deployment", NAME) == 0
    assert f'path "kv/data/homeport/deployments/{deployment}/*"' in capsys.readouterr().out
    assert main(["doctor", "--provider", "harbour-a", "--json"]) == 0
    report = capsys.readouterr().out
    tried = [line for line in json.loads(report)["checks"] if "Tried out" in line["title"]]
    assert {line["service"] for line in tried} == {"secrets", "addresses"}

    # sealed while an operation needs it: it waits beyond the limit, and goes on
    here.end_worker()
    monkeypatch.setenv(LIMIT_VARIABLE, "0.5")
    plan = here.homeport.plan_reconfigure(NAME, {**VALUES["radicale"], **DEBUG})
    bao.seal()
    operation = here.homeport.apply(plan, plan.hash)

    def held() -> list[Any]:
        events = here.homeport.events(operation.id)
        return [event.error for event in events if isinstance(event, StepRetrying)]

    wait_until(lambda: len(held()) > 8, 60)
    assert {error["what"] for error in held()} == {"OpenBao is sealed"}
    bao.unseal()
    assert here.finish(operation).status.value == "succeeded"
    assert use_application(here.homeport, NAME)
    here.end_worker()

    # another password, as the next version of the same secret
    rotated = here.killed_everywhere(here.homeport.plan_rotate(NAME), ["secrets.renew:after"])
    assert rotated.status.value == "succeeded", repr(rotated.error)
    assert use_application(here.homeport, NAME)
    here.end_worker()
    after, path = stored(here, deployment), f"deployments/{deployment}/admin-password"
    assert after.keys() == before.keys()
    assert {known for known in before if before[known] != after[known]} == {path}
    kv = bao.admin().secrets.kv.v2
    about = kv.read_secret_metadata(f"homeport/{path}", mount_point="kv")["data"]
    assert about["current_version"] == 2
    assert about["custom_metadata"]["purpose"] == "admin-password"

    # and back
    assert command("secrets", "harbour-a", "--to", "sealed", "--yes") == 0
    assert command("secrets", "harbour-a", "--drop", str(store_file), "--yes") == 0
    assert stored(here, deployment) == after
    assert bao.admin().adapter.list("/v1/kv/metadata/homeport/", raise_exception=False).ok is False
    assert here.destroy(NAME).status.value == "succeeded"
    check_nothing_left(here, NAME)

    told = report + capsys.readouterr().out + capsys.readouterr().err
    for text in (bao.audit_log.read_text(), bao.log.read_text(), told, worker_log(here)):
        assert text
        for value in (*before.values(), *after.values()):
            assert value not in text


DEBUG = {"logging": {"level": "debug"}}


def stored(here: Installation, deployment: str) -> dict[str, str]:
    store = here.backends().secrets
    return {path: store.get(path) for path in store.list(f"deployments/{deployment}")}


def worker_log(here: Installation) -> str:
    return (here.homeport.paths.state / "worker.log").read_text()
