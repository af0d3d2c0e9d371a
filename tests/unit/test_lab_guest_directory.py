"""What is made of a guest's directory: sockets within their limit, private files, environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.lab.guest.boot import Boot
from engine.lab.guest.environment import guest_environment
from engine.lab.guest.sockets import remove_short_directory, socket_directory

BOOT = Boot(
    mark="harbour-a-abc/9000",
    vmid=9000,
    hostname="cal",
    address="127.80.1.10/24",
    gateway="127.80.1.1",
    mac="bc:24:11:00:00:01",
    user="root",
    ssh_public_keys=("ssh-ed25519 AAAA",),
    nameservers=("127.80.1.2",),
    search_domain="harbour-a.lab",
    cache="/cache",
)


@given(st.lists(st.text("abcdé", min_size=1, max_size=60), min_size=1, max_size=6))
def test_a_servers_socket_always_fits(parts: list[str]) -> None:
    root = Path("/", *parts)
    directory = socket_directory(root, "postgresql", ".s.PGSQL.5432.lock")
    assert len(str(directory / ".s.PGSQL.5432.lock").encode()) <= 107


def test_the_stand_in_directory_goes_with_the_guest(tmp_path: Path) -> None:
    root = tmp_path / ("x" * 100)
    directory = socket_directory(root, "postgresql", ".s.PGSQL.5432.lock")
    assert not directory.is_relative_to(root)
    directory.mkdir(mode=0o700)
    remove_short_directory(root)
    assert not directory.exists()


def test_only_what_installers_need_of_the_host_reaches_a_guest() -> None:
    host = {
        "HOME": "/home/ann",
        "PATH": "/home/ann/bin:/usr/bin",
        "PIP_INDEX_URL": "https://registry.example/simple",
        "UV_CACHE_DIR": "/var/cache/uv",
        "https_proxy": "http://proxy.example:3128",
        "SECRET_TOKEN": "canary",
        "SSH_AUTH_SOCK": "/run/agent",
        "PYTHONPATH": "/somewhere",
    }
    found = guest_environment(BOOT, Path("/lab/root"), host)
    assert found["PIP_INDEX_URL"] == "https://registry.example/simple"
    assert found["UV_CACHE_DIR"] == "/var/cache/uv"
    assert found["PIP_CACHE_DIR"] == "/home/ann/.cache/pip"
    assert found["https_proxy"] == "http://proxy.example:3128"
    assert found["HOME"] == "/lab/root/root"
    assert found["HOMEPORT_GUEST_ADDRESS"] == "127.80.1.10"
    assert found["PATH"].startswith("/lab/root/usr/local/bin:/lab/root/usr/bin:")
    assert not {"SECRET_TOKEN", "SSH_AUTH_SOCK", "PYTHONPATH"} & found.keys()
    assert "/home/ann/bin" not in found["PATH"]


def test_what_the_hypervisor_tells_a_guest_is_private_and_comes_back(tmp_path: Path) -> None:
    BOOT.save(tmp_path)
    assert Boot.load(tmp_path) == BOOT
    assert (tmp_path / "guest.json").stat().st_mode & 0o777 == 0o600


def test_a_changed_name_or_key_is_another_instance_and_another_lab_directory_is_not() -> None:
    assert replace(BOOT, hostname="other").instance_id != BOOT.instance_id
    assert replace(BOOT, ssh_public_keys=()).instance_id != BOOT.instance_id
    assert replace(BOOT, cache="/elsewhere", mark="x/1").instance_id == BOOT.instance_id
