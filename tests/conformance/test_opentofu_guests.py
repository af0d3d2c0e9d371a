"""Guests that are declared to a real OpenTofu, or Terraform, and made at the lab's Proxmox VE API;
states in files, and at Homeport's own state service on a real OpenBao."""

from __future__ import annotations

import os
import signal
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.backends.hypervisor.proxmox import open_backend
from engine.backends.protocols import GuestSpec
from engine.errors import Conflict, Denied, PlanChanged, RetryableError
from engine.tfstate.model import StateName
from tests.conformance.doubles import Journal
from tests.conformance.proxmox_lab import LabWorld, lab_world
from tests.conformance.state_world import StateWorld, state_world
from tests.conformance.terraform_world import program
from tests.conformance.test_hypervisor_conformance import OWNER, owned, spec
from tests.conformance.tofu_world import TofuWorld, descendants, infrastructure
from tests.deployed import wait_until

pytestmark = pytest.mark.real

ADDRESS = "proxmox_virtual_environment_vm.radicale_1"


@pytest.fixture(scope="module")
def provider() -> Iterator[LabWorld]:
    program()
    with lab_world() as opened:
        yield opened


@pytest.fixture(scope="module")
def service() -> Iterator[StateWorld]:
    program()
    with state_world() as opened:
        yield opened


@pytest.fixture
def lab(provider: LabWorld) -> Iterator[LabWorld]:
    provider.reset()
    yield provider
    provider.reset()


@pytest.fixture
def files(lab: LabWorld, tmp_path: Path) -> TofuWorld:
    """States are files."""
    settings = lab.settings()
    return TofuWorld(
        home=str(tmp_path),
        provider={"name": "home", "zone": "test.lab", "backends": {}},
        hypervisor=settings,
        infrastructure=infrastructure(tmp_path / "mirror").settings,
        secrets={settings["token_ref"]: lab.token},
    )


@pytest.fixture
def served(files: TofuWorld, service: StateWorld, tmp_path: Path) -> TofuWorld:
    """States are at the service, to which Homeport gives itself access."""
    store, secrets = service.store()
    ca = (service.tls / "ca.pem").read_text()
    project = f"of-{tmp_path.name.rpartition('_')[2]}"
    state = {"url": service.url("").rstrip("/"), "ca_pem": ca, "project": project}
    return replace(
        files,
        provider={**files.provider, "backends": {"secrets": store.model_dump()}},
        infrastructure={**files.infrastructure, "state": state},
        secrets={**files.secrets, **secrets},
    )


def state_name(world: TofuWorld) -> StateName:
    return StateName(str(world.infrastructure["state"]["project"]), OWNER)


def wanted(lab: LabWorld, **changes: object) -> GuestSpec:
    return replace(spec(lab), **changes)  # type: ignore[arg-type]


def settings_of(lab: LabWorld) -> dict[int, dict[str, str]]:
    """Every guest's, but for the line break at the end of its notes."""
    return {
        vmid: {key: str(value).strip() for key, value in config.items() if key != "digest"}
        for vmid, config in lab.guests().items()
    }


def test_made_once_then_adopted_renamed_and_removed(files: TofuWorld, lab: LabWorld) -> None:
    """One guest through everything, beginning with one that Homeport made by itself."""
    environment = files.environment
    native = open_backend(environment, files.hypervisor)
    guest = native.ensure(wanted(lab), Journal())
    before = settings_of(lab)
    told = files.open().preview(OWNER, "radicale-1", wanted(lab), Journal())
    assert [change.record["action"] for change in told] == ["import", "update"]
    assert files.open().directory(OWNER) == ""  # looking left nothing

    approved = [change.record for change in told]
    adopted = files.open().bound_to(approved).ensure(wanted(lab), Journal())
    assert adopted.id == guest.id
    assert settings_of(lab) == before
    assert files.open().preview(OWNER, "radicale-1", wanted(lab), Journal()) == []

    renamed = wanted(lab, name="calendar")
    journal = Journal()
    files.open().ensure(renamed, journal)
    assert any(f"move {ADDRESS.replace('radicale_1', 'calendar')}" in t for t in journal.lines)
    assert owned(lab) == [int(guest.id)]
    assert lab.guests()[int(guest.id)]["name"] == "calendar"

    directory = Path(files.open().directory(OWNER))
    assert files.open().destroy(OWNER, Journal())
    assert owned(lab) == []
    assert not directory.exists()
    assert not files.open().destroy(OWNER, Journal())


def test_nothing_is_done_that_was_not_approved(files: TofuWorld, lab: LabWorld) -> None:
    approved = [c.record for c in files.open().preview(OWNER, "radicale-1", wanted(lab), Journal())]
    with pytest.raises(PlanChanged, match="create"):
        files.open().bound_to(approved).ensure(wanted(lab, memory_mib=1024), Journal())
    assert owned(lab) == []
    files.open().bound_to(approved).ensure(wanted(lab), Journal())
    files.open().bound_to(approved).ensure(wanted(lab), Journal())
    with pytest.raises(PlanChanged, match="delete"):
        files.open().bound_to([]).destroy(OWNER, Journal())
    assert len(owned(lab)) == 1


