"""What the engine relies on of a secrets store, asked of each of them; and what OpenBao adds."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hvac
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backends.exercise import exercise_secrets
from engine.backends.protocols import Secrets
from engine.backends.registry import BackendEnvironment
from engine.backends.secrets.openbao.policy import deployment_policy, own_policy
from engine.backends.secrets.openbao.session import Session
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.backends.secrets.openbao.store import OpenBaoSecrets, open_backend
from engine.backends.secrets.sealed import SealedSecrets
from engine.errors import (
    Conflict,
    Denied,
    HomeportError,
    InvalidInput,
    NotFound,
    NotReady,
    OnHold,
    Sealed,
    Unsafe,
)
from engine.model.provider import CheckStatus, ProviderProfile
from engine.paths import Paths
from tests.conformance.doubles import MemoryLeases
from tests.conformance.openbao_world import REFERENCE, OpenBaoWorld, make_tls, openbao

CANARY = "canary-3f9a-very-secret"
ROLE = "homeport"

pytestmark = pytest.mark.real

_numbers = itertools.count(1)


@dataclass
class Place:
    """A store that is empty, and how somebody elsewhere would open the same one."""

    open_store: Callable[[], Secrets]


@dataclass
class Login:
    """Homeport's own end: settings, and the store where it keeps what opens OpenBao."""

    settings: dict[str, Any]
    directory: Path
    kept: dict[str, str] = field(default_factory=dict)
    now: float = 0.0

    @property
    def environment(self) -> BackendEnvironment:
        here = self.directory
        return BackendEnvironment(
            ProviderProfile(name="home", zone="test.lab", backends={}),
            "ab12cd34",
            Paths(here / "state", here / "config", here / "lab"),
            self.kept.__getitem__,
            MemoryLeases(),
            self.kept.__setitem__,
        )

    def session(self) -> Session:
        """As another process would log in."""
        return Session(OpenBaoSettings(**self.settings), self.environment, lambda: self.now)

    def open_store(self) -> OpenBaoSecrets:
        return OpenBaoSecrets(self.session(), "ab12cd34")


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBaoWorld]:
    with openbao() as world:
        yield world


@pytest.fixture(scope="module")
def role_id(bao: OpenBaoWorld) -> str:
    return bao.role(ROLE, own_policy(OpenBaoSettings(**bao.settings("any"))))


@pytest.fixture
def login(bao: OpenBaoWorld, role_id: str, tmp_path: Path) -> Login:
    """A folder of its own for each test."""
    chosen = bao.settings(role_id, prefix=f"homeport/t{next(_numbers)}")
    return Login(chosen, tmp_path, {REFERENCE: bao.secret_id(ROLE)})


