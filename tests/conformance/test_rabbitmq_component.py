"""The guest's own RabbitMQ: made for an application, locked by the fence, open again after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.methods import rabbitmq
from engine.methods.bindings import bindings_of
from engine.methods.in_turn import run_in_turn
from engine.methods.place import Place
from engine.password_hashes import rabbit_hash
from tests.amqp import Amqp
from tests.conformance.state_ground import ground
from tests.conformance.test_state_conformance import installed
from tests.deployed import installation
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.real]

PASSWORD = "canary-rabbitmq-password"


@pytest.fixture(scope="module")
def place(lab: RunningLab) -> Iterator[Place]:
    with installation(lab) as here, ground(here, "radicale") as made:
        app = made.place.app
        needs = app.package.needs.model_copy(update={"components": ("rabbitmq",)})
        package = app.package.model_copy(update={"needs": needs})
        wanted = replace(made.place, app=replace(app, package=package))
        rabbitmq.prepare(wanted)
        installed(made, rabbitmq.DEBIAN_PACKAGE, "rabbitmqctl")
        yield wanted


def client(place: Place, user: str = "radicale", password: str = PASSWORD) -> Amqp:
    return Amqp(place.facts.loopback, user, password, str(bindings_of(place)["rabbitmq.vhost"]))


def salt(size: int) -> bytes:
    return b"salt"[:size]


def test_an_application_gets_what_nobody_else_gets_into(place: Place) -> None:
    for _ in range(2):
        rabbitmq.ensure_rabbitmq(place, salt)
    with client(place) as opened:
        opened.queue("jobs")
        opened.publish("jobs", b"one")
    for user, password in (("guest", "guest"), ("radicale", "another")):
        with pytest.raises((AssertionError, OSError)):
            client(place, user, password)
    written = Path(place.facts.root, "etc/rabbitmq/rabbitmq-env.conf").read_text()
    assert f"NODE_IP_ADDRESS={place.facts.loopback}\n" in written


def test_a_locked_account_is_thrown_out_and_refused_until_it_is_opened_again(place: Place) -> None:
    rabbitmq.ensure_rabbitmq(place, salt)
    assert not is_refused(place)
    connected = client(place)
    run_in_turn(place, rabbitmq.login_allowed(place, allowed=False))
    assert is_refused(place)
    with pytest.raises((AssertionError, OSError)):
        connected.messages("jobs")
    run_in_turn(place, rabbitmq.login_allowed(place, allowed=True))
    assert not is_refused(place)
    with client(place) as opened:
        assert [body for _, _, body in opened.messages("jobs")] == [b"one"]


def is_refused(place: Place) -> bool:
    return rabbitmq.is_refused(run_in_turn(place, *rabbitmq.login_tried(place)))


def test_another_password_lets_in_and_the_one_before_does_not(place: Place) -> None:
    other = replace(place, app=replace(place.app, read_secret=lambda name: f"other-{name}"))
    rabbitmq.ensure_rabbitmq(other, salt)
    with client(place, password="other-rabbitmq-password"):
        pass
    with pytest.raises((AssertionError, OSError)):
        client(place)
    # A side that was fenced is made anew by a move that comes there again.
    run_in_turn(place, rabbitmq.login_allowed(place, allowed=False))
    rabbitmq.ensure_rabbitmq(place, salt)
    assert not is_refused(place)


def test_the_password_is_not_in_what_the_server_is_told() -> None:
    account = rabbitmq.Account.of("next-cloud")
    told = rabbitmq.setup_input(account, rabbit_hash("canary", b"salt"))
    assert "canary" not in told
    assert account.vhost == "next_cloud"
