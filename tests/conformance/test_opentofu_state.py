"""The state service as a client of OpenTofu's http backend meets it, on a real OpenBao with raft:
two writers, dead ones, stale locks, old states, sealed stores; nothing is lost or overwritten."""

from __future__ import annotations

import base64
import itertools
import json
import random
import shutil
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from engine.backends.secrets.openbao.session import Session
from engine.errors import Conflict, HomeportError, NotFound, OnHold, PlanChanged, Unsafe
from engine.tfstate.changes import Changes
from engine.tfstate.desk import StateDesk
from engine.tfstate.model import StateName, Version
from engine.tfstate.policy import state_policy
from engine.tfstate.rules import Caller, StateLocked
from engine.tfstate.states import States
from engine.tfstate.vault import StateVault
from tests.conformance.openbao_world import HOST, make_tls
from tests.conformance.state_world import (
    LINEAGE,
    Client,
    StateWorld,
    document,
    lock_info,
    state_world,
)

CANARY = "canary-7c1e-in-the-state"

pytestmark = pytest.mark.real

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def world() -> Iterator[StateWorld]:
    with state_world() as made:
        yield made


@pytest.fixture
def name() -> str:
    """A state of its own for each test."""
    return f"harbour/t{next(_numbers)}"


@pytest.fixture
def client(world: StateWorld, name: str) -> Client:
    return world.client(name)


@pytest.fixture
def desk(world: StateWorld) -> Iterator[StateDesk]:
    with world.desk() as opened:
        yield opened


def caller(desk: StateDesk, name: str) -> Caller:
    return Caller("ann", desk.grant(StateName.parse(name), "ann"))


def at(desk: StateDesk, now: datetime) -> States:
    """The same states at another time."""
    return States(Changes(desk.changes.vault, lambda: now))


# --- the protocol ---------------------------------------------------------------------------


def test_a_state_is_written_under_its_lock_and_read_again(client: Client) -> None:
    assert client.get().status_code == 404
    assert client.lock("l1").status_code == 200
    assert client.put(document(1), "l1").status_code == 200
    assert client.unlock("l1").status_code == 200
    answer = client.get()
    assert answer.content == document(1)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert client.request("TRACE").status_code == 501


def test_without_a_lock_it_is_written_while_nobody_holds_one(client: Client) -> None:
    assert client.put(document(1)).status_code == 200
    client.lock("l1")
    refused = client.put(document(2))
    assert refused.status_code == 423
    assert refused.json()["Who"] == "ann@desk"
    assert client.get().content == document(1)


def test_who_is_not_known_is_not_let_in(client: Client, world: StateWorld) -> None:
    client.put(document(1))
    assert client.request("GET", auth=None).status_code == 401
    assert client.request("GET", auth=(client.user, "wrong")).status_code == 403
    assert client.request("GET", auth=("bob", client.password)).status_code == 403
    nowhere = Client(world.url("harbour/never-made"), "ann", client.password, client.ca)
    assert nowhere.get().status_code == 403
    assert nowhere.put(document(1)).status_code == 403
    for method in ("POST", "DELETE", "LOCK", "UNLOCK"):
        body = document(2, ID="l")
        assert client.request(method, body, auth=(client.user, "wrong")).status_code == 403
    assert client.get().content == document(1)


def test_credentials_open_one_state_and_end_when_they_are_revoked(
    client: Client, world: StateWorld, desk: StateDesk, name: str
) -> None:
    other = world.client("harbour/other")
    other.url = client.url
    assert other.get().status_code == 403
    desk.revoke(StateName.parse(name), "ann")
    assert client.get().status_code == 403
    with pytest.raises(NotFound):
        desk.revoke(StateName.parse(name), "ann")


def test_names_that_read_alike_are_different_states(world: StateWorld) -> None:
    one, two = world.client("a-b/c"), world.client("a/b-c")
    one.put(document(1))
    assert two.get().status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", document(-1), b'{"serial": true, "lineage": "x"}', document(1)[:-9]],
)
def test_what_is_no_state_is_not_stored(client: Client, body: bytes) -> None:
    client.put(document(1))
    assert client.put(body).status_code == 400
    assert client.get().content == document(1)


