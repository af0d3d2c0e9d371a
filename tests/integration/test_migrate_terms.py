"""What an operator asks of a move: a window, to wait, a report; and what stands in its way.

One calendar goes to and fro between the lab's providers, so that it is deployed once.
"""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.backends.protocols import DnsRecord
from engine.cli.main import main
from engine.errors import Busy
from engine.methods.protocols import Work
from engine.model.events import QuestionAnswered, QuestionAsked
from engine.model.move import MovePhase, MoveTerms
from engine.model.plan import Operation, Plan
from engine.operations.launch import ensure_worker
from tests.deployed import Installation, check_nothing_left, installation, wait_until
from tests.integration.test_migrate import SOURCE, TARGET, address_at, answer_at, move_of, succeeded
from tests.lab_fixture import RunningLab
from tests.ledger import BOOKS, Ledger
from tests.quiet_work import Quiet

pytestmark = pytest.mark.integration

NAME = "mv-terms"
STRANGER = DnsRecord("other.harbour-a.lab", "A", ("127.0.0.99",), 300)


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        succeeded(opened.deploy("radicale", NAME))
        dns = opened.backends(SOURCE).dns
        dns.apply(dns.plan("hp-stranger-1", [STRANGER]), [STRANGER])
        try:
            yield opened
            # Whatever went to and fro, what is not the deployment's is as it was.
            assert dns.find("hp-stranger-1") == [STRANGER]
        finally:
            dns.apply(dns.plan("hp-stranger-1", []), [])
            succeeded(opened.destroy(NAME))
        for provider in (SOURCE, TARGET):
            check_nothing_left(opened, NAME, provider)


@pytest.fixture(autouse=True)
def settled(here: Installation) -> None:
    """Each begins with the calendar at one provider alone, wherever that is."""
    move = here.homeport.deployment(NAME).move
    if move is not None and move.is_open:
        confirm(here)


def at(here: Installation) -> str:
    return here.homeport.deployment(NAME).deployment.provider


def elsewhere(here: Installation) -> str:
    return TARGET if at(here) == SOURCE else SOURCE


@pytest.fixture(scope="module")
def ledger(here: Installation) -> Ledger:
    return Ledger(BOOKS["radicale"](here.homeport, NAME))


def ttl(here: Installation) -> int:
    (record,) = here.backends(SOURCE).dns.find(here.owner(NAME))
    return record.ttl


def begun(here: Installation, plan: Plan) -> Operation:
    return here.homeport.apply(plan, plan.hash)


def wait_until_held(here: Installation, operation: Operation) -> None:
    def held() -> bool:
        status = here.homeport.operation(operation.id)
        assert not status.status.is_final, repr(status.error)
        move = here.homeport.deployment(NAME).move
        return move is not None and move.waits

    wait_until(held, 120)


def confirm(here: Installation) -> None:
    succeeded(here.carry_out(here.homeport.plan_confirm(NAME)))


