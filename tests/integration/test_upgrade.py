"""Upgrades of real applications on a lab: the data are there afterwards, and after going back."""

from __future__ import annotations

import json
import secrets
import shutil
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.demo import calendar, comments
from engine.demo.chat import CLIENT, Person
from engine.demo.proof import basic
from engine.demo.use import VALUES, use_application
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.deployment import DeploymentStatus, ResourceKind
from engine.model.plan import Operation
from tests.deployed import Installation, check_nothing_left, check_one_of_each, installation
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration

SEVERAL_COMMENTS = {"guard": {"ratelimit": 50}}
"""A minute, from one address; isso's own limit is two."""
VALUES_OF = {**VALUES, "isso": SEVERAL_COMMENTS}
OLDER = {"radicale": "3.5.10", "isso": "0.13.0", "synapse": "1.140.0"}


def can_compile() -> bool:
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return shutil.which("gcc") is not None and headers.exists()


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


class Calendar:
    """Somebody who stores numbered events."""

    def __init__(self, homeport: Homeport, name: str) -> None:
        self._endpoint = homeport.endpoint(name)
        self._who = basic("admin", homeport.reveal_secret(name, "admin-password"))
        self._endpoint.request("MKCALENDAR", "/admin/kept/", headers=self._who)

    def write(self, mark: str) -> None:
        event = calendar.EVENT.format(uid=mark, summary=mark).encode()
        headers = {**self._who, "Content-Type": "text/calendar; charset=utf-8"}
        path = f"/admin/kept/{mark}.ics"
        assert self._endpoint.request("PUT", path, body=event, headers=headers).status == 201

    def has(self, mark: str) -> bool:
        answer = self._endpoint.request("GET", f"/admin/kept/{mark}.ics", headers=self._who)
        return answer.status == 200 and f"SUMMARY:{mark}".encode() in answer.body


class Chat:
    """Somebody in a room, with a file in the media store."""

    def __init__(self, homeport: Homeport, name: str) -> None:
        self._ada = Person(homeport.endpoint(name), f"ada-{secrets.token_hex(3)}")
        room = self._ada.call("POST", f"{CLIENT}/createRoom", {"preset": "private_chat"})
        self._room = str(room["room_id"])
        self._data = secrets.token_bytes(3000)
        self._file = self._ada.upload(self._data, "chart.bin")

    def write(self, mark: str) -> None:
        self._ada.send(self._room, {"msgtype": "m.text", "body": mark})

    def has(self, mark: str) -> bool:
        texts = [content.get("body") for content in self._ada.messages(self._room)]
        assert self._ada.download(self._file) == self._data
        return mark in texts


class Page:
    """Somebody who comments on a page."""

    def __init__(self, homeport: Homeport, name: str) -> None:
        self._endpoint = homeport.endpoint(name)

    def write(self, mark: str) -> None:
        comments.use(self._endpoint, mark)

    def has(self, mark: str) -> bool:
        thread = json.loads(self._endpoint.request("GET", comments.PAGE + "&plain=1").body)
        return any(mark in reply["text"] for reply in thread.get("replies", ()))


CLIENTS: Mapping[str, Callable[[Homeport, str], Any]] = {
    "radicale": Calendar,
    "isso": Page,
    "synapse": Chat,
}


def deploy(here: Installation, application: str, name: str, release: str) -> Any:
    """Deployed with an older release; the client that uses it."""
    plan = here.plan(application, name, VALUES_OF[application], release)
    operation = here.finish(here.homeport.apply(plan, plan.hash))
    assert operation.status.value == "succeeded", repr(operation.error)
    return CLIENTS[application](here.homeport, name)


def upgrade(here: Installation, name: str, **changes: Any) -> Operation:
    deployment = here.homeport.deployment(name).deployment
    values = {**deployment.values, **changes.pop("values", {})}
    plan = here.homeport.plan_upgrade(name, values, **changes)
    return here.finish(here.homeport.apply(plan, plan.hash))


def roll_back(here: Installation, name: str) -> Operation:
    plan = here.homeport.plan_rollback(name)
    return here.finish(here.homeport.apply(plan, plan.hash))


def release_of(here: Installation, name: str) -> str:
    return here.homeport.deployment(name).deployment.release


def captures_on_guest(here: Installation, name: str) -> list[str]:
    guest = here.backends().hypervisor.find(here.owner(name))
    assert guest is not None
    root = here.lab.paths.lab / "harbour-a" / "guests" / guest.id / "root"
    return sorted(p.name for p in (root / "var/lib/homeport/.captures" / name).glob("*"))