def test_a_body_that_was_damaged_on_its_way_is_not_stored(client: Client) -> None:
    wrong = base64.b64encode(bytes(16)).decode()
    answer = client.request("POST", document(1), headers={"Content-MD5": wrong})
    assert (answer.status_code, "damaged" in answer.text) == (400, True)
    assert client.get().status_code == 404


def test_a_client_that_dies_while_it_sends_leaves_the_old_state(client: Client) -> None:
    client.put(document(1))
    login = base64.b64encode(f"{client.user}:{client.password}".encode()).decode()
    path = "/" + client.url.split("/", 3)[3]
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
    context = ssl.create_default_context(cafile=client.ca)
    port = int(client.url.split(":")[2].split("/")[0])
    with (
        socket.create_connection((HOST, port)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        body = document(2)
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:40])
    assert client.get().content == document(1)


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"ID": 3}'])
def test_what_is_no_lock_is_refused(client: Client, body: bytes) -> None:
    assert client.request("LOCK", body).status_code == 400
    assert client.lock("l1").status_code == 200
    assert client.request("UNLOCK", body).status_code == 400
    assert client.put(document(1)).status_code == 423


def test_a_large_state_comes_back_as_it_was(client: Client) -> None:
    """Larger than one entry of raft, and than one request to OpenBao may be."""
    noise = base64.b64encode(random.Random(1).randbytes(3_000_000)).decode()
    body = document(1, outputs={"noise": noise})
    assert client.put(body).status_code == 200
    assert client.get().content == body


# --- locks ----------------------------------------------------------------------------------


def test_of_two_who_lock_one_is_told_who_holds_it(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client.lock, [f"l{n}" for n in range(8)]))
    statuses = sorted(answer.status_code for answer in answers)
    assert (statuses[0], set(statuses[1:])) == (200, {423})
    [winner] = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 423:
            assert answer.json()["ID"] == f"l{winner}"
            assert "held by ann" in answer.json()["Info"]


def test_a_retry_whose_first_answer_was_lost_is_told_the_same(client: Client) -> None:
    assert [client.lock("l1").status_code for _ in range(2)] == [200, 200]
    assert [client.put(document(1), "l1").status_code for _ in range(2)] == [200, 200]
    assert [client.unlock("l1").status_code for _ in range(2)] == [200, 200]


def test_only_the_holder_unlocks(client: Client) -> None:
    client.lock("l1")
    refused = client.unlock("l2")
    assert (refused.status_code, refused.json()["ID"]) == (423, "l1")
    assert client.lock("l2").status_code == 423


def test_opentofus_force_unlock_names_the_lock_and_takes_it_away(
    client: Client, desk: StateDesk, name: str
) -> None:
    """It sends the ID and empty fields; nimbolus/terraform-backend answers 400 to that."""
    client.lock("l1")
    empty = dict.fromkeys(lock_info(""), "")
    assert client.request("UNLOCK", json.dumps(empty | {"ID": "l2"}).encode()).status_code == 423
    assert client.request("UNLOCK", json.dumps(empty | {"ID": "l1"}).encode()).status_code == 200
    assert client.put(document(1), "l1").status_code == 409
    [note] = desk.owner.head(StateName.parse(name)).forced
    assert (note.lock, note.holder, note.by) == ("l1", "ann@desk", "ann")


def test_a_force_unlock_without_an_id_takes_only_a_lock_that_grew_old(
    client: Client, desk: StateDesk, name: str
) -> None:
    """As Terraform sends it."""
    client.lock("l1")
    refused = client.request("UNLOCK")
    assert (refused.status_code, refused.json()["ID"]) == (423, "l1")
    later = at(desk, datetime.now(UTC) + timedelta(minutes=16))
    later.unlock(StateName.parse(name), Caller("ann", client.password), None)
    assert client.lock("l2").status_code == 200


def test_a_holder_that_writes_keeps_its_lock_young(
    client: Client, desk: StateDesk, name: str
) -> None:
    key, now = StateName.parse(name), datetime(2026, 1, 1, tzinfo=UTC)
    ann = Caller("ann", client.password)
    at(desk, now).lock(key, ann, lock_info("l1"))
    busy = at(desk, now + timedelta(minutes=14))
    busy.put(key, ann, document(1), "l1")
    later = at(desk, now + timedelta(minutes=20))
    with pytest.raises(StateLocked, match="6 min ago"):
        later.unlock(key, ann, None)


