"""Safety nets: a guest kept as a whole, found again, gone back to, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.backends.hypervisor.proxmox import Proxmox
from engine.backends.protocols import HasSafetyNets, NetKind
from engine.errors import Denied, HomeportError, NotFound
from engine.model.provider import CheckStatus
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.proxmox_lab import NODE, LabWorld, lab_world
from tests.conformance.test_hypervisor_conformance import OWNER, explained, hypervisor, spec

NAME = "homeport-0123456789ab"
BACKUPS = {"safety_net": "backup", "backup_storage": "local"}


@pytest.fixture(scope="module")
def running() -> Iterator[LabWorld]:
    with lab_world() as opened:
        yield opened


@pytest.fixture(params=["vm", "lxc"])
def lab(request: pytest.FixtureRequest, running: LabWorld) -> Iterator[LabWorld]:
    running.reset()
    running.kind = request.param
    yield running
    running.reset()


@pytest.fixture
def journal() -> Journal:
    return Journal()


def made(lab: LabWorld, journal: Journal, **changes: Any) -> Proxmox:
    backend = hypervisor(lab, MemoryLeases(), **changes)
    backend.ensure(spec(lab), journal)
    assert isinstance(backend, HasSafetyNets)
    return backend


def kept_by_proxmox(lab: LabWorld) -> dict[str, list[str]]:
    snapshots = lab._ask("GET", f"{lab._place(9000)}/snapshot")
    backups = lab._ask("GET", f"nodes/{NODE}/storage/local/content", content="backup")
    return {
        "snapshot": [row["name"] for row in snapshots if row["name"] != "current"],
        "backup": [row["volid"] for row in backups],
    }


@pytest.mark.parametrize("kind", ["snapshot", "backup"])
def test_a_guest_is_kept_once_and_let_go_once(
    lab: LabWorld, journal: Journal, kind: NetKind
) -> None:
    backend = made(lab, journal, **BACKUPS)
    foreign = kept_by_proxmox(lab)
    lab.fault("lost_answers", 1)
    known_as = backend.keep(OWNER, NAME, kind, journal)
    assert known_as
    assert backend.keep(OWNER, NAME, kind, journal) == known_as
    assert kept_by_proxmox(lab) == foreign | {kind: [known_as]}
    lab.fault("lost_answers", 1)
    assert backend.drop(OWNER, known_as, kind, journal)
    assert not backend.drop(OWNER, known_as, kind, journal)
    assert kept_by_proxmox(lab) == foreign


def test_the_snapshot_holds_what_the_guest_held(lab: LabWorld, journal: Journal) -> None:
    backend = made(lab, journal)
    guest = backend.find(OWNER)
    assert guest is not None
    backend.start(guest, journal)
    file = lab.handle.directory / "guests/9000/root/var/lib/precious"
    file.write_text("before")
    assert backend.keep(OWNER, NAME, "snapshot", journal) == NAME
    file.write_text("broken")
    found = backend.find(OWNER)
    assert found is not None
    assert found.status == "running"  # it stood still for a moment, and goes on
    lab._wait(lab._ask("POST", f"{lab._place(9000)}/snapshot/{NAME}/rollback"))
    found = backend.find(OWNER)
    assert found is not None
    assert found.status == "stopped"
    assert file.read_text() == "before"
    backend.start(found, journal)
    assert backend.destroy(OWNER, journal)
    assert not (lab.handle.directory / "guests/9000").exists()


def test_a_storage_without_snapshots_is_told_apart_from_a_failure(
    lab: LabWorld, journal: Journal
) -> None:
    places = {row["storage"] for row in lab._ask("GET", "storage")}
    if "plain" not in places:
        wanted = {"storage": "plain", "type": "dir", "path": "/srv", "content": "images,rootdir"}
        lab._ask("POST", "storage", **wanted)
    rule = {"path": "/storage/plain", "users": "homeport@pve", "roles": "Administrator"}
    lab._ask("PUT", "access/acl", **rule)
    backend = made(lab, journal, storage="plain")
    assert backend.keep(OWNER, NAME, "snapshot", journal) is None
    lab._ask("PUT", "access/acl", **rule, delete=1)


def test_the_backup_of_a_guest_that_is_gone_can_be_removed(lab: LabWorld, journal: Journal) -> None:
    backend = made(lab, journal, **BACKUPS)
    saved = backend.keep(OWNER, NAME, "backup", journal)
    assert saved
    assert backend.destroy(OWNER, journal)
    with pytest.raises(NotFound):
        backend.keep(OWNER, NAME, "backup", journal)
    assert list((lab.handle.directory / "dump").iterdir())
    assert backend.drop(OWNER, saved, "backup", journal)
    assert not list((lab.handle.directory / "dump").iterdir())


@pytest.mark.parametrize(
    ("kind", "privilege"), [("snapshot", "VM.Snapshot"), ("backup", "VM.Backup")]
)
def test_a_missing_right_is_named(
    lab: LabWorld, journal: Journal, kind: NetKind, privilege: str
) -> None:
    backend = made(lab, journal, **{**BACKUPS, "safety_net": kind})
    lab.revoke("/pool/homeport", privilege)
    with pytest.raises(HomeportError) as caught:
        backend.keep(OWNER, NAME, kind, journal)
    explained(caught.value)
    assert isinstance(caught.value, Denied)
    assert privilege in caught.value.why
    failures = [check for check in backend.check() if check.status is CheckStatus.FAIL]
    assert any(privilege in check.found for check in failures)
    assert kept_by_proxmox(lab)[kind] == []
