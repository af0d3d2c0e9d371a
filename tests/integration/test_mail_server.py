"""A deployment with an account on a real mail server of its provider: made, used, given up for the
user's own server, moved to a provider whose mail server is of another kind, and gone, with both as
they were found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engine.homeport import DeployRequest
from engine.model.plan import Operation
from engine.model.provider import BackendProfile, CheckStatus, Service
from engine.operations.retry import LIMIT_VARIABLE
from tests.conformance.mail_world import (
    DOMAIN,
    MASTER,
    MailWorld,
    PostWorld,
    mail_world,
    new_password,
)
from tests.conformance.modoboa_world import ModoboaWorld, modoboa_world
from tests.deployed import Installation, check_nothing_left, wait_until
from tests.lab_fixture import RunningLab
from tests.scripted_package import with_packages

pytestmark = [pytest.mark.integration, pytest.mark.real]

HERE, THERE = "harbour-a", "harbour-b"
NAME = "post"


@pytest.fixture(scope="module")
def world() -> Iterator[MailWorld]:
    with mail_world() as started:
        yield started


@pytest.fixture(scope="module")
def other() -> Iterator[ModoboaWorld]:
    with modoboa_world() as started:
        yield started


@pytest.fixture(scope="module")
def here(
    lab: RunningLab, world: MailWorld, other: ModoboaWorld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with with_packages(lab, tmp_path_factory.mktemp("catalog"), "postbox") as opened:
        for name, post in ((HERE, world), (THERE, other)):
            server = BackendProfile(kind=post.kind, settings=post.settings)
            profile = opened.homeport.provider(name)
            backends = {**profile.backends, Service.MAIL: server}
            served = profile.model_copy(update={"backends": backends})
            opened.homeport.save_provider(served, post.secrets)
        yield opened


def succeeded(operation: Operation) -> Operation:
    assert operation.status.value == "succeeded", repr(operation.error)
    return operation


def plan_of(here: Installation, **values: Any) -> Any:
    return here.homeport.plan_deploy(
        DeployRequest(
            application="postbox",
            provider=HERE,
            domain=f"{NAME}.{HERE}.lab",
            name=NAME,
            values=values,
        )
    )


def told(here: Installation, provider: str = HERE) -> Any:
    """What the application on the guest knows of mail."""
    [file] = here.guest_root(NAME, provider).glob("**/postbox.json")
    return json.loads(file.read_text()).get("mail")


def test_an_account_is_made_used_moved_and_gone(
    here: Installation,
    world: MailWorld,
    other: ModoboaWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    homeport, before, before_there = here.homeport, world.seen(), other.seen()
    box, password = f"ada@{DOMAIN}", new_password()
    opened = here.backends(HERE).mail
    assert opened is not None
    opened.ensure_mailbox("somebody", box, password)
    with_box = world.seen()

    # Postfix may be away while the account is made; a stranger's line stops it, and is left alone.
    monkeypatch.setenv(LIMIT_VARIABLE, "1")
    here.end_worker()
    plan = plan_of(here)
    name = next(str(s.args["name"]) for s in plan.steps if s.kind == "mail.ensure@1")
    world.add("aliases", f"{name}@{DOMAIN} {box}")
    operation = here.carry_out(plan)
    assert operation.error is not None
    assert operation.error["code"] == "conflict"
    (world.own / "aliases").write_text(with_box["aliases"])
    with here.killed_at("mail.ensure:after"):
        operation = here.finish(homeport.resume(operation.id))
    succeeded(operation)

    mail = told(here)
    assert mail["user"] == mail["sender"] == f"{name}@{DOMAIN}"
    assert (mail["host"], mail["port"]) == (world.settings["host"], world.ports["submission"])
    world.send(mail["user"], mail["password"], box, "from the first side")
    wait_until(lambda: "from the first side" in world.subjects(box, password), 60)
    told_of_it = json.dumps([dict(event) for event in _events(here, operation)], default=str)
    assert mail["password"] not in told_of_it + written(world)

    # The user's own server takes its place whole, and gives it back.
    own = {"mail": {"host": "mail.elsewhere.example"}}
    succeeded(here.carry_out(homeport.plan_reconfigure(NAME, own)))
    assert told(here) == own["mail"]
    succeeded(here.carry_out(homeport.plan_reconfigure(NAME, {})))
    assert told(here) == mail

    succeeded(here.carry_out(homeport.plan_rotate(NAME)))
    rotated = told(here)
    assert rotated["password"] != mail["password"]
    assert opened.refuses_login(mail["user"], mail["password"])
    assert not opened.refuses_login(mail["user"], rotated["password"])

    operation = succeeded(here.carry_out(homeport.plan_migrate(NAME, THERE)))
    moved = told(here, THERE)
    assert (moved["host"], moved["port"]) == (other.host, other.ports["submission"])
    other.send(moved["user"], moved["password"], MASTER, "from the other side")
    got = (MASTER, other.master_password)
    wait_until(lambda: "from the other side" in other.subjects(*got), 60)
    told_of_it = json.dumps([dict(event) for event in _events(here, operation)], default=str)
    assert moved["password"] not in told_of_it + written(other) + other.log.read_text()
    confirm = homeport.plan_confirm(NAME)
    assert any(step.kind == "mail.drop@1" for step in confirm.deletes)
    succeeded(here.carry_out(confirm))
    assert opened.refuses_login(mail["user"], rotated["password"])

    gone = homeport.plan_destroy(NAME)
    [drop] = [step for step in gone.steps if step.kind == "mail.drop@1"]
    assert moved["user"] in drop.subject
    succeeded(here.carry_out(gone))
    check_nothing_left(here, NAME)
    assert (world.seen(), other.seen()) == (with_box, before_there)
    opened.drop("somebody")
    assert world.seen() == before


@pytest.mark.parametrize("provider", [HERE, THERE])
def test_doctor_tries_the_mail_server_and_leaves_it_as_it_was(
    here: Installation, world: MailWorld, other: ModoboaWorld, provider: str
) -> None:
    before = world.seen(), other.seen()
    lines = [line for line in here.homeport.try_provider(provider) if line.service == "mail"]
    assert not [line for line in lines if line.status is CheckStatus.FAIL]
    assert any(line.title == f"MX of {DOMAIN}" for line in lines)
    assert any(line.title == "Tried out, and left as it was found" for line in lines)
    assert (world.seen(), other.seen()) == before


def written(world: PostWorld) -> str:
    """All that the server writes down, logs included."""
    logs = (world.directory / "postfix.log", world.directory / "dovecot/log")
    return "".join([str(world.seen()), *(path.read_text() for path in logs)])


def _events(here: Installation, operation: Operation) -> Any:
    return [event.model_dump() for event in here.homeport.events(operation.id)]