def test_a_holder_whose_lock_was_taken_away_writes_no_more(
    client: Client, world: StateWorld, name: str
) -> None:
    client.lock("l1")
    client.put(document(1), "l1")
    wrong = world.homeport("state", "unlock", name, "--id", "l9", "--reason", "dead")
    assert wrong.returncode != 0
    done = world.homeport("state", "unlock", name, "--id", "l1", "--reason", "its machine burnt")
    assert done.returncode == 0, done.stderr
    assert client.lock("l2").status_code == 200
    assert client.put(document(2), "l1").status_code == 423
    assert client.put(document(2), "l2").status_code == 200
    assert client.unlock("l2").status_code == 200
    late = client.put(document(3), "l1")
    assert (late.status_code, "errored.tfstate" in late.text) == (409, True)
    assert client.get().content == document(2)
    history = world.homeport("state", "history", name).stdout
    assert "its machine burnt" in history
    assert "ann@desk" in history


# --- writers --------------------------------------------------------------------------------


def test_of_many_writers_without_lock_one_wins_and_the_others_are_told(
    client: Client, desk: StateDesk, name: str
) -> None:
    """Half of them through the service, half in this process, as through a second service."""
    ann = Caller("ann", client.password)
    client.put(document(1))
    bodies = [document(2, outputs={"n": n}) for n in range(8)]

    def write(number: int) -> int:
        if number % 2:
            return client.put(bodies[number]).status_code
        try:
            desk.states.put(StateName.parse(name), ann, bodies[number])
        except Conflict:
            return 409
        return 200

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(8)))
    won = [body for body, answer in zip(bodies, answers, strict=True) if answer == 200]
    assert sorted(set(answers)) == [200, 409]
    assert [client.get().content] == won
    assert [version.serial for version in desk.owner.history(StateName.parse(name))] == [2, 1]


def test_what_another_service_did_meanwhile_is_seen(desk: StateDesk, name: str) -> None:
    """Where nothing seems to be left to do."""
    ours, theirs = (States(Changes(desk.changes.vault)) for _ in range(2))
    state, ann = StateName.parse(name), caller(desk, name)
    ours.lock(state, ann, lock_info("a"))
    ours.unlock(state, ann, lock_info("a"))
    theirs.lock(state, ann, lock_info("b"))
    with pytest.raises(StateLocked):
        ours.unlock(state, ann, lock_info("a"))
    theirs.unlock(state, ann, lock_info("b"))

    assert ours.put(state, ann, document(5)).number == 1
    theirs.delete(state, ann)
    assert ours.put(state, ann, document(5)).number == 3
    assert ours.get(state, ann) == document(5)

    ours.delete(state, ann)
    theirs.put(state, ann, document(6))
    ours.delete(state, ann)
    assert ours.get(state, ann) is None


@pytest.mark.parametrize("seed", range(2))
def test_two_services_with_one_store_answer_as_one_that_remembers_nothing(
    desk: StateDesk, seed: int
) -> None:
    """What each of them wrote last is an old head as soon as the other has changed it."""
    chance = random.Random(seed)
    vault = desk.changes.vault
    pair = [States(Changes(vault)), States(Changes(vault))]
    told: dict[str, list[str]] = {}
    ours, plain = (StateName("harbour", f"{kind}{next(_numbers)}") for kind in ("pair", "plain"))
    ann = {name: caller(desk, str(name)) for name in (ours, plain)}
    for step in range(2, 72):
        serial = step // 2  # so that some are sent again
        verb, lock, which = chance.choice(_VERBS), chance.choice("ab"), chance.choice((0, 1))
        for name, states in ((ours, pair[which]), (plain, States(Changes(vault)))):
            said = _answered(states, name, ann[name], verb, lock, serial)
            told.setdefault(str(name), []).append(f"{verb} {lock}: {said}")
        if chance.random() < 0.1:
            ann = {name: caller(desk, str(name)) for name in (ours, plain)}
    assert told[str(ours)] == told[str(plain)]