@pytest.fixture(params=["sealed", "openbao"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "openbao":
        return Place(request.getfixturevalue("login").open_store)
    paths = Paths(tmp_path / "state", tmp_path / "config", tmp_path / "lab")
    return Place(lambda: SealedSecrets(paths))


@pytest.fixture
def store(place: Place) -> Secrets:
    return place.open_store()


# --- the protocol -----------------------------------------------------------------------


def test_the_harmless_part_holds(store: Secrets) -> None:
    assert all(check.status is CheckStatus.PASS for check in store.check())
    assert set(exercise_secrets(store)) == {None}
    assert store.list("") == []
    assert all(check.status is CheckStatus.PASS for check in store.check())


def test_what_was_stored_is_found_again(store: Secrets, place: Place) -> None:
    store.put("deployments/ab12cd34/admin-password", CANARY)
    store.put("providers/home/token", "")
    assert place.open_store().get("deployments/ab12cd34/admin-password") == CANARY
    assert place.open_store().get("providers/home/token") == ""
    store.put("providers/home/token", "new")
    assert place.open_store().get("providers/home/token") == "new"


def test_what_was_never_stored_is_not_found(store: Secrets) -> None:
    with pytest.raises(NotFound):
        store.get("providers/home/token")
    assert store.list("") == []
    assert store.delete("providers") == 0


def test_ensure_makes_a_value_once(store: Secrets) -> None:
    made: list[str] = []

    def make() -> str:
        made.append("x")
        return f"value {len(made)}"

    assert store.ensure("a/b", make) == store.ensure("a/b", make) == store.get("a/b") == "value 1"


def _ensure(place: Place, value: str, answers: multiprocessing.Queue[str]) -> None:
    answers.put(place.open_store().ensure("tls-key", lambda: value))


def test_ensure_has_one_winner_among_processes(place: Place) -> None:
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[str] = context.Queue()
    racers = [
        context.Process(target=_ensure, args=(place, f"value {number}", answers))
        for number in range(6)
    ]
    try:
        for racer in racers:
            racer.start()
        values = {answers.get(timeout=30) for _ in racers}
    finally:
        for racer in racers:
            racer.join(10)
            racer.kill()
    assert values == {place.open_store().get("tls-key")}


def test_a_maker_that_fails_stores_nothing(store: Secrets) -> None:
    def fail() -> str:
        raise RuntimeError("no randomness")

    with pytest.raises(RuntimeError):
        store.ensure("a", fail)
    assert store.list("") == []


def test_delete_takes_the_path_and_all_below_it_and_nothing_beside(store: Secrets) -> None:
    for path in ("deployments/ab", "deployments/ab/x", "deployments/abc/x", "ssh/installation"):
        store.put(path, "v")
    assert store.list("deployments/ab") == ["deployments/ab", "deployments/ab/x"]
    assert store.delete("deployments/ab") == 2
    assert store.list("") == ["deployments/abc/x", "ssh/installation"]


@pytest.mark.parametrize(
    "path", ["", "/", "../x", "a/../b", "/etc/passwd", "a//b", "a b", "a\nb", ".", "a/.hidden", "ä"]
)
def test_only_plain_paths_are_taken(store: Secrets, path: str) -> None:
    for call in (lambda: store.put(path, "v"), lambda: store.get(path), lambda: store.delete(path)):
        with pytest.raises(InvalidInput):
            call()


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}", fullmatch=True), st.text(), max_size=8
    )
)
@settings(max_examples=25, deadline=None)
def test_any_text_comes_back_from_the_sealed_file(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    base = tmp_path_factory.mktemp("secrets")
    _comes_back(SealedSecrets(Paths(base / "state", base / "config", base / "lab")), values)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}", fullmatch=True), st.text(), max_size=4
    )
)
@settings(max_examples=25, deadline=None)
def test_any_text_comes_back_from_openbao(
    bao: OpenBaoWorld,
    role_id: str,
    tmp_path_factory: pytest.TempPathFactory,
    values: dict[str, str],
) -> None:
    chosen = bao.settings(role_id, prefix=f"homeport/t{next(_numbers)}")
    here = Login(chosen, tmp_path_factory.getbasetemp(), {REFERENCE: bao.secret_id(ROLE)})
    _comes_back(here.open_store(), values)


def _comes_back(store: Secrets, values: dict[str, str]) -> None:
    for path, value in values.items():
        store.put(path, value)
    assert {path: store.get(path) for path in store.list("")} == values


def test_what_is_no_text_is_refused_and_not_repeated(store: Secrets) -> None:
    for call in (
        lambda: store.put("a", f"{CANARY}\ud800"),
        lambda: store.ensure("a", lambda: f"{CANARY}\ud800"),
    ):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert CANARY not in str(caught.value.describe())
    assert store.list("") == []


# --- OpenBao: versions, owners, races ------------------------------------------------------


def _kv(bao: OpenBaoWorld) -> Any:
    return bao.admin().secrets.kv.v2


def test_a_value_says_whose_it_is_and_keeps_its_versions(bao: OpenBaoWorld, login: Login) -> None:
    store = login.open_store()
    store.ensure("deployments/0123abcd/admin-password", lambda: "first")
    store.put("deployments/0123abcd/admin-password", "second")
    store.put("deployments/0123abcd/admin-password", "second")
    key = f"{login.settings['prefix']}/deployments/0123abcd/admin-password"
    metadata = _kv(bao).read_secret_metadata(key, mount_point="kv")["data"]
    assert metadata["custom_metadata"] == {
        "owner": "hp-ab12cd34-0123abcd",
        "purpose": "admin-password",
    }
    assert metadata["current_version"] == 2  # what is stored already is not written again
    older = _kv(bao).read_secret_version(
        key, version=1, mount_point="kv", raise_on_deleted_version=True
    )
    assert older["data"]["data"] == {"value": "first"}


def test_of_two_writers_of_a_new_value_one_wins_and_both_know_it(login: Login) -> None:
    stores = [login.open_store() for _ in range(8)]
    start = threading.Barrier(len(stores))

    def race(number: int) -> str:
        start.wait()
        return stores[number].ensure("a/b", lambda: f"value {number}")

    with ThreadPoolExecutor(len(stores)) as threads:
        values = set(threads.map(race, range(len(stores))))
    assert values == {login.open_store().get("a/b")}


