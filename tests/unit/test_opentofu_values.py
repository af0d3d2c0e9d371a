"""OpenTofu's words read, what was approved compared with what would be done, and what is declared.

tests/data/opentofu holds what Terraform 1.11.4 said of the plug-in in tests/conformance.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from engine.backends.databases.settings import PostgresSettings
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.infrastructure.opentofu import databases, declaration
from engine.backends.infrastructure.opentofu.changes import (
    KnownResource,
    ResourceChange,
    TofuPlan,
    known_resources,
    moves,
    read_plan,
    refuse_unapproved,
)
from engine.backends.infrastructure.opentofu.declaration import DeclaredGuest
from engine.backends.infrastructure.opentofu.declaring import named_for
from engine.backends.infrastructure.opentofu.diagnosis import explained
from engine.backends.infrastructure.opentofu.directory import Directory
from engine.backends.infrastructure.opentofu.documents import authorities
from engine.backends.infrastructure.opentofu.door import Answer, Door, user_of
from engine.backends.infrastructure.opentofu.driver import undeclarable
from engine.backends.infrastructure.opentofu.parts import (
    DATABASE,
    GUEST,
    providers,
    resources,
    versions,
)
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings, StateSettings
from engine.backends.infrastructure.opentofu.stream import Diagnostic, Listener
from engine.backends.infrastructure.opentofu.workspace import is_of_other, transitions_of
from engine.backends.protocols import GuestSpec
from engine.errors import Conflict, HomeportError, PlanChanged, Unsafe
from engine.model.provider import ProviderProfile
from tests.conformance.doubles import Journal

DATA = Path(__file__).parents[1] / "data" / "opentofu"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
VM = "proxmox_virtual_environment_vm.radicale_1"
OWNER = "hp-ab12cd34-ef56gh78"


def plan(name: str) -> TofuPlan:
    return read_plan(json.loads((DATA / f"plan-{name}.json").read_text()))


def judged(found: TofuPlan, approved: Any, *, removes: bool = False) -> None:
    refuse_unapproved(found, approved, own=[VM], removes=removes, on="radicale-1")


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("create", ["create"]),
        ("import", ["import", "update"]),
        ("move", ["move", "update"]),
        ("delete", ["delete"]),
    ],
)
def test_a_plan_is_read(name: str, actions: list[str]) -> None:
    assert [change.action for change in plan(name).changes] == actions


def test_a_plan_is_told_in_words() -> None:
    moved, updated = plan("move").changes
    assert moved.words == f"move {VM.replace('radicale_1', 'calendar')} (from {VM})"
    assert updated.words.endswith("calendar (cpu, description, name)")


def test_what_is_chosen_when_a_guest_is_made_needs_no_approval_of_its_own() -> None:
    shown = json.loads((DATA / "plan-create.json").read_text())
    approved = [change.as_json() for change in read_plan(shown).changes]
    after = shown["resource_changes"][0]["change"]["after"]
    after |= {"vm_id": 9017, "node_name": "other", "description": "9017"}
    judged(read_plan(shown), approved)
    after["memory"][0]["dedicated"] += 1
    with pytest.raises(PlanChanged):
        judged(read_plan(shown), approved)


def test_a_creation_that_was_begun_may_be_made_good() -> None:
    approved = [change.as_json() for change in plan("create").changes]
    judged(plan("import"), approved)
    judged(TofuPlan(()), approved)
    with pytest.raises(PlanChanged):
        judged(plan("create"), [])


@pytest.mark.parametrize("action", ["delete", "forget", "replace"])
def test_a_guest_that_is_to_be_there_is_never_removed_on_the_way(action: str) -> None:
    found = TofuPlan((ResourceChange(VM, action),))
    for approved in (None, [found.changes[0].as_json()]):
        with pytest.raises(Unsafe):
            judged(found, approved)


def test_what_nobody_approved_touches_nothing_of_others() -> None:
    judged(TofuPlan((ResourceChange(VM, "delete"),)), None, removes=True)
    with pytest.raises(PlanChanged):
        judged(TofuPlan((ResourceChange("terraform_data.mine", "delete"),)), None, removes=True)


def test_a_state_knows_a_guest_by_another_name() -> None:
    known = known_resources(json.loads((DATA / "state.json").read_text()))
    (guest,) = known
    assert OWNER in guest.tags
    assert moves(known, VM, guest.id) == {guest.address: VM}
    assert moves(known, VM, "9999") == {}
    assert moves(known, guest.address, guest.id) == {}
    assert known_resources(None) == ()


def test_progress_is_passed_on_and_noise_is_not() -> None:
    journal = Journal()
    listener = Listener(journal, 1, is_json=True)
    for line in (DATA / "apply-create.jsonl").read_text().splitlines():
        listener.hear(line)
    assert any("Creation complete" in line for line in journal.lines)
    assert not any("Plan to create" in line for line in journal.lines)
    assert listener.errors == []


LOCKED = """HTTP remote state already locked: ID=5f3c
Lock Info:
  ID:        5f3c
  Path:      https://state.example.org/state/home/x
  Operation: OperationTypeApply
  Who:       ann@desk
  Created:   2026-11-27 09:00:00 UTC