_VERBS = (
    *("lock", "unlock", "unlock", "get", "put", "put", "put bare", "put bare"),
    *("put old", "delete", "stranger"),
)


def _answered(
    states: States, name: StateName, ann: Caller, verb: str, lock: str, serial: int
) -> str:
    try:
        match verb:
            case "lock" | "stranger":
                who = ann if verb == "lock" else Caller("ann", "guess")
                return repr(states.lock(name, who, lock_info(lock)))
            case "unlock":
                return repr(states.unlock(name, ann, lock_info(lock)))
            case "get":
                return repr(states.get(name, ann))
            case "delete":
                return repr(states.delete(name, ann))
        written = document(serial // 2 if verb == "put old" else serial)
        return str(states.put(name, ann, written, "" if verb == "put bare" else lock).number)
    except HomeportError as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (document(4), "its serial is 4, but 5 was written already"),
        (document(5, outputs={"x": 1}), "another state with serial 5"),
        (document(9, "another"), "another lineage"),
    ],
)
def test_an_old_or_foreign_state_is_refused(client: Client, old: bytes, said: str) -> None:
    client.put(document(5))
    client.lock("l1")
    answer = client.put(old, "l1")
    assert (answer.status_code, said in answer.text) == (409, True)
    assert "rollback" in answer.text
    assert client.get().content == document(5)


class _Dies(Exception):
    pass


class _MortalSession(Session):
    """Dies before one of its calls, or after it was carried out."""

    left = 10**6
    after = False
    counting = threading.Lock()

    def call(self, on: str, ask: Any) -> Any:
        with self.counting:
            self.left -= 1
            dies = self.left <= 0
        if dies and not (self.after and self.left == 0):
            raise _Dies
        answer = super().call(on, ask)
        if dies:
            raise _Dies
        return answer


@pytest.mark.parametrize("after", [False, True])
def test_a_server_that_dies_at_any_call_leaves_the_old_state_or_the_new(
    desk: StateDesk, name: str, after: bool
) -> None:
    key, ann = StateName.parse(name), caller(desk, name)
    desk.states.put(key, ann, document(1))
    session = desk.changes.vault._session
    mortal = _MortalSession(session.settings, None)  # type: ignore[arg-type]
    mortal._token = session._valid_token()
    mortal.after = after
    states = States(Changes(StateVault(mortal, part_bytes=40)))
    serial = 1
    for calls in itertools.count(1):
        mortal.left = calls
        new = document(serial + 1, outputs={"n": calls})
        try:
            states.put(key, ann, new)
        except _Dies:
            found = desk.states.get(key, ann)
            assert found in (document_of(desk, key, ann, serial), new)
        else:
            break
        serial = json.loads(found or b"")["serial"]
    assert calls > 8
    assert desk.states.get(key, ann) == new
    numbers = [version.number for version in desk.owner.history(key)]
    assert numbers == list(range(len(numbers), 0, -1))


def document_of(desk: StateDesk, key: StateName, ann: Caller, serial: int) -> bytes:
    [version] = [v for v in desk.owner.history(key) if v.serial == serial]
    return desk.changes.vault.content(key, version)


def test_a_service_killed_in_the_middle_of_a_write_goes_on_with_a_whole_state(
    client: Client, world: StateWorld
) -> None:
    client.put(document(1))
    client.lock("l1")
    noise = base64.b64encode(random.Random(2).randbytes(4_000_000)).decode()
    body = document(2, outputs={"noise": noise})
    written = world.bao.audit_log.stat().st_size

    def kill() -> None:
        _wait_for_parts(world, written)
        world.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(requests.ConnectionError):
        client.put(body, "l1")
    killer.join()
    world.start()
    assert client.get().content == document(1)
    assert client.lock("l2").status_code == 423
    assert client.put(body, "l1").status_code == 200
    assert client.get().content == body


def _wait_for_parts(world: StateWorld, written: int) -> None:
    """Until the service writes parts of a state, by OpenBao's audit log from there on."""
    deadline = time.monotonic() + 30
    with world.bao.audit_log.open("rb") as log:
        log.seek(written)
        seen = b""
        while b"/parts/" not in seen:
            assert time.monotonic() < deadline
            seen = seen[-100:] + log.read()