def break_application(here: Installation, name: str, release: str) -> Path:
    """The release's environment cannot run: as if it were incompatible with the guest."""
    guest = here.backends().hypervisor.find(here.owner(name))
    assert guest is not None
    root = here.lab.paths.lab / "harbour-a" / "guests" / guest.id / "root"
    venv = root / "opt/homeport" / name / release / "venv"
    (site,) = venv.glob("lib/python*/site-packages")
    program = site / "radicale" / "__main__.py"
    assert program.stat().st_nlink == 1  # what a guest does to it reaches no other guest
    program.write_text("raise SystemExit('no luck today')\n")
    return site


@pytest.mark.parametrize("application", ["radicale", "isso", "synapse"])
def test_upgraded_with_its_data_and_taken_back_with_its_data(
    here: Installation, application: str
) -> None:
    if application == "isso" and not can_compile():
        pytest.skip("isso 0.13.0 is compiled on the guest, and this machine cannot")
    name = f"up-{application}"
    try:
        client = deploy(here, application, name, OLDER[application])
        client.write("before")
        done = upgrade(here, name)
        assert done.status.value == "succeeded", repr(done.error)
        newest = here.homeport.package(application).release().version
        assert release_of(here, name) == newest
        assert client.has("before")
        client.write("after")
        assert use_application(here.homeport, name)
        check_one_of_each(here, name)

        plan = here.homeport.plan_rollback(name)
        assert "Everything written since" in plan.warnings[0]
        back = roll_back(here, name)
        assert back.status.value == "succeeded", repr(back.error)
        assert release_of(here, name) == OLDER[application]
        assert client.has("before")
        assert not client.has("after")
        deployment = here.homeport.deployment(name).deployment
        assert deployment.status is DeploymentStatus.RUNNING
        with pytest.raises(InvalidInput):
            here.homeport.plan_rollback(name)
        # What had been written since was kept.
        kept = [r.key for r in here.homeport.resources(name) if r.kind is ResourceKind.CAPTURE]
        assert sorted(kept) == captures_on_guest(here, name)
        assert f"{back.id}.before" in kept
    finally:
        gone = here.destroy(name)
        assert gone.status.value == "succeeded", repr(gone.error)
    check_nothing_left(here, name)


def test_a_release_that_does_not_run_is_taken_back_with_data_and_configuration(
    here: Installation,
) -> None:
    name = "up-broken"
    try:
        client = deploy(here, "radicale", name, "3.5.10")
        client.write("before")
        # Installed beside by a first upgrade that is then taken back; broken afterwards.
        for go in (upgrade, roll_back):
            operation = go(here, name)
            assert operation.status.value == "succeeded", repr(operation.error)
        break_application(here, name, "3.9.0")
        client.write("between")
        failed = upgrade(here, name, values={"auth": {"realm": "Other"}})
        assert failed.status.value == "failed"
        assert failed.error is not None
        assert "no luck today" in failed.error["why"]
        assert "3.5.10 again" in failed.error["left"]
        view = here.homeport.deployment(name).deployment
        assert (view.release, view.status) == ("3.5.10", DeploymentStatus.RUNNING)
        assert "auth" not in view.values
        assert client.has("before")
        assert client.has("between")
        client.write("still-writable")
        with pytest.raises(InvalidInput) as raised:
            here.homeport.resume(failed.id)
        assert "taken back" in raised.value.why
        # The configuration is the old one, and the next change goes the ordinary way.
        changed = here.homeport.plan_reconfigure(name, {"auth": {"realm": "Mine"}})
        assert here.finish(here.homeport.apply(changed, changed.hash)).status.value == "succeeded"
    finally:
        here.destroy(name)


def test_what_a_new_release_refuses_stops_nothing(here: Installation) -> None:
    name = "up-refused"
    try:
        client = deploy(here, "radicale", name, "3.5.10")
        with pytest.raises(InvalidInput) as raised:
            upgrade(here, name, values={"auth": {"type": "no such way"}})
        assert raised.value.on == "auth.type"
        client.write("on")
        plan = here.homeport.plan_upgrade(name, {})
        with here.killed_at("upgrade.check:before"):
            operation = here.homeport.apply(plan, plan.hash)
            here.homeport.cancel(operation.id)
            ended = here.finish(operation)
        assert ended.status.value == "cancelled"
        assert release_of(here, name) == "3.5.10"
        assert client.has("on")
        assert captures_on_guest(here, name) == []
    finally:
        here.destroy(name)