def test_a_put_that_meets_another_comes_after_it(
    bao: OpenBaoWorld, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = login.open_store()
    store.put("a", "first")
    read = store._read
    theirs = iter(["theirs"])

    def meanwhile(path: str) -> Any:
        found = read(path)
        for value in theirs:
            login.open_store().put("a", value)
        return found

    monkeypatch.setattr(store, "_read", meanwhile)
    store.put("a", "ours")
    assert login.open_store().get("a") == "ours"
    key = f"{login.settings['prefix']}/a"
    assert _kv(bao).read_secret_metadata(key, mount_point="kv")["data"]["current_version"] == 3


@pytest.mark.parametrize("destroyed", [False, True])
def test_what_somebody_deleted_by_hand_is_not_made_anew(
    bao: OpenBaoWorld, login: Login, destroyed: bool
) -> None:
    store = login.open_store()
    store.put("a", CANARY)
    key = f"{login.settings['prefix']}/a"
    if destroyed:
        _kv(bao).destroy_secret_versions(key, [1], mount_point="kv")
    else:
        _kv(bao).delete_latest_version_of_secret(key, mount_point="kv")
    for call in (
        lambda: store.get("a"),
        lambda: store.put("a", "x"),
        lambda: store.ensure("a", lambda: "x"),
    ):
        with pytest.raises(Conflict) as caught:
            call()
        assert "bao kv undelete -versions=1" in caught.value.do
    if not destroyed:
        _kv(bao).undelete_secret_versions(key, [1], mount_point="kv")
        assert store.get("a") == CANARY
    assert store.delete("a") == 1
    assert store.ensure("a", lambda: "new") == "new"


def test_what_others_wrote_there_is_left_alone(bao: OpenBaoWorld, login: Login) -> None:
    key = f"{login.settings['prefix']}/a"
    _kv(bao).create_or_update_secret(key, {"user": "x", "value": "y"}, mount_point="kv")
    for call in (
        lambda: login.open_store().get("a"),
        lambda: login.open_store().put("a", "x"),
        lambda: login.open_store().ensure("a", lambda: "x"),
    ):
        with pytest.raises(Conflict, match="not written by Homeport"):
            call()


# --- OpenBao: logging in -------------------------------------------------------------------


def test_a_wrapped_secret_id_is_opened_once_and_the_id_kept(
    bao: OpenBaoWorld, login: Login
) -> None:
    wrapped = bao.wrapped_secret_id(ROLE)
    login.kept[REFERENCE] = wrapped
    with ThreadPoolExecutor(4) as threads:  # several processes may be the first at once
        list(threads.map(lambda _: login.open_store().put("a", "v"), range(4)))
    assert login.kept[REFERENCE] != wrapped
    assert login.open_store().get("a") == "v"


def test_a_wrapping_token_that_was_opened_before_is_a_sign_of_theft(
    bao: OpenBaoWorld, login: Login
) -> None:
    wrapped = bao.wrapped_secret_id(ROLE)
    stolen = hvac.Client(bao.url, token=wrapped, verify=str(bao.directory / "ca.pem")).sys.unwrap()
    login.kept[REFERENCE] = wrapped
    with pytest.raises(Unsafe) as caught:
        login.open_store().get("a")
    assert "opened already" in caught.value.why
    assert "audit log" in caught.value.do
    assert wrapped not in str(caught.value.describe())
    assert stolen["data"]["secret_id"] not in str(caught.value.describe())


def test_a_wrapping_token_that_holds_something_else_is_not_opened(
    bao: OpenBaoWorld, login: Login
) -> None:
    slipped_in = bao.admin().adapter.post(
        "/v1/sys/wrapping/wrap", json={"secret_id": "x"}, wrap_ttl="5m"
    )["wrap_info"]["token"]
    login.kept[REFERENCE] = slipped_in
    with pytest.raises(Unsafe, match="not a secret id"):
        login.open_store().get("a")
    assert login.kept[REFERENCE] == slipped_in


def test_a_wrong_secret_id_is_denied_and_not_repeated(login: Login) -> None:
    login.kept[REFERENCE] = CANARY
    with pytest.raises(Denied) as caught:
        login.open_store().get("a")
    assert "secret-id" in caught.value.do
    assert CANARY not in str(caught.value.describe())


@pytest.mark.parametrize("wrong", ["auth_mount", "namespace", "role_id"])
def test_a_login_that_leads_nowhere_names_what_to_check(login: Login, wrong: str) -> None:
    login.settings[wrong] = "nowhere"
    with pytest.raises(Denied) as caught:
        login.open_store().get("a")
    assert wrong in caught.value.do
    assert [line.status for line in login.open_store().check()] == [CheckStatus.FAIL]


def _logins(bao: OpenBaoWorld) -> int:
    return bao.audit_log.read_text().count('"path":"auth/approle/login"')


def test_a_token_is_renewed_before_its_end_and_replaced_when_it_cannot_live_longer(
    bao: OpenBaoWorld, login: Login
) -> None:
    policy = own_policy(OpenBaoSettings(**login.settings))
    login.settings["role_id"] = bao.role("brief", policy, token_ttl="60s", token_max_ttl="90s")
    login.kept[REFERENCE] = bao.secret_id("brief")
    store = login.open_store()
    store.put("a", "v")
    before = _logins(bao)
    login.now = 45.0  # less than a third of its life is left
    assert store.get("a") == "v"
    assert bao.audit_log.read_text().count('"path":"auth/token/renew-self"') > 0
    assert _logins(bao) == before
    login.now = 200.0  # and now it is over
    assert store.get("a") == "v"
    assert _logins(bao) == before + 2  # a request and its answer


def test_a_token_that_was_revoked_is_replaced(bao: OpenBaoWorld, login: Login) -> None:
    store = login.open_store()
    store.put("a", "v")
    bao.admin().sys.revoke_prefix("auth/approle/login")
    assert store.get("a") == "v"


def test_a_secret_id_that_can_be_used_once_is_enough_while_its_token_lives(
    bao: OpenBaoWorld, login: Login
) -> None:
    policy = own_policy(OpenBaoSettings(**login.settings))
    login.settings["role_id"] = bao.role("once", policy, secret_id_num_uses=1)
    login.kept[REFERENCE] = bao.secret_id("once")
    store = login.open_store()
    store.put("a", "v")
    assert store.get("a") == "v"
    with pytest.raises(Denied) as caught:
        login.open_store().get("a")
    assert "used up" in caught.value.do


# --- OpenBao: rights, places, trust ---------------------------------------------------------


def test_a_missing_right_is_named_with_the_line_that_grants_it(
    bao: OpenBaoWorld, login: Login
) -> None:
    login.settings["role_id"] = bao.role(
        "poor", 'path "kv/data/homeport/*" { capabilities = ["read"] }'
    )
    login.kept[REFERENCE] = bao.secret_id("poor")
    store = login.open_store()
    lines = [line for line in store.check() if line.status is CheckStatus.FAIL]
    assert [line.found.partition(" (")[0] for line in lines] == [
        f"create, update on kv/data/{login.settings['prefix']}/*",
        f"create, read, update, list, delete on kv/metadata/{login.settings['prefix']}/*",
        f"list on kv/metadata/{login.settings['prefix']}",
    ]
    assert 'capabilities = ["create", "update"]' in lines[0].do
    with pytest.raises(Denied) as caught:
        store.put("a", CANARY)
    assert f'path "kv/data/{login.settings["prefix"]}/*"' in caught.value.do
    assert CANARY not in str(caught.value.describe())


def test_a_deployments_policy_opens_its_own_secrets_alone(bao: OpenBaoWorld, login: Login) -> None:
    store = login.open_store()
    store.put("deployments/0123abcd/x", "its own")
    store.put("deployments/89abcdef/x", "another's")
    settings = OpenBaoSettings(**login.settings)
    bao.admin().sys.create_or_update_policy("one", deployment_policy(settings, "0123abcd"))
    token = bao.admin().auth.token.create(policies=["one"])["auth"]["client_token"]
    client = hvac.Client(bao.url, token=token, verify=str(bao.directory / "ca.pem"))
    read = client.secrets.kv.v2.read_secret_version
    place = f"{settings.prefix}/deployments"
    own = read(f"{place}/0123abcd/x", mount_point="kv", raise_on_deleted_version=True)
    assert own["data"]["data"]["value"] == "its own"
    with pytest.raises(hvac.exceptions.Forbidden):
        read(f"{place}/89abcdef/x", mount_point="kv", raise_on_deleted_version=True)
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.create_or_update_secret(f"{place}/0123abcd/x", {}, mount_point="kv")


def test_policies_are_shown_without_a_login(login: Login) -> None:
    login.kept.clear()
    text = open_backend(login.environment, login.settings).policies({"0123abcd": "cal"})
    assert own_policy(OpenBaoSettings(**login.settings)) in text
    assert "# cal: reads its own secrets" in text


def test_the_readme_gives_the_rights_that_are_tested(login: Login) -> None:
    readme = Path(__file__).resolve().parents[2].joinpath("README.md").read_text()
    assert own_policy(
        OpenBaoSettings(**dict(login.settings, mount="secret", prefix="homeport"))
    ) in (readme)


def test_a_namespace_is_a_place_of_its_own(bao: OpenBaoWorld, login: Login) -> None:
    bao.admin().sys.create_namespace("team")
    bao.mount("team")
    policy = own_policy(OpenBaoSettings(**login.settings))
    inside = Login(dict(login.settings, namespace="team"), login.directory)
    inside.settings["role_id"] = bao.role(ROLE, policy, "team")
    inside.kept[REFERENCE] = bao.secret_id(ROLE, "team")
    inside.open_store().put("a", "in the team")
    login.open_store().put("a", "at the root")
    assert inside.open_store().get("a") == "in the team"
    assert {check.status for check in inside.open_store().check()} == {CheckStatus.PASS}


def test_a_mount_that_is_not_there_or_of_the_wrong_kind_is_named(
    bao: OpenBaoWorld, login: Login
) -> None:
    bao.admin().sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
    policy = own_policy(OpenBaoSettings(**dict(login.settings, mount="old")))
    policy += "\n" + own_policy(OpenBaoSettings(**dict(login.settings, mount="none")))
    login.settings |= {"role_id": bao.role("elsewhere", policy), "mount": "none"}
    login.kept[REFERENCE] = bao.secret_id("elsewhere")
    with pytest.raises(NotReady, match="no such secrets engine"):
        login.open_store().put("a", "v")
    login.settings["mount"] = "old"
    line = login.open_store().check()[-1]
    assert line.status is CheckStatus.FAIL
    assert "bao secrets enable -path=old -version=2 kv" in line.do


def test_another_authority_is_not_believed(
    bao: OpenBaoWorld, login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bao.directory / "ca.pem"))
    for trust in (
        {"ca_pem": make_tls(tmp_path)},
        {"ca_pem": ""},
        {"fingerprint": "AA:" * 31 + "AA"},
    ):
        login.settings |= {"ca_pem": "", **trust}
        with pytest.raises(Denied) as caught:
            login.open_store().get("a")
        assert "no secret was sent" in caught.value.left
        assert "shows the fingerprint" in caught.value.why