def test_an_openbao_killed_in_the_middle_of_a_write_keeps_a_whole_state(
    client: Client, world: StateWorld
) -> None:
    client.put(document(1))
    noise = base64.b64encode(random.Random(4).randbytes(4_000_000)).decode()
    body = document(2, outputs={"noise": noise})
    written = world.bao.audit_log.stat().st_size
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.put, body)
        _wait_for_parts(world, written)
        world.bao.stop()
        assert answer.result().status_code == 503
    world.bao.start()
    world.bao.unseal()
    assert client.get().content == document(1)
    assert client.put(body).status_code == 200
    assert client.get().content == body


def test_a_renewed_certificate_is_taken_up_and_a_wrong_one_is_not(
    client: Client, world: StateWorld
) -> None:
    assert world.process is not None
    kept = world.log.stat().st_size
    (world.tls / "new").mkdir()
    make_tls(world.tls / "new")
    shutil.copy(world.tls / "new" / "server.pem", world.tls)  # the key is still the old one's
    world.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while "certificate in use is kept" not in world.log.read_text()[kept:]:
        assert time.monotonic() < deadline
    assert client.get().status_code == 404
    make_tls(world.tls)
    world.process.send_signal(signal.SIGHUP)
    while True:
        try:
            assert client.get().status_code == 404
        except requests.exceptions.SSLError:
            assert time.monotonic() < deadline
        else:
            return


def test_told_to_stop_it_answers_what_is_under_way_first(client: Client, world: StateWorld) -> None:
    process = world.process
    assert process is not None
    noise = base64.b64encode(random.Random(3).randbytes(2_000_000)).decode()
    with ThreadPoolExecutor(1) as pool:
        written = world.bao.audit_log.stat().st_size
        answer = pool.submit(client.put, document(1, outputs={"noise": noise}))
        _wait_for_parts(world, written)
        process.terminate()
        assert answer.result().status_code == 200
    assert process.wait(30) == 0
    world.kill()
    world.start()
    assert client.get().json()["serial"] == 1


# --- OpenBao --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "do"), [("seal", "bao operator unseal"), ("stop", "Start it and unseal it")]
)
def test_an_openbao_that_is_away_is_told_and_nothing_is_lost(
    client: Client, world: StateWorld, how: str, do: str
) -> None:
    health = f"https://{HOST}:{world.port}/health"
    client.put(document(1))
    client.lock("l1")
    getattr(world.bao, how)()
    try:
        for answer in (client.get(), client.put(document(2), "l1"), client.unlock("l1")):
            assert (answer.status_code, do in answer.text) == (503, True)
        assert client.request("GET", auth=("ann", "wrong")).status_code == 503
        assert requests.get(health, verify=client.ca, timeout=30).status_code == 503
    finally:
        if how == "stop":
            world.bao.start()
        world.bao.unseal()
    assert requests.get(health, verify=client.ca, timeout=30).status_code == 200
    assert client.get().content == document(1)
    assert client.put(document(2), "l1").status_code == 200


def test_a_state_is_read_after_its_key_was_rotated(client: Client, world: StateWorld) -> None:
    client.put(document(1))
    world.bao.admin().secrets.transit.rotate_key("homeport-state")
    assert client.get().content == document(1)
    assert client.put(document(2)).status_code == 200
    assert client.get().content == document(2)


def test_a_token_that_ended_is_replaced(client: Client, world: StateWorld) -> None:
    client.put(document(1))
    admin = world.bao.admin()
    for accessor in admin.auth.token.list_accessors()["data"]["keys"]:
        found = admin.auth.token.lookup_accessor(accessor)["data"]
        if found["path"].endswith("approle/login"):
            admin.auth.token.revoke_accessor(accessor)
    assert client.put(document(2)).status_code == 200


