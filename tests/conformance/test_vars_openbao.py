"""Generated files in a real OpenBao: those of Homeport, and those of Clan, whose store is asked
member by member."""

from __future__ import annotations

import itertools
import json
import logging
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import hvac
import pytest
import yaml

from engine.backends.protocols import HasLabels, HasPolicies
from engine.backends.secrets.openbao.policy import own_policy
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.cli.main import main
from engine.errors import InvalidInput, NotFound
from engine.homeport import Homeport
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.vars.clan import SecretStore
from engine.vars.clan_interface import GeneratorId, PerExport, PerMachine, Shared, StoreRequest
from tests.conformance.openbao_world import REFERENCE, OpenBaoWorld, openbao

CANARY = b"canary-3f9a-very-secret"
pytestmark = pytest.mark.real
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBaoWorld]:
    with openbao() as world:
        yield world


@pytest.fixture(scope="module")
def role_id(bao: OpenBaoWorld) -> str:
    return bao.role("homeport", own_policy(OpenBaoSettings(**bao.settings("any"))))


@dataclass
class Place:
    directory: Path
    prefix: str
    bao: OpenBaoWorld

    def labels(self, path: str) -> dict[str, str]:
        kv = self.bao.admin().secrets.kv.v2
        found = kv.read_secret_metadata(f"{self.prefix}/{path}", mount_point="kv")
        return dict(found["data"]["custom_metadata"])

    def keys(self, path: str) -> list[str]:
        kv = self.bao.admin().secrets.kv.v2
        found = kv.list_secrets(f"{self.prefix}/{path}", mount_point="kv")
        return list(found["data"]["keys"])