def test_settings_that_cannot_work_are_named(login: Login) -> None:
    for wrong in (
        {"url": "http://bao.example.org:8200"},
        {"url": "https://user@bao.example.org"},
        {"mount": '" { }'},
        {"prefix": "a/../b"},
        {"secret_id_ref": CANARY},
        {"token": CANARY},
    ):
        with pytest.raises(InvalidInput) as caught:
            open_backend(login.environment, login.settings | wrong)
        assert next(iter(wrong)) in caught.value.why
        assert CANARY not in str(caught.value.describe())


# --- OpenBao: away and back -----------------------------------------------------------------


def test_sealed_or_stopped_it_says_so_and_goes_on_afterwards(
    bao: OpenBaoWorld, login: Login
) -> None:
    store = login.open_store()
    store.put("a", "v")
    try:
        bao.seal()
        for call in (
            lambda: store.get("a"),
            lambda: store.put("a", CANARY),
            lambda: login.open_store().get("a"),
        ):
            with pytest.raises(Sealed) as sealed:
                call()
            assert "bao operator unseal" in sealed.value.do
        assert store.check()[0].status is CheckStatus.FAIL
        bao.stop()
        with pytest.raises(OnHold) as away:
            store.get("a")
        assert not isinstance(away.value, Sealed)
        assert "no connection" in away.value.why
        bao.start()
        with pytest.raises(Sealed):
            store.get("a")
    finally:
        if bao.process is None:
            bao.start()
        bao.unseal()
    assert store.get("a") == "v"


# --- nothing leaks ----------------------------------------------------------------------------


def test_no_secret_is_in_the_logs_of_openbao_or_in_an_error(
    bao: OpenBaoWorld, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    store = login.open_store()
    store.put("a", CANARY)
    assert store.ensure("a", lambda: "x") == store.get("a") == CANARY
    told = ""
    bao.seal()
    try:
        store.put("a", f"{CANARY}-2")
    except HomeportError as error:
        told = str(error.describe())
    finally:
        bao.unseal()
    assert told
    secret_id = login.kept[REFERENCE]
    for text in (bao.audit_log.read_text(), bao.log.read_text(), caplog.text, told):
        assert text
        assert CANARY not in text
        assert secret_id not in text