def test_a_held_move_waits_through_a_kill_serves_meanwhile_and_is_reported(
    here: Installation, ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homeport = here.homeport
    source, target = at(here), elsewhere(here)
    assert ttl(here) == 300
    plan = homeport.plan_migrate(NAME, target, MoveTerms(hold=True))
    rival = homeport.plan_migrate(NAME, target)
    assert plan.forecast is not None
    assert {size.unit for size in plan.forecast.units} == {"collections", "users"}
    with ledger.writing():
        operation = begun(here, plan)
        with pytest.raises(Busy):
            begun(here, rival)
        wait_until_held(here, operation)
        assert ttl(here) == 60
        here.end_worker(signal.SIGKILL)
        written = len(ledger.acknowledged)
        ensure_worker(homeport.paths)
        wait_until(lambda: len(ledger.acknowledged) > written + 3)
        assert move_of(here, NAME).waits
        assert main(["show", NAME]) == 0
        assert f"homeport continue {NAME}" in capsys.readouterr().out
        assert main(["continue", NAME]) == 0
        ended = succeeded(here.finish(operation))
    ledger.check()
    events = homeport.events(ended.id)
    assert [e.until for e in events if isinstance(e, QuestionAsked)][-1] is None
    assert "said now" in [e.text for e in events if isinstance(e, QuestionAnswered)][-1]

    # Who comes by the old address is served, counted, and told of.
    old = address_at(here, NAME, source)
    answer_at(homeport, NAME, old, "/.well-known/caldav")
    passed_on = homeport.forwarded(NAME)
    assert passed_on is not None
    assert passed_on.last_hour == passed_on.total >= 1
    capsys.readouterr()
    assert main(["show", NAME]) == 0
    assert f"{passed_on.total} request" in capsys.readouterr().out
    log = here.guest_root(NAME, source) / "var/lib/caddy/passed-on.log"
    last = json.loads(log.read_text().splitlines()[-1])
    assert "status" in last
    assert not {"request", "resp_headers", "user_id"} & set(last)

    file = tmp_path / "report.html"
    assert main(["report", ended.id, "-o", str(file)]) == 0
    page = file.read_text()
    for said in ("V2", "masked: a start was tried and failed", "last copy", "foreseen"):
        assert said in page
    secret = homeport.reveal_secret(NAME, "admin-password")
    capsys.readouterr()
    assert main(["report", ended.id]) == 0
    text = capsys.readouterr().out
    assert f"from {source} to {target}" in text
    assert secret not in text + page
    assert old not in text + page

    plan = homeport.plan_confirm(NAME)
    assert "came by the old address in the last hour" in plan.warnings[-1]
    succeeded(here.carry_out(plan))
    assert ttl(here) == 300


def test_cancelled_while_it_is_held_leaves_nothing_at_the_target_if_asked(
    here: Installation, ledger: Ledger
) -> None:
    terms = MoveTerms(hold=True, begin_at=datetime.now(UTC) + timedelta(hours=5))
    source, target = at(here), elsewhere(here)
    with ledger.writing():
        operation = begun(here, here.homeport.plan_migrate(NAME, target, terms))
        wait_until_held(here, operation)
        assert main(["cancel", operation.id, "--remove"]) == 0
        assert here.homeport.operation(operation.id).status.value == "cancelled"
    ledger.check()
    assert ledger.refused == 0 or ledger.write_one()
    assert here.backends(target).hypervisor.find(here.owner(NAME)) is None
    assert at(here) == source
    assert ttl(here) == 300


@contextmanager
def flooded(directory: Path, kib_per_second: int) -> Iterator[None]:
    """New files all the while, faster than they can be carried."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.wait(0.1):
            (directory / f"flood-{number}").write_bytes(b"x" * (kib_per_second * 1024 // 10))
            number += 1

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        for file in directory.glob("flood-*"):
            file.unlink()


def test_a_target_slower_than_the_writing_is_told_of_and_the_source_serves_on(
    here: Installation, ledger: Ledger
) -> None:
    source, target = at(here), elsewhere(here)
    foreseen = here.homeport.plan_migrate(NAME, target).forecast
    assert foreseen is not None
    terms = MoveTerms(window_seconds=foreseen.away_seconds, limit_kib=200)
    plan = here.homeport.plan_migrate(NAME, target, terms)
    root = here.guest_root(NAME, source)
    busy = root / "var/lib/homeport" / NAME / "collections"
    before = len(ledger.acknowledged)
    with ledger.writing():
        operation = begun(here, plan)
        finished = here.homeport._inventory.finished_steps
        wait_until(lambda: "passage.open" in finished.of(operation.id), 120)
        with flooded(busy, 300):
            ended = here.finish(operation)
    assert ended.status.value == "failed"
    assert ended.error is not None
    assert ended.error["code"] == "too-slow"
    assert "collections is written at" in ended.error["why"]
    assert "--window" in ended.error["do"]
    assert len(ledger.acknowledged) > before
    move = move_of(here, NAME)
    assert (move.phase, move.frozen, move.writer) == (MovePhase.STOPPED, None, source)
    ledger.check()


def test_moved_within_its_window_and_back_and_forth_again(
    here: Installation, ledger: Ledger, tmp_path: Path
) -> None:
    """Back to where it was, and there again, and back by a revert."""
    source, target = at(here), elsewhere(here)
    file = tmp_path / "report.json"
    with ledger.writing():
        ask = ["migrate", NAME, "--to", target, "--window", "60s", "--report", str(file), "--yes"]
        assert main(ask) == 0
    ledger.check()
    told = json.loads(file.read_text())
    assert told["away"]["measured"] is not None
    assert told["away"]["before_freeze"] <= 60
    assert [unit["level"] for unit in told["units"]] == ["V2", "V2"]
    steps = told["away_steps"]
    assert [steps[0]["step"], steps[-1]["step"]] == ["source.freeze", "move.serving"]
    begun = [step["begun"] for step in steps]
    assert begun[0] == 0
    assert begun == sorted(begun)
    confirm(here)
    succeeded(here.carry_out(here.homeport.plan_migrate(NAME, source)))
    ledger.check()
    before, began = list(ledger.book.entries()), time.monotonic()
    succeeded(here.carry_out(here.homeport.plan_revert(NAME)))
    logging.getLogger(__name__).info("reverted in %.1f s", time.monotonic() - began)
    assert ledger.book.entries() == before
    assert ledger.write_one()
    assert at(here) == target


def switched_off(here: Installation, provider: str, work: Work) -> None:
    hypervisor = here.backends(provider).hypervisor
    guest = hypervisor.find(here.owner(NAME))
    assert guest is not None
    hypervisor.stop(guest, work)


def died_at(here: Installation, moment: str, then: Callable[[], None]) -> Operation:
    """A move whose worker dies at that moment; what happens then; and how it ends."""
    plan = here.homeport.plan_migrate(NAME, elsewhere(here))
    with here.killed_at(moment):
        operation = begun(here, plan)
        here.wait_until_killed(operation, moment)
        then()
    return here.finish(operation)


def test_a_source_that_dies_before_the_fence_is_fenced_by_its_hypervisor(
    here: Installation, ledger: Ledger
) -> None:
    """Its guest is off, with all data on it; the target has them and serves; and it can be
    gone back, for which the guest is started."""
    assert ledger.write_one()
    source, moment = at(here), "source.fence:before"
    ended = died_at(here, moment, lambda: switched_off(here, source, Quiet()))
    succeeded(ended)
    proofs = here.homeport._inventory.finished_steps.of(ended.id)["source.fence"].output["proofs"]
    assert "switched off" in proofs[-1]
    ledger.check()
    before = list(ledger.book.entries())
    succeeded(here.carry_out(here.homeport.plan_revert(NAME)))
    assert ledger.book.entries() == before
    assert ledger.write_one()
    assert at(here) == source