"""


@pytest.mark.parametrize(
    ("said", "code", "word"),
    [
        (Diagnostic("Error acquiring the state lock", LOCKED), "locked", "who ann@desk"),
        (Diagnostic("Saved plan is stale", "changed by another"), "plan-changed", "stale"),
        (Diagnostic("Instance cannot be destroyed", VM), "unsafe", VM),
        (Diagnostic("error creating VM", "dial tcp: connection refused"), "unreachable", "dial"),
        (Diagnostic("error creating VM", "HTTP 403 - Permission check failed"), "denied", "403"),
        (Diagnostic("error creating role", "pq: permission denied to create"), "denied", "pq"),
        (Diagnostic("Failed to query available provider packages"), "not-found", "packages"),
        (Diagnostic("error creating VM", "odd"), "remote-failure", "odd"),
    ],
)
def test_what_went_wrong_is_explained(said: Diagnostic, code: str, word: str) -> None:
    error: HomeportError = explained([said, said], "applying", "cal at home")
    assert error.code == code
    assert error.why.count(word) == 1
    assert error.left
    assert error.do


def guest(**changes: Any) -> DeclaredGuest:
    values: dict[str, Any] = {
        "owner": OWNER,
        "name": "radicale-1",
        "cores": 2,
        "memory_mib": 512,
        "disk_gib": 4,
        "address": "10.0.0.7/24",
        "gateway": "10.0.0.1",
        "nameservers": ("10.0.0.2",),
        "search_domain": "home.lab",
        "user": "root",
        "ssh_public_keys": ("ssh-ed25519 AAAA homeport",),
    }
    return DeclaredGuest(GuestSpec(**values | changes), "pve1", 9001)


PROXMOX = ProxmoxSettings(
    hosts=("pve.lab",),
    token_id="homeport@pve!homeport",
    token_ref="secret:providers/home/token",
    storage="local-lvm",
    image="local:import/debian-12.qcow2",
)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"image": "", "template": 9000}, "cloned from a template"),
        ({"fingerprint": ["AB:" * 31 + "AB"]}, "by its fingerprint"),
        ({"image": "", "guests": "lxc", "container_template": "local:vztmpl/d"}, "containers"),
        (
            {"token_id": "", "login": "homeport@pve", "password_ref": "secret:providers/home/pw"},
            "with a password",
        ),
    ],
)
def test_what_cannot_be_declared_is_refused_with_its_reason(
    changed: dict[str, Any], why: str
) -> None:
    settings = ProxmoxSettings.model_validate(PROXMOX.model_dump(exclude_unset=True) | changed)
    refused = undeclarable(settings)
    assert refused is not None
    assert why in refused[0]
    assert undeclarable(PROXMOX) is None


def test_power_is_not_declared_and_a_replacement_is_prevented() -> None:
    declared = guest().resource(PROXMOX, is_there=True)
    vm = resources([declared])["resource"][declaration.VM]["radicale_1"]
    assert vm["started"] is False
    assert vm["reboot_after_update"] is False
    assert vm["lifecycle"]["prevent_destroy"] is True
    assert {"started", "initialization"} <= set(vm["lifecycle"]["ignore_changes"])
    assert "pool_id" not in vm
    assert declared.import_id == "pve1/9001"


def test_an_ipv6_address_is_declared_as_one() -> None:
    declared = guest(address="2001:db8::7/64", gateway=None).resource(PROXMOX, is_there=False)
    (config,) = declared.body["initialization"][0]["ip_config"]
    assert config == {"ipv6": [{"address": "2001:db8::7/64"}]}


def test_the_token_is_a_variable_that_opentofu_keeps_nowhere() -> None:
    plugin = declaration.plugin(OpenTofuSettings(), PROXMOX, lambda: "homeport@pve!homeport=x")
    written = providers([plugin])
    assert written["variable"][declaration.TOKEN_VARIABLE]["ephemeral"] is True
    assert written["provider"]["proxmox"]["endpoint"] == "https://pve.lab:8006/"


POSTGRESQL = PostgresSettings(host="db.lab", password_ref="secret:providers/home/db", ca_pem=PEM)


def test_a_part_is_taken_over_moved_and_left_alone_by_what_the_state_knows() -> None:
    wanted = databases.resources("hp_log_ef56gh78_1f3a", has_role=True, has_database=False)
    role = wanted[0].address
    assert transitions_of(wanted, ()) == {"import": [{"to": role, "id": wanted[0].key}]}
    assert transitions_of(wanted, [KnownResource(role, wanted[0].key)]) == {}
    elsewhere = KnownResource("postgresql_role.other", wanted[0].key)
    assert transitions_of(wanted, [elsewhere]) == {
        "moved": [{"from": elsewhere.address, "to": role}]
    }


def test_a_step_is_not_about_other_parts_but_about_all_that_the_user_declares() -> None:
    changed = ResourceChange(VM, "update")
    assert is_of_other(DATABASE, changed)
    assert not is_of_other(GUEST, changed)
    assert not is_of_other(GUEST, ResourceChange("terraform_data.mine", "create"))


def test_databases_of_others_in_the_same_state_are_not_the_deployments() -> None:
    owns = named_for(OWNER)
    assert owns(KnownResource("postgresql_role.hp_log_ef56gh78_1f3a", "x"))
    assert not owns(KnownResource("postgresql_role.hp_log_aaaaaaaa_1f3a", "x"))
    assert not owns(KnownResource("postgresql_role.mine", "x"))


def test_every_secret_is_a_variable_and_authorities_are_one_file() -> None:
    server = databases.plugin(OpenTofuSettings(), POSTGRESQL, lambda: "canary")
    guests = declaration.plugin(OpenTofuSettings(), PROXMOX, lambda: "canary")
    written = providers([server, guests])
    assert "canary" not in json.dumps([written, versions([server, guests])])
    assert all(one["ephemeral"] for one in written["variable"].values())
    assert written["provider"]["postgresql"]["sslrootcert"].endswith("/authorities.pem")
    assert authorities([server, guests, server]) == f"{PEM}\n"


@pytest.mark.parametrize(
    "settings",
    [
        {"declares": ["dns"]},
        {"netbox_source": "bpg/proxmox"},
        {"binary": "./tofu"},
        {"binary": "tofu; rm"},
        {"mirror": "http://mirror.example.org/"},
        {"mirror": '/a"b'},
        {"proxmox_source": "bpg/other"},
        {"proxmox_version": ">= 1.0"},
        {"state": {"url": "http://state.example.org/state"}},
        {"state": {"url": "https://ann:secret@state.example.org/state"}},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenTofuSettings.model_validate(settings)


def test_state_over_http_is_for_this_machine_alone() -> None:
    assert StateSettings(url="http://127.0.0.1:8444/state/").url == "http://127.0.0.1:8444/state"


def test_a_profile_may_say_it_in_one_word() -> None:
    said = {"name": "home", "zone": "home.lab", "backends": {}, "infrastructure": "opentofu"}
    found = ProviderProfile.model_validate(said).infrastructure
    assert found is not None
    assert (found.kind, found.settings) == ("opentofu", {})


def test_a_file_that_was_edited_is_not_overwritten(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "cal-ef56gh78")
    directory.prepare({"guest.tf.json": "1"})
    directory.publish({"guest.tf.json": "1", "gone.tf.json": "1"})
    directory.publish({"guest.tf.json": "2"})
    directory.refuse_edited()
    assert not (directory.path / "gone.tf.json").exists()
    (directory.path / "guest.tf.json").write_text("mine")
    with pytest.raises(Conflict):
        directory.refuse_edited()


def test_files_of_the_user_stay_when_a_deployment_goes(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "cal-ef56gh78")
    directory.prepare({"guest.tf.json": "1"})
    directory.publish({"guest.tf.json": "1"})
    mine = directory.path / "mine.tf"
    mine.write_text("# mine")
    directory.prepare({"guest.tf.json": "1"})
    assert (directory.run / "mine.tf").is_symlink()
    (directory.path / ".terraform").mkdir()  # of the user's own `tofu init`
    directory.remove()
    assert [path.name for path in directory.path.iterdir()] == ["mine.tf"]
    mine.unlink()
    directory.remove()
    assert not directory.path.exists()


def test_the_door_answers_this_user() -> None:
    with Door(lambda method, query, body: Answer(200, f"{method} {query} ".encode() + body)) as at:
        request = urllib.request.Request(f"{at}?ID=7", method="LOCK", data=b"{}")
        with urllib.request.urlopen(request) as answer:
            assert answer.read() == b"LOCK ID=7 {}"


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which takes root")
def test_the_door_turns_other_users_away() -> None:
    ask = (
        "import encodings.idna, os, socket, sys\n"  # not readable any more afterwards
        "os.setgid(65534), os.setuid(65534)\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')\n"
        "print(s.recv(100).split()[1].decode())\n"
    )
    with Door(lambda method, query, body: Answer(200, b"secret")) as at:
        port = at.rstrip("/").rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-c", ask, port], capture_output=True, text=True, check=True
        )
    assert done.stdout.strip() == "403"


def test_a_connection_is_known_by_its_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert user_of(client.getsockname()[1], port) == os.geteuid()
    assert user_of(1, port) is None