@pytest.fixture
def place(
    bao: OpenBaoWorld, role_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """An installation with a provider whose secrets lie in a folder of OpenBao, and one whose
    secrets lie in the sealed file."""
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    prefix = f"homeport/v{next(_numbers)}"
    stores = {
        "home": BackendProfile(kind="openbao", settings=bao.settings(role_id, prefix=prefix)),
        "away": BackendProfile(kind="sealed"),
    }
    others = {
        Service.HYPERVISOR: BackendProfile(kind="proxmox"),
        Service.ADDRESSES: BackendProfile(kind="pool"),
        Service.DNS: BackendProfile(kind="octodns"),
        Service.CERTIFICATES: BackendProfile(kind="acme"),
    }
    with Homeport.open() as homeport:
        for name, store in stores.items():
            profile = ProviderProfile(
                name=name, zone="home.lab", backends={**others, Service.SECRETS: store}
            )
            homeport.save_provider(profile, {REFERENCE: bao.secret_id("homeport")})
    return Place(tmp_path, prefix, bao)


# --- Homeport's own ---------------------------------------------------------------------

GENERATORS = {
    "generators": {
        "ca": {
            "share": True,
            "files": {
                "key": {"owner": "www-data", "mode": "0440", "needed_for": "activation"},
                "cert": {"secret": False},
            },
            "script": "head -c 64 /dev/urandom > $out/key; echo cert > $out/cert",
        }
    }
}


def command(*words: str) -> int:
    return main(["vars", *words])


def test_owner_mode_and_phase_lie_beside_the_value(place: Place) -> None:
    Path("vars.yaml").write_text(yaml.safe_dump(GENERATORS))
    assert command("generate", "--provider", "home", "--yes") == 0
    labels = place.labels("vars/home/shared/ca/key")
    assert labels.items() >= {
        ("file_owner", "www-data"),
        ("file_mode", "0440"),
        ("needed_for", "activation"),
        ("generator", "ca"),
        ("purpose", "vars/home/shared/ca/key"),
    }
    changed = json.loads(json.dumps(GENERATORS).replace("0440", "0400"))
    Path("vars.yaml").write_text(yaml.safe_dump(changed))
    before = Homeport.open().vars.read("home", "", "ca", "key")
    assert command("generate", "--provider", "home", "--yes") == 0
    assert place.labels("vars/home/shared/ca/key")["file_mode"] == "0400"
    assert Homeport.open().vars.read("home", "", "ca", "key") == before


def test_generated_files_move_with_the_providers_secrets_and_come_back(place: Place) -> None:
    Path("vars.yaml").write_text(yaml.safe_dump(GENERATORS))
    assert command("generate", "--provider", "home", "--yes") == 0
    homeport = Homeport.open()
    before = homeport.vars.read("home", "", "ca", "key")
    old = homeport.provider("home").backends[Service.SECRETS]
    desk = homeport.secret_stores
    for there in (BackendProfile(kind="sealed"), old):
        plan = desk.plan_move("home", there)
        assert any(path.endswith("ca/key") for path in plan.paths)
        desk.move(plan, plan.hash, {})
        assert homeport.vars.read("home", "", "ca", "key") == before
        assert command("check", "--provider", "home") == 0
        if there.kind == "sealed":
            dropped = desk.plan_drop("home", old)
            assert desk.drop(dropped, dropped.hash) == 3
    assert place.labels("vars/home/shared/ca/key")["file_owner"] == "www-data"


def test_labels_of_a_path_that_is_not_there_are_not_found(place: Place) -> None:
    store = Homeport.open().secret_stores.open("home")
    assert isinstance(store, HasLabels)
    assert isinstance(store, HasPolicies)
    with pytest.raises(NotFound):
        store.labels("vars/none")
    with pytest.raises(NotFound):
        store.label("vars/none", {"a": "b"})


# --- Clan's store -----------------------------------------------------------------------


@dataclass
class Flake:
    path: Path


@dataclass
class Var:
    name: str
    secret: bool = True
    deploy: bool = True
    owner: str = "root"
    group: str = "root"
    mode: int = 0o400
    needed_for: str = "services"


@dataclass
class ClanGenerator:
    name: str
    files: list[Var]
    machines: list[str]
    share: bool = False

    @property
    def key(self) -> GeneratorId:
        placed = Shared() if self.share else PerMachine(self.machines[0])
        return GeneratorId(self.name, placed)


@dataclass
class Clan:
    store: SecretStore
    generators: list[ClanGenerator] = field(default_factory=list)

    def fill(self) -> None:
        """As Clan does after a generator ran."""
        for generator in self.generators:
            for var in generator.files:
                if var.secret:
                    value = f"{generator.name} {var.name}".encode()
                    self.store.set(generator, var, value)


@pytest.fixture
def clan(place: Place) -> Clan:
    ssh = ClanGenerator(
        "ssh", [Var("key", mode=0o440, owner="sshd"), Var("key.pub", secret=False)], ["m1"]
    )
    ca = ClanGenerator("ca", [Var("key", deploy=False), Var("crl")], ["m1", "m2"], share=True)
    disk = ClanGenerator("disk", [Var("luks", needed_for="partitioning")], ["m1"])
    root = ClanGenerator("root", [Var("hash", needed_for="users")], ["m1"])
    return Clan(SecretStore(Flake(place.directory)), [ssh, ca, disk, root])


M1 = GeneratorId("ssh", PerMachine("m1"))


def asked(machine: str = "m1") -> StoreRequest:
    return StoreRequest(PerMachine(machine), [machine], [machine])


def another(clan: Clan) -> SecretStore:
    """As another run of Clan opens it."""
    return SecretStore(clan.store.flake)


def test_it_is_a_secret_store_with_a_name_and_a_place_on_the_machine(clan: Clan) -> None:
    assert clan.store.is_secret_store is True
    assert clan.store.store_name == "homeport"
    assert clan.store.get_upload_directory("m1") == "/var/lib/homeport-vars"


@pytest.mark.parametrize("value", [CANARY, b"", b"\x00\xff\n", b"base64:AA==", b"a\r\nb\n"])
@pytest.mark.parametrize("placement", [Shared(), PerMachine("m1"), PerExport("net")])
def test_any_value_is_found_again_at_its_placement(
    clan: Clan, value: bytes, placement: Any
) -> None:
    generator = GeneratorId("any", placement)
    assert not clan.store.exists(generator, "file")
    assert clan.store._set(generator, "file", value, asked()) == []
    assert clan.store.exists(generator, "file")
    assert another(clan).exists(generator, "file")
    assert another(clan).get(generator, "file") == value
    assert not another(clan).exists(GeneratorId("other", placement), "file")


def test_what_is_not_there_is_an_error_that_says_so(clan: Clan) -> None:
    with pytest.raises(NotFound):
        clan.store.get(M1, "none")


def test_a_cache_that_clan_gives_is_used(clan: Clan, place: Place) -> None:
    clan.store._set(M1, "key", CANARY, asked())
    store = another(clan)
    store._secret_cache = {}
    assert store.get(M1, "key") == CANARY
    another(clan)._set(M1, "key", b"newer", asked())
    assert store.get(M1, "key") == CANARY
    store._set(M1, "key", b"mine", asked())
    assert store.get(M1, "key") == b"mine"
    store.delete(M1, "key")
    with pytest.raises(NotFound):
        store.get(M1, "key")


def test_existence_costs_one_request_however_often_it_is_asked(clan: Clan, place: Place) -> None:
    clan.fill()
    store = another(clan)
    assert store.exists(M1, "key")
    before = place.bao.audit_log.read_text().count('"type":"request"')
    for _ in range(100):
        assert store.exists(M1, "key")
        assert not store.exists(M1, "none")
    assert place.bao.audit_log.read_text().count('"type":"request"') == before


def test_set_moves_what_became_shared_and_back_and_logs_no_value(
    clan: Clan, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    m1, m2 = (ClanGenerator("ssh", [Var("key")], [machine]) for machine in ("m1", "m2"))
    shared = ClanGenerator("ssh", [Var("key")], ["m1", "m2"], share=True)
    for generator in (m1, m2):
        assert clan.store.set(generator, Var("key"), CANARY) == []
    assert clan.store.exists(m1.key, "key")
    assert clan.store.exists(m2.key, "key")
    clan.store.set(shared, Var("key"), CANARY)
    found = another(clan)
    assert found.exists(shared.key, "key")
    assert not found.exists(m1.key, "key")
    assert not found.exists(m2.key, "key")
    clan.store.set(m1, Var("key"), CANARY, is_migration=True)
    assert not another(clan).exists(shared.key, "key")
    assert another(clan).get(m1.key, "key") == CANARY
    assert CANARY.decode() not in caplog.text


@dataclass
class AccessPolicy:
    """What Clan gave in place of a StoreRequest in the middle of 2026."""

    placement: Any
    deploy: list[str]


def test_machines_of_a_shared_file_are_added_one_after_the_other(clan: Clan) -> None:
    shared = GeneratorId("wifi", Shared())
    clan.store._set(shared, "key", CANARY, policy=AccessPolicy(Shared(), ["m1"]))
    clan.store._set(shared, "key", CANARY, request=StoreRequest(Shared(), ["m2"], ["m2"]))
    assert "wifi/key" in clan.store.policy("m1")
    assert "wifi/key" in clan.store.policy("m2")
    clan.store._set(shared, "key", CANARY, AccessPolicy(Shared(), []))
    assert clan.store.policy("m1") == clan.store.policy("m2") == ""


def test_delete_leaves_nothing_and_can_be_repeated(clan: Clan, place: Place) -> None:
    clan.store._set(M1, "key", CANARY, asked())
    assert list(clan.store.delete(M1, "key")) == []
    assert list(clan.store.delete(M1, "key")) == []
    assert not another(clan).exists(M1, "key")
    assert not Homeport.open().secret_stores.open("home").list("clan")


def test_delete_store_takes_all_of_one_machine_and_nothing_else(clan: Clan) -> None:
    clan.fill()
    other = GeneratorId("ssh", PerMachine("m10"))
    clan.store._set(other, "key", CANARY, asked("m10"))
    clan.store.set_validation(M1, "hash")
    assert list(clan.store.delete_store("m1")) == []
    assert list(clan.store.delete_store("m1")) == []
    assert not clan.store.exists(M1, "key")
    assert clan.store.get_validation(M1) is None
    assert clan.store.exists(other, "key")
    assert clan.store.exists(GeneratorId("ca", Shared()), "crl")


@pytest.mark.parametrize("machine", ["", "a/b", ".."])
def test_delete_store_refuses_what_is_no_machine(clan: Clan, machine: str) -> None:
    clan.fill()
    with pytest.raises(InvalidInput):
        clan.store.delete_store(machine)
    assert another(clan).exists(M1, "key")


def test_validation_hashes_are_kept_apart_from_values(clan: Clan) -> None:
    assert clan.store.get_validation(M1) is None
    assert clan.store.hash_is_valid(M1, None)
    assert not clan.store.hash_is_valid(M1, "one")
    assert clan.store.set_validation(M1, "one") == []
    assert another(clan).get_validation(M1) == "one"
    assert clan.store.hash_is_valid(M1, "one")
    assert not clan.store.hash_is_valid(M1, "two")
    assert not clan.store.hash_is_valid(M1, None)
    assert clan.store.set_validation(M1, None) == []
    assert clan.store.set_validation(M1, None) == []
    assert clan.store.hash_is_valid(M1, None)


def found_in(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


def test_a_directory_is_populated_with_what_is_deployed_in_these_phases(
    clan: Clan, place: Place, tmp_path: Path
) -> None:
    clan.fill()
    out = tmp_path / "out"
    clan.store.populate_dir(clan.generators, "m1", out, ["services", "users"])
    assert found_in(out) == {
        "services/ssh/key": b"ssh key",
        "services/ca/crl": b"ca crl",
        "users/root/hash": b"root hash",
    }
    assert stat.S_IMODE((out / "services/ssh/key").stat().st_mode) == 0o440
    clan.store.populate_dir(clan.generators, "m1", out, ["services", "users"])
    disk = tmp_path / "disk"
    clan.store.populate_dir(clan.generators, "m1", disk, ["partitioning"])
    assert found_in(disk) == {"disk/luks": b"disk luks"}
    other = tmp_path / "other"
    clan.store.populate_dir(clan.generators, "m2", other, ["services", "users", "partitioning"])
    assert found_in(other) == {"services/ca/crl": b"ca crl"}
    assert place.labels("clan/home/main/vars/per-machine/m1/ssh/key")["file_owner"] == "sshd"


def test_an_upload_goes_clans_own_way_and_leaves_nothing_here(
    clan: Clan, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def upload(host: object, local_src: Path, remote_dest: Path) -> None:
        seen.update(host=host, files=found_in(local_src), to=remote_dest, source=local_src)

    for name in ("clan_lib", "clan_lib.ssh", "clan_lib.ssh.upload"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["clan_lib.ssh.upload"].upload = upload  # type: ignore[attr-defined]
    clan.fill()
    host = object()
    clan.store.upload(clan.generators, "m1", host, ["users"])
    assert seen["files"] == {"users/root/hash": b"root hash"}
    assert seen["to"] == Path("/var/lib/homeport-vars")
    assert seen["host"] is host
    assert not seen["source"].exists()


def test_health_names_what_a_machine_may_have_and_should_not_and_fix_takes_it_away(
    clan: Clan,
) -> None:
    assert clan.store.health_check("m1", clan.generators) is None
    clan.fill()
    assert clan.store.health_check("m1", clan.generators) is None
    value, crl = clan.store.get(M1, "key"), clan.generators[1].files[1]
    crl.deploy = False
    told = clan.store.health_check("m1", clan.generators)
    assert told is not None
    assert told.startswith("ca/crl: the machine m1 may read it")
    assert clan.store.health_check("m1", clan.generators, "key") is None
    clan.store.fix("m1", clan.generators, "key")
    assert clan.store.health_check("m1", clan.generators) == told
    clan.store.fix("m1", clan.generators)
    assert clan.store.health_check("m1", clan.generators) is None
    assert "ca/crl" not in clan.store.policy("m1")
    assert "ca/crl" in clan.store.policy("m2")
    assert another(clan).get(M1, "key") == value


def test_a_new_machine_and_another_owner_do_not_stand_in_the_way_and_are_put_right(
    clan: Clan, place: Place, tmp_path: Path
) -> None:
    clan.fill()
    ssh, ca = clan.generators[:2]
    ssh.files[0].owner = "nobody"
    ca.machines.append("m3")
    for machine in ("m1", "m3"):
        assert clan.store.health_check(machine, clan.generators) is None
        clan.store.populate_dir(clan.generators, machine, tmp_path / machine, ["services"])
    assert place.labels("clan/home/main/vars/per-machine/m1/ssh/key")["file_owner"] == "nobody"
    assert clan.store.policy("m3").count("path") == 1
    ssh.files[0].owner = "sshd"
    clan.store.fix("m1", clan.generators)
    assert place.labels("clan/home/main/vars/per-machine/m1/ssh/key")["file_owner"] == "sshd"


def test_a_machines_policy_opens_what_is_deployed_to_it_and_nothing_else(
    clan: Clan, place: Place
) -> None:
    clan.fill()
    role = place.bao.role("machine-m2", clan.store.policy("m2"))
    machine = place.bao.admin()
    machine.token = machine.auth.approle.login(role, place.bao.secret_id("machine-m2"))["auth"][
        "client_token"
    ]
    kv, top = machine.secrets.kv.v2, f"{place.prefix}/clan/home/main/vars"

    def may_read(path: str) -> bool:
        try:
            kv.read_secret_version(f"{top}/{path}", mount_point="kv", raise_on_deleted_version=True)
        except hvac.exceptions.Forbidden:
            return False
        return True

    assert may_read("shared/ca/crl")
    assert not may_read("shared/ca/key")
    assert not may_read("per-machine/m1/ssh/key")
    assert not may_read("shared/ca/crl2")


def test_its_settings_lie_beside_the_flake(clan: Clan, place: Place) -> None:
    file = place.directory / "homeport.yaml"
    file.write_text("provider: home\nfolder: other\n")
    another(clan)._set(M1, "key", CANARY, asked())
    assert place.keys("clan/home/other") == ["requests/", "vars/"]
    file.write_text("provider: home\n")
    assert not another(clan).exists(M1, "key")
    file.write_text("provider: nowhere\n")
    with pytest.raises(NotFound):
        another(clan).get(M1, "key")
    file.write_text("folder: a/../b\n")
    with pytest.raises(InvalidInput, match="folder"):
        another(clan).get(M1, "key")


def test_a_clans_vars_move_with_the_providers_secrets(clan: Clan) -> None:
    clan.fill()
    clan.store.set_validation(M1, "hash")
    homeport = Homeport.open()
    old = homeport.provider("home").backends[Service.SECRETS]
    plan = homeport.secret_stores.plan_move("home", BackendProfile(kind="sealed"))
    homeport.secret_stores.move(plan, plan.hash, {})
    dropped = homeport.secret_stores.plan_drop("home", old)
    assert homeport.secret_stores.drop(dropped, dropped.hash) == 11
    Path("homeport.yaml").write_text("provider: home\n")
    assert another(clan).get(M1, "key") == b"ssh key"
    assert another(clan).hash_is_valid(M1, "hash")
    assert another(clan).health_check("m1", clan.generators) is None
    with pytest.raises(InvalidInput, match="no policies"):
        another(clan).policy("m1")


def test_without_settings_the_only_openbao_is_meant(clan: Clan) -> None:
    with Homeport.open() as homeport:
        homeport.remove_provider("home")
    with pytest.raises(InvalidInput, match="providers with one: none"):
        clan.store.exists(M1, "key")


def test_where_clan_is_installed_errors_are_clans(
    clan: Clan, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ClanError(Exception):
        def __init__(self, msg: str, *, description: str) -> None:
            super().__init__(f"{msg} - {description}")

    for name in ("clan_lib", "clan_lib.errors"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["clan_lib.errors"].ClanError = ClanError  # type: ignore[attr-defined]
    with pytest.raises(ClanError, match="no such secret"):
        clan.store.get(M1, "none")
    assert clan.store.get_validation(M1) is None


def test_no_value_reaches_openbaos_log(clan: Clan, place: Place) -> None:
    clan.store._set(M1, "key", CANARY, asked())
    clan.store.get(M1, "key")
    assert CANARY.decode() not in place.bao.audit_log.read_text()
    assert CANARY.decode() not in place.bao.log.read_text()