@pytest.mark.parametrize("kilobytes", [1, 100])
def test_a_piece_that_was_moved_or_removed_is_never_taken_for_a_state(
    client: Client, world: StateWorld, desk: StateDesk, name: str, kilobytes: int
) -> None:
    """In the version's record, and in parts of its own."""
    noise = random.Random(5).randbytes(kilobytes * 1024).hex()
    client.put(document(1, outputs={"noise": noise}))
    client.put(document(2, outputs={"noise": noise}))
    kv = world.bao.admin().secrets.kv.v2

    def place(version: Version) -> str:
        where = f"parts/{version.blob}/0" if version.blob else f"versions/{version.key}"
        return f"homeport-state/{name}/{where}"

    newest, oldest = desk.owner.history(StateName.parse(name))
    assert bool(newest.blob) == (kilobytes > 64)
    old = kv.read_secret_version(place(oldest), mount_point="kv", raise_on_deleted_version=True)[
        "data"
    ]["data"]
    kv.create_or_update_secret(place(newest), old, mount_point="kv")
    answer = client.get()
    assert (answer.status_code, "changed or moved" in answer.text) == (500, True)
    kv.delete_metadata_and_all_versions(place(newest), mount_point="kv")
    answer = client.get()
    assert (answer.status_code, "missing" in answer.text) == (500, True)
    kv.delete_latest_version_of_secret(f"homeport-state/{name}/head", mount_point="kv")
    answer = client.get()
    assert (answer.status_code, "undelete" in answer.text) == (500, True)
    assert client.put(document(3)).status_code == 500
    listed = world.homeport("state", "list")
    assert listed.returncode == Unsafe.exit_status
    assert f"! {name}: a piece of a state was deleted" in listed.stdout


def test_an_engine_that_forgets_is_refused(
    client: Client, world: StateWorld, desk: StateDesk, name: str
) -> None:
    client.put(document(1))
    kv = world.bao.admin().secrets.kv.v2
    kv.configure(mount_point="kv", delete_version_after="1h")
    try:
        with pytest.raises(Unsafe, match="delete_version_after"):
            desk.states.put(StateName.parse(name), Caller("ann", client.password), document(2))
    finally:
        kv.configure(mount_point="kv", delete_version_after="0s")
    assert client.get().content == document(1)


@pytest.mark.parametrize(
    ("elsewhere", "do"),
    [
        ({"transit_mount": "nowhere"}, "bao secrets enable -path=nowhere transit"),
        ({"transit_key": "none"}, "bao write -f transit/keys/none"),
        ({"transit_key": "forbidden"}, 'path "transit/encrypt/forbidden"'),
    ],
)
def test_a_missing_engine_key_or_right_is_named(
    world: StateWorld, desk: StateDesk, name: str, elsewhere: dict[str, str], do: str
) -> None:
    key, ann = StateName.parse(name), caller(desk, name)
    known = desk.changes.vault._session
    settings = known.settings.model_copy(update=elsewhere)
    if "forbidden" not in elsewhere.values():
        world.allow(state_policy(settings))
    session = Session(settings, None)  # type: ignore[arg-type]
    session._token = known._valid_token()
    with pytest.raises(HomeportError) as refused:
        States(Changes(StateVault(session))).put(key, ann, document(1))
    assert do in refused.value.do
    assert desk.states.get(key, ann) is None


def test_no_log_and_no_entry_holds_the_state_or_the_password(
    client: Client, world: StateWorld, desk: StateDesk, name: str
) -> None:
    client.put(document(1, outputs={"password": CANARY}))
    client.put(document(1, outputs={"password": CANARY + "2"}))
    for place in (world.log, world.bao.log, world.bao.audit_log):
        text = place.read_text()
        assert CANARY not in text
        assert client.password not in text
    kept = str(desk.changes.vault._read(f"{name}/head"))
    [version] = desk.owner.history(StateName.parse(name))
    kept += str(desk.changes.vault._read(f"{name}/versions/{version.key}"))
    assert CANARY not in kept
    assert client.password not in kept


# --- history --------------------------------------------------------------------------------


