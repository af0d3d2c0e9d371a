"""A Proxmox VE that is entered with a user's password, and one with several hosts."""

from __future__ import annotations

import base64
import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.login import Login, totp
from engine.backends.hypervisor.proxmox import Proxmox, open_backend
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.registry import BackendEnvironment
from engine.errors import Denied
from engine.lab.api.launch import start_api, stop_api
from engine.lab.api.settings import USER
from engine.model.provider import CheckStatus, ProviderProfile
from engine.paths import Paths
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.proxmox_lab import NODE, LabWorld, lab_world
from tests.conformance.test_hypervisor_conformance import OWNER, explained, hypervisor, spec

PASSWORD = "canary-password-4f1c"


@pytest.fixture(scope="module")
def running() -> Iterator[LabWorld]:
    with lab_world() as opened:
        opened._ask("PUT", "access/password", userid=USER, password=PASSWORD)
        yield opened


@pytest.fixture
def lab(running: LabWorld) -> Iterator[LabWorld]:
    running.reset()
    yield running
    running.reset()


@pytest.fixture
def second_factor(lab: LabWorld) -> Iterator[str]:
    """The user's TOTP secret."""
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    code = totp(secret, int(time.time() // 30))
    uri = f"otpauth://totp/{USER}?secret={secret}&digits=6&period=30"
    made = lab._ask("POST", f"access/tfa/{USER}", type="totp", totp=uri, value=code)
    yield secret
    lab._ask("DELETE", f"access/tfa/{USER}/{made['id']}")


def with_login(lab: LabWorld, **changes: Any) -> dict[str, Any]:
    settings = {name: x for name, x in lab.settings().items() if not name.startswith("token")}
    return settings | {"login": USER, "password_ref": "secret:pve-password"} | changes


def entered(lab: LabWorld, leases: MemoryLeases, password: str = PASSWORD) -> Proxmox:
    profile = ProviderProfile(name="test", zone="test.lab", backends={})
    paths = Paths.from_environment()
    environment = BackendEnvironment(profile, "ab12cd34", paths, lambda _: password, leases)
    return open_backend(environment, with_login(lab))


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return time.time() + self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


def asking(lab: LabWorld, login: Login) -> ProxmoxClient:
    settings = ProxmoxSettings.model_validate(with_login(lab))
    return ProxmoxClient(settings, "", "test", login)


def test_a_guest_lives_and_dies_by_a_password(
    lab: LabWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    leases, journal = MemoryLeases(), Journal()
    backend = entered(lab, leases)
    assert {check.status for check in backend.check()} == {CheckStatus.PASS}
    guest = backend.ensure(spec(lab), journal)
    backend.start(guest, journal)
    assert backend.destroy(OWNER, journal)
    assert PASSWORD not in caplog.text + "".join(journal.lines)


def test_a_wrong_password_is_refused_and_never_shown(lab: LabWorld) -> None:
    with pytest.raises(Denied) as caught:
        entered(lab, MemoryLeases(), "canary-wrong").find(OWNER)
    explained(caught.value)
    assert "canary-wrong" not in str(caught.value.describe())
    assert f"pveum passwd {USER}" in caught.value.do


def test_a_ticket_is_renewed_by_itself_and_replaced_when_it_is_too_old(lab: LabWorld) -> None:
    clock = Clock()
    login = Login(USER, PASSWORD, clock=clock)
    client, seen = asking(lab, login), set()
    for pause in (0, 600, 3000, 7300):
        clock.sleep(pause)
        assert client.get("version")["version"]
        assert login.ticket is not None
        seen.add(login.ticket.value)
    assert len(seen) == 3


def test_a_ticket_that_the_server_forgot_does_not_fail_a_change(lab: LabWorld) -> None:
    client = asking(lab, Login(USER, PASSWORD))
    client.get("version")
    handle = lab.handle
    stop_api(handle.directory)
    network = f"{handle.host.rpartition('.')[0]}.0/24"
    start_api(handle.directory, name=NODE, host=handle.host, port=handle.port, network=network)
    lab.enter()
    upid = client.post(f"nodes/{NODE}/qemu", {"vmid": 9001, "pool": "homeport"})
    assert ":qmcreate:9001:" in upid


def test_a_second_factor_is_answered_and_no_code_used_twice(
    lab: LabWorld, second_factor: str
) -> None:
    clock = Clock()
    for _ in range(2):  # as two processes within one step of 30 seconds
        login = Login(USER, PASSWORD, second_factor, now=clock, sleep=clock.sleep)
        assert asking(lab, login).get("version")["version"]
    assert 0 < clock.passed <= 30


def test_a_second_factor_without_a_secret_is_said(lab: LabWorld, second_factor: str) -> None:
    with pytest.raises(Denied) as caught:
        asking(lab, Login(USER, PASSWORD)).get("version")
    explained(caught.value)
    assert "totp_ref" in caught.value.do


# --- several hosts ----------------------------------------------------------------------


@contextmanager
def another_entrance(lab: LabWorld) -> Iterator[str]:
    """A second port of the API's host, as another host of the cluster would be."""
    server = socket.create_server((lab.handle.host, 0))

    def forward(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                api = socket.create_connection((lab.handle.host, lab.handle.port))
                for pair in ((client, api), (api, client)):
                    threading.Thread(target=forward, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"{lab.handle.host}:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_a_change_whose_answer_is_lost_is_not_sent_to_the_next_host(lab: LabWorld) -> None:
    leases, journal = MemoryLeases(), Journal()
    with another_entrance(lab) as entrance:
        backend = hypervisor(lab, leases, hosts=[entrance, lab.handle.address])
        lab.fault("lost_answers", 1)
        guest = backend.ensure(spec(lab), journal)
    made = lab._ask("GET", f"nodes/{NODE}/tasks", typefilter="qmcreate", userfilter="!")
    assert [task["id"] for task in made] == [guest.id]
    assert any("looking whether the guest is being made" in line for line in journal.lines)
    assert backend.find(OWNER) == guest  # the entrance is closed: the other host answers