def test_what_the_user_does_in_the_directory_is_heeded(files: TofuWorld, lab: LabWorld) -> None:
    files.open().ensure(wanted(lab), Journal())
    directory = Path(files.open().directory(OWNER))
    (directory / "mine.tf").write_text('resource "terraform_data" "mine" {\n  input = 1\n}\n')
    with pytest.raises(PlanChanged, match=r"terraform_data\.mine"):
        files.open().ensure(wanted(lab), Journal())
    (directory / "mine.tf").unlink()
    declared = directory / "guest.tf.json"
    kept = declared.read_text()
    declared.write_text(kept.replace('"size": 4', '"size": 6'))
    with pytest.raises(Conflict, match=r"guest\.tf\.json"):
        files.open().ensure(wanted(lab), Journal())
    assert '"size": 6' in declared.read_text()
    declared.unlink()
    files.open().ensure(wanted(lab), Journal())
    assert declared.read_text() == kept


def test_the_token_is_in_no_file_argument_or_environment(served: TofuWorld, lab: LabWorld) -> None:
    served.hold("before-create")
    worker = served.start(wanted(lab))
    try:
        wait_until(lambda: served.is_held, 60)
        seen = [
            (process / name).read_bytes()
            for process in descendants(worker.pid)
            for name in ("cmdline", "environ")
        ]
        assert any(b"terraform" in text or b"tofu" in text for text in seen)
        assert all(lab.token.encode() not in text for text in seen)
        with zipfile.ZipFile(next(served.root.rglob("plan.tofu"))) as plan:
            assert all(lab.token.encode() not in plan.read(name) for name in plan.namelist())
    finally:
        served.let_go()
    assert worker.wait(60) == 0
    files = [path for path in served.root.rglob("*") if path.is_file()]
    assert any(path.name == "guest.tf.json" for path in files)
    assert all(lab.token.encode() not in path.read_bytes() for path in files)
    readable = [p for p in files if p.stat().st_mode & 0o077 and ".homeport" not in p.parts]
    assert [path.name for path in readable] == []


@pytest.mark.parametrize("is_over", [True, False], ids=["which is over", "which still works"])
def test_worker_killed_and_its_opentofu_not(
    served: TofuWorld, lab: LabWorld, service: StateWorld, is_over: bool
) -> None:
    """What it could not store is stored; one that is still at work is stopped first."""
    served.hold("after-create")
    worker = served.start(wanted(lab))
    wait_until(lambda: served.is_held, 60)
    worker.kill()
    worker.wait()
    with service.desk() as desk:
        assert desk.owner.head(state_name(served)).lock is not None
    if is_over:
        served.let_go()
        wait_until(lambda: any(served.root.rglob("errored.tfstate")), 60)
    journal = Journal()
    guest = served.open().ensure(wanted(lab), journal)
    served.let_go()
    assert owned(lab) == [int(guest.id)]
    assert any("could not store" in line for line in journal.lines) >= is_over
    assert any("OpenTofu: import" in line for line in journal.lines) <= (not is_over)
    with service.desk() as desk:
        assert desk.owner.head(state_name(served)).lock is None
    assert served.open().preview(OWNER, "radicale-1", wanted(lab), Journal()) == []


@pytest.mark.parametrize("moment", ["before-create", "after-create"])
def test_all_of_a_run_killed_at_once(
    served: TofuWorld, lab: LabWorld, service: StateWorld, moment: str
) -> None:
    """Nothing of it could say what it did: the lock is given back, the guest taken over."""
    served.hold(moment)
    worker = served.start(wanted(lab))
    wait_until(lambda: served.is_held, 60)
    for process in [*descendants(worker.pid), Path(f"/proc/{worker.pid}")]:
        os.kill(int(process.name), signal.SIGKILL)
    worker.wait()
    served.let_go()
    journal = Journal()
    guest = served.open().ensure(wanted(lab), journal)
    assert owned(lab) == [int(guest.id)]
    assert any("OpenTofu: import" in line for line in journal.lines) == (moment == "after-create")
    assert served.open().preview(OWNER, "radicale-1", wanted(lab), Journal()) == []


def test_openbao_is_sealed_while_opentofu_applies(
    served: TofuWorld, lab: LabWorld, service: StateWorld
) -> None:
    served.hold("after-create")
    threading.Thread(
        target=lambda: (wait_until(lambda: served.is_held, 60), service.bao.seal(), served.let_go())
    ).start()
    with pytest.raises(RetryableError) as held:
        served.open().ensure(wanted(lab), Journal())
    assert held.value.holds
    service.bao.unseal()
    guest = served.open().ensure(wanted(lab), Journal())
    assert owned(lab) == [int(guest.id)]
    assert served.open().preview(OWNER, "radicale-1", wanted(lab), Journal()) == []
    assert served.open().destroy(OWNER, Journal())
    assert owned(lab) == []


def test_the_service_does_not_let_homeport_in(served: TofuWorld, lab: LabWorld) -> None:
    state = {**served.infrastructure["state"], "password_ref": "secret:wrong"}
    wrong = replace(
        served,
        infrastructure={**served.infrastructure, "state": state},
        secrets={**served.secrets, "secret:wrong": "nobody-knows"},
    )
    with pytest.raises(Denied, match="state service"):
        wrong.open().ensure(wanted(lab), Journal())
    assert owned(lab) == []