def test_every_version_is_kept_and_can_be_gone_back_to(
    client: Client, world: StateWorld, name: str
) -> None:
    for serial in range(1, 15):  # more than the ten that KV keeps of a key by itself
        assert client.put(document(serial, outputs={"n": serial})).status_code == 200
    shown = json.loads(world.homeport("state", "history", name, "--json").stdout)
    assert [version["serial"] for version in shown["versions"]] == list(range(14, 0, -1))
    planned = world.homeport("state", "rollback", name, "--to", "2", "--plan")
    assert "version 15 will hold what version 2 held" in planned.stdout
    assert client.get().content == document(14, outputs={"n": 14})
    done = world.homeport("state", "rollback", name, "--to", "2", "--yes")
    assert done.returncode == 0, done.stderr
    back = client.get().json()
    assert (back["outputs"], back["serial"], back["lineage"]) == ({"n": 2}, 15, LINEAGE)
    assert client.put(document(15)).status_code == 409
    assert client.put(document(16)).status_code == 200


def test_a_rollback_waits_for_the_lock_and_for_what_was_written_since(
    client: Client, desk: StateDesk, name: str
) -> None:
    key = StateName.parse(name)
    client.put(document(1))
    client.put(document(2))
    client.lock("l1")
    with pytest.raises(StateLocked):
        desk.rollback(key, 1, 2)
    client.put(document(3), "l1")
    client.unlock("l1")
    with pytest.raises(PlanChanged):
        desk.rollback(key, 1, 2)
    with pytest.raises(Conflict, match="already"):
        desk.rollback(key, 3, 3)
    with pytest.raises(NotFound):
        desk.rollback(key, 9, 3)
    assert client.get().content == document(3)


def test_a_deleted_state_can_be_brought_back(client: Client, desk: StateDesk, name: str) -> None:
    key = StateName.parse(name)
    client.put(document(1))
    client.lock("l1")
    assert client.request("DELETE").status_code == 423
    client.unlock("l1")
    assert [client.request("DELETE").status_code for _ in range(2)] == [200, 200]
    assert client.get().status_code == 404
    desk.rollback(key, 1, 2)
    assert client.get().json()["serial"] == 2


def test_what_opentofu_encrypted_itself_is_kept_as_it_is(
    client: Client, desk: StateDesk, name: str
) -> None:
    first = document(1, encrypted_data="b64", encryption_version="v0")
    client.put(first)
    client.put(document(2, encrypted_data="b65", encryption_version="v0"))
    desk.rollback(StateName.parse(name), 1, 2)
    assert client.get().content == first


def test_states_are_listed_with_their_holders(client: Client, world: StateWorld, name: str) -> None:
    client.put(document(7))
    client.lock("l1")
    listed = world.homeport("state", "list")
    assert not listed.stderr
    [line] = [line for line in listed.stdout.splitlines() if line.startswith(f"{name} ")]
    assert "ann@desk l1" in line
    shown = json.loads(world.homeport("state", "list", "--json").stdout)
    [entry] = [entry for entry in shown if entry["state"] == name]
    assert (entry["users"], entry["current"]["serial"]) == (["ann"], 7)


def test_what_the_command_line_gives_is_what_terraform_needs(
    world: StateWorld, client: Client, name: str
) -> None:
    given = world.homeport("state", "grant", name, "--user", "eve", "--url", "https://tf.example")
    assert f'address        = "https://tf.example/state/{name}"' in given.stdout
    known = dict(line.split("=", 1) for line in given.stdout.splitlines() if line[:3] == "TF_")
    eve = Client(client.url, known["TF_HTTP_USERNAME"], known["TF_HTTP_PASSWORD"], client.ca)
    assert eve.put(document(1)).status_code == 200
    revoked = world.homeport("state", "revoke", name, "--user", "eve")
    assert (revoked.returncode, eve.get().status_code) == (0, 403)
    policy = world.homeport("state", "policy").stdout
    assert "bao write -f transit/keys/homeport-state" in policy
    assert 'path "kv/data/homeport-state/*"' in policy
    wrong = world.homeport("state", "grant", "../x", "--user", "eve")
    assert (wrong.returncode, "PROJECT/NAME" in wrong.stderr) == (2, True)


def test_a_service_that_is_away_is_told_at_the_command_line(world: StateWorld) -> None:
    world.bao.seal()
    try:
        done = world.homeport("state", "list")
    finally:
        world.bao.unseal()
    assert done.returncode == OnHold.exit_status
    assert "sealed" in done.stderr
