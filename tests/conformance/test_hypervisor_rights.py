"""The rights that are asked for are enough, no more, and granted by the commands that are shown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from engine.backends.hypervisor.proxmox import Proxmox
from engine.backends.protocols import HasLeastRights
from engine.errors import HomeportError
from engine.lab.api.access import LEAST_RIGHTS
from engine.lab.api.settings import USER
from engine.model.provider import Check, CheckStatus
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.proxmox_lab import LabWorld, lab_world
from tests.conformance.proxmox_worlds import RIGHTS, TOKEN_ID, fake_world
from tests.conformance.test_hypervisor_conformance import OWNER, hypervisor, spec

NETS: dict[str, dict[str, Any]] = {
    "vm": {"safety_net": "snapshot"},
    "lxc": {"safety_net": "backup", "backup_storage": "local"},
}


@pytest.fixture(scope="module")
def running() -> Iterator[LabWorld]:
    with lab_world() as opened:
        yield opened


@pytest.fixture(params=["vm", "lxc"])
def bare(request: pytest.FixtureRequest, running: LabWorld) -> Iterator[LabWorld]:
    """A provider where the user has no rights at all."""
    running.reset()
    running.kind = request.param
    forget_all(running)
    yield running
    forget_all(running)
    for role in {role for role in running._roles if role.startswith("Homeport")}:
        running._ask("DELETE", f"access/roles/{role}")
        running._roles.remove(role)
    for path, privileges in LEAST_RIGHTS.items():
        role = running._role(privileges)
        running._ask("PUT", "access/acl", path=path, users=USER, roles=role)


def forget_all(lab: LabWorld) -> None:
    for rule in lab._ask("GET", "access/acl"):
        if rule["ugid"].startswith(USER):
            lab._forget_rules(rule)


def backend(lab: LabWorld) -> Proxmox:
    return hypervisor(lab, MemoryLeases(), **NETS[lab.kind])


def failures(lab: LabWorld) -> list[Check]:
    return [check for check in backend(lab).check() if check.status is CheckStatus.FAIL]


def run(lab: LabWorld, command: str) -> None:
    """A line of `pveum`, by the request that it makes."""
    words = shlex.split(command)
    options = dict(zip(words[4::2], words[5::2], strict=True)) if words[2] != "token" else {}
    match words[1:4]:
        case ["acl", "modify", path]:
            rule = {name.removeprefix("--"): value for name, value in options.items()}
            lab._ask("PUT", "access/acl", path=path, **rule)
        case ["role", "add", role]:
            lab._ask("POST", "access/roles", roleid=role, privs=options["--privs"])
            lab._roles.add(role)
        case ["user", "add", _] | ["pool", "add", _] | ["user", "token", "add"]:
            return  # the lab has them
        case _:
            raise AssertionError(f"unknown command: {command}")


def use_all(lab: LabWorld) -> None:
    used, journal = backend(lab), Journal()
    guest = used.ensure(spec(lab), journal)
    used.start(guest, journal)
    kind = NETS[lab.kind]["safety_net"]
    known_as = used.keep(OWNER, "homeport-0123456789ab", kind, journal)
    assert known_as
    used.stop(guest, journal)
    assert used.drop(OWNER, known_as, kind, journal)
    assert used.destroy(OWNER, journal)


def test_the_commands_of_the_check_mend_what_it_found(bare: LabWorld) -> None:
    for _ in range(4):
        commands = {check.do.partition(" run: ")[2] for check in failures(bare)} - {""}
        for command in commands:
            run(bare, command)
    assert not failures(bare)
    use_all(bare)


def test_the_least_rights_are_enough_and_none_can_be_left_out(bare: LabWorld) -> None:
    for command in backend_text(bare).replace("\\\n", "").splitlines():
        if not command.startswith("#"):
            run(bare, command)
    assert not failures(bare)
    use_all(bare)
    for rule in bare._ask("GET", "access/acl"):
        if rule["ugid"] != USER or rule["path"].startswith("/pool"):
            continue
        bare._forget_rules(rule)
        with pytest.raises(HomeportError):
            use_all(bare)
        bare._ask("PUT", "access/acl", path=rule["path"], users=USER, roles=rule["roleid"])


def backend_text(lab: LabWorld) -> str:
    found = backend(lab)
    assert isinstance(found, HasLeastRights)
    return found.least_rights()


@pytest.mark.parametrize(
    ("version", "agent", "other"),
    [
        ("8.4.5", {"VM.Monitor"}, {"VM.GuestAgent.Audit", "VM.GuestAgent.FileRead"}),
        ("9.2.11", {"VM.GuestAgent.Audit", "VM.GuestAgent.FileRead"}, {"VM.Monitor"}),
    ],
)
def test_each_version_is_asked_for_its_own_privileges(
    version: str, agent: set[str], other: set[str]
) -> None:
    with fake_world() as world:
        world.pve.version = version
        found = hypervisor(world, MemoryLeases())
        guests = set(RIGHTS["/pool/homeport"].split()) - agent - other
        world.pve.acl[TOKEN_ID] = [
            (path, guests | other if path.startswith("/pool") else privileges)
            for path, privileges in world.pve.acl[TOKEN_ID]
        ]
        [failed] = [check for check in found.check() if check.status is CheckStatus.FAIL]
        assert set(failed.found.removeprefix("missing: ").split(", ")) == agent
        assert failed.do.endswith("--roles PVEVMAdmin")
        assert isinstance(found, HasLeastRights)
        assert agent <= set(found.least_rights().replace('"', " ").split())
        assert not other & set(found.least_rights().replace('"', " ").split())
