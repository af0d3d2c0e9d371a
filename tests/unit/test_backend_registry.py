"""Backends are found by entry points, opened late, and their settings are checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.backends.registry import BackendEnvironment, check_backends, open_backends
from engine.errors import InvalidInput
from engine.model.provider import BackendProfile, CheckStatus, ProviderProfile, Service
from engine.paths import Paths
from tests.conformance.doubles import MemoryLeases

CANARY = "canary-1f2e-pasted-token"
PROXMOX = {
    "hosts": ["192.0.2.1"],
    "token_id": "homeport@pve!homeport",
    "token_ref": "secret:providers/home/token",
    "storage": "local-lvm",
    "image": "local:import/debian.qcow2",
}


def profile(**changes: BackendProfile) -> ProviderProfile:
    backends = {
        "hypervisor": BackendProfile(kind="proxmox", settings=PROXMOX),
        "addresses": BackendProfile(kind="pool", settings={"network": "192.0.2.0/24"}),
        "dns": BackendProfile(kind="octodns", settings={}),
        "secrets": BackendProfile(kind="sealed"),
        "certificates": BackendProfile(kind="acme", settings={}),
        **changes,
    }
    return ProviderProfile(
        name="home", zone="example.org", backends={Service(k): v for k, v in backends.items()}
    )


def environment(chosen: ProviderProfile, home: Path) -> BackendEnvironment:
    paths = Paths(home / "state", home / "config", home / "lab")
    return BackendEnvironment(chosen, "ab12cd34", paths, lambda _: "token", MemoryLeases())


def test_opening_a_provider_imports_no_driver(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from engine.backends.registry import open_backends\n"
        "from tests.unit.test_backend_registry import environment, profile\n"
        f"home = pathlib.Path({str(tmp_path)!r})\n"
        "opened = open_backends(profile(), environment(profile(), home))\n"
        "heavy = {'proxmoxer', 'requests', 'octodns', 'acme', 'cryptography'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "opened.addresses.find('x')\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "opened.hypervisor\n"
        "assert 'proxmoxer' in sys.modules and 'octodns' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


def test_each_backend_is_opened_once(tmp_path: Path) -> None:
    chosen = profile()
    opened = open_backends(chosen, environment(chosen, tmp_path))
    assert opened.hypervisor is opened.hypervisor
    assert opened.secrets.list("") == []


def test_a_service_without_a_backend_is_named(tmp_path: Path) -> None:
    chosen = profile().model_copy(update={"backends": {}})
    with pytest.raises(InvalidInput) as caught:
        open_backends(chosen, environment(chosen, tmp_path))
    assert "hypervisor" in caught.value.what


def test_an_unknown_driver_is_answered_with_those_there_are(tmp_path: Path) -> None:
    chosen = profile(hypervisor=BackendProfile(kind="proxmos"))
    with pytest.raises(InvalidInput) as caught:
        open_backends(chosen, environment(chosen, tmp_path))
    assert "proxmox" in caught.value.why


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hosts": []}, "hosts"),
        ({"hosts": ["https://pve"]}, "hosts"),
        ({"hosts": ["pve:99999"]}, "hosts"),
        ({"token_id": "homeport"}, "token_id"),
        ({"fingerprint": "AB:CD"}, "fingerprint"),
        ({"ca_pem": "no certificate"}, "ca_pem"),
        ({"image": ""}, "image or template"),
        ({"template": 9000}, "image or template"),
        ({"image": "../x"}, "image"),
        ({"storage": "local-lvm:0,import-from=x"}, "storage"),
        ({"bridge": "vmbr0,tag=1"}, "bridge"),
        ({"vmid_first": 200, "vmid_last": 100}, "vmid_first"),
        ({"verify_ssl": False}, "verify_ssl"),
        ({"token_ref": CANARY}, "token_ref"),
        ({CANARY: "x", "token_ref": 1}, "token_ref"),
    ],
)
def test_wrong_settings_are_named_and_never_repeated(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    chosen = profile(hypervisor=BackendProfile(kind="proxmox", settings={**PROXMOX, **changes}))
    with pytest.raises(InvalidInput) as caught:
        _ = open_backends(chosen, environment(chosen, tmp_path)).hypervisor
    assert named in caught.value.why
    if CANARY not in changes:
        assert CANARY not in str(caught.value.describe())


def test_a_check_of_all_backends_never_raises(tmp_path: Path) -> None:
    chosen = profile(hypervisor=BackendProfile(kind="proxmox", settings={}))
    checks = check_backends(open_backends(chosen, environment(chosen, tmp_path)))
    assert {check.service for check in checks} == {service.value for service in chosen.services}
    hypervisor = next(check for check in checks if check.service == "hypervisor")
    assert hypervisor.status is CheckStatus.FAIL
    assert "hosts" in hypervisor.found
