"""What is special to queues: nothing is lost, doubled or put in another order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RemoteFailure
from tests.amqp import Amqp
from tests.conformance import state_ground
from tests.conformance.test_state_conformance import Mortal, Queues
from tests.conformance.test_state_moves import Grounds, Move, moved
from tests.deployed import installation
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.real]


@pytest.fixture(scope="module")
def grounds(lab: RunningLab) -> Iterator[Grounds]:
    with installation(lab) as here, state_ground.both_grounds(here, "radicale") as both:
        yield both


@pytest.fixture
def move(grounds: Grounds) -> Iterator[Move]:
    yield from moved(grounds, "rabbitmq")


def ctl(move: Move, *words: str) -> str:
    return move.target.ground.place.shell.run(("rabbitmqctl", "--quiet", *words)).stdout


def found(move: Move) -> str:
    with pytest.raises(RemoteFailure) as raised:
        move.compare()
    return raised.value.why


def consumed(server: Amqp, queue: str) -> list[bytes]:
    """What a consumer gets that takes everything."""
    bodies = []
    while (message := server.get(queue)) is not None:
        bodies.append(message[2])
    return bodies


def test_damage_to_queues_is_found(move: Move) -> None:
    """Each comes before those above where parts are told in the order of their names."""
    move.here.make()
    move.bring()
    assert move.compare().level == 3
    with Amqp(Queues(move.target.ground).address) as server:
        ctl(move, "change_password", "guest", "guest")  # another salt
        assert "users guest" in found(move)
        ctl(move, "set_policy", "limit", "^jobs", '{"max-length": 5000}')
        assert "policies / limit" in found(move)
        server.purge("until restarted")
        assert "queue / until restarted kept is missing" in found(move)
        first = server.get("jobs")
        assert first is not None
        server.publish("harbour.a", first[2], "news", delivery_mode=1)
        assert "queue / jobs kept digest" in found(move), "the same number in another order"
        server.publish("by priority", b"p1", priority=1)
        assert "queue / by priority kept" in found(move)
    move.bring()
    move.compare()


def test_what_was_not_acknowledged_is_ready_and_every_kind_of_queue_keeps_its_order(
    move: Move,
) -> None:
    move.here.make()
    bodies = [b"%d" % n for n in range(1200)]
    with Amqp(Queues(move.source.ground).address) as server:
        server.queue("replicated", x_queue_type="quorum")
        server.queue("lazy", x_queue_mode="lazy")
        for queue in ("replicated", "lazy"):
            for body in bodies[: 300 if queue == "replicated" else None]:
                server.publish(queue, body, delivery_mode=2)
        taken = server.get("jobs", keep=True)
        move.bring()
        move.compare()
    with Amqp(Queues(move.target.ground).address) as server:
        assert server.messages("jobs")[0] == taken
        assert consumed(server, "replicated") == bodies[:300]
        assert consumed(server, "lazy") == bodies
    with Amqp(Queues(move.source.ground).address) as server:
        for queue in ("replicated", "lazy"):
            server.purge(queue)


def test_what_a_killed_restore_left_at_work_in_the_server_doubles_nothing(move: Move) -> None:
    move.here.make()
    with Amqp(Queues(move.source.ground).address) as server:
        for n in range(1500):
            server.publish("brief", b"%d" % n)
    wanted = move.here.shown()
    target = move.target.ground
    for seconds in (1.2, 2.5):
        mortal: Any = Mortal(target.place.shell, seconds)
        cut = replace(target, place=replace(target.place, shell=mortal))
        with suppress(RemoteFailure):
            replace(move, target=replace(move.target, ground=cut)).bring()
    move.bring()
    move.compare()
    assert move.there.shown() == wanted


def test_a_message_expires_when_it_would_have(move: Move) -> None:
    move.here.make()
    with Amqp(Queues(move.source.ground).address) as server:
        server.queue("short", x_message_ttl=6_000)
        server.publish("short", b"soon over")
        server.purge("brief")
    move.bring()
    move.compare()
    with Amqp(Queues(move.target.ground).address) as server:
        # It was away for longer than that; counted anew, it would still be there.
        assert server.messages("brief") == []
    ctl(move, "eval", "timer:sleep(4000).")
    with Amqp(Queues(move.target.ground).address) as server:
        assert server.messages("short") == []


def test_a_stream_is_refused_by_its_name_before_anything_is_touched(move: Move) -> None:
    move.here.make()
    move.bring()
    before = move.there.shown()
    with Amqp(Queues(move.source.ground).address) as server:
        server.queue("log", x_queue_type="stream")
    try:
        with pytest.raises(RemoteFailure, match="log of virtual host / is a stream"):
            move.bring()
        assert move.there.shown() == before
    finally:
        move.source.ground.place.shell.run(("rabbitmqctl", "--quiet", "delete_queue", "log"))


def test_messages_are_for_the_server_s_user_alone_on_their_way(move: Move) -> None:
    move.here.make()
    move.bring()
    for side in (move.source, move.target):
        beside = Path(side.ground.place.facts.root, "var/lib/rabbitmq/mnesia")
        assert not list(beside.glob("*.homeport")), "and gone at the end"
