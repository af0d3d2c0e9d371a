"""A lab of full Debian guests, and one such guest that no hypervisor knows, for tests of the
method `debian` alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from engine.errors import Denied, HomeportError, NotFound, OutcomeUnknown
from engine.guests.protocols import GuestShell, GuestTarget
from engine.guests.ssh import open_shell
from engine.guests.waiting import wait_for_shell
from engine.lab.guest import power
from engine.lab.guest.boot import Boot
from engine.lab.lab import Lab
from engine.lab.nspawn import base
from engine.paths import Paths
from tests.lab_fixture import RunningLab
from tests.quiet_work import Quiet

_BOOT_SECONDS = 90
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
USER = "debian"
"""Logs in with a key and becomes root by sudo, as in Debian's cloud images."""


@dataclass(frozen=True)
class SystemdGuest:
    """root: its file system as this machine sees it (not what is on its tmpfs)."""

    root: Path
    address: str
    host_key: str
    private_key: str

    def shell(self, user: str = USER, seconds: float = _BOOT_SECONDS) -> GuestShell:
        """As soon as it lets us in; see `wait_for_shell`."""
        target = GuestTarget(self.address, 22, user, (self.host_key,))

        def refuse(error: Exception) -> None:
            raise error

        return wait_for_shell(
            lambda: open_shell(target, self.private_key), refuse, Quiet(), seconds
        )

    def run(self, *argv: str, check: bool = True) -> str:
        """As root; what it printed."""
        shell = self.shell()
        try:
            return shell.run(argv, check=check).stdout.strip()
        finally:
            shell.close()

    def reboot(self) -> None:
        """Returns when the guest has booted anew and lets us in."""
        before = self.run("cat", _BOOT_ID)
        with suppress(OutcomeUnknown):  # the connection may end before the answer comes
            self.run("systemctl", "reboot", check=False)
        deadline = time.monotonic() + _BOOT_SECONDS
        while self._boot_id() in ("", before):
            assert time.monotonic() < deadline, "it did not boot anew"

    def _boot_id(self) -> str:
        with suppress(HomeportError):  # of the old connection
            return self.run("cat", _BOOT_ID)
        return ""


@pytest.fixture(scope="session")
def full_lab() -> Iterator[RunningLab]:
    """All of it is gone afterwards but the base of its guests, which is cached."""
    try:
        base.refuse_where_impossible()
    except (Denied, NotFound) as error:
        pytest.skip(f"{error}. {error.do}")
    with tempfile.TemporaryDirectory(prefix="hp-full-") as home:
        paths = Paths.from_environment({"HOMEPORT_HOME": home})
        lab = Lab(paths.lab)
        try:
            lab.up(guests="nspawn")
            yield RunningLab(lab, paths)
        finally:
            lab.reset()


@pytest.fixture(scope="module")
def systemd_guest(
    full_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemdGuest]:
    """Booted, and gone afterwards with its processes, its link and its files."""
    record, directory = full_lab.lab.record(), tmp_path_factory.mktemp("guest")
    key = asyncssh.generate_private_key("ssh-ed25519")
    address = record.harbours[0].address(251)
    boot = Boot(
        mark=f"{record.id}/alone",
        vmid=1,
        hostname="guest",
        address=f"{address}/{record.bridged.prefixlen}",
        gateway=record.harbours[0].address(1),
        mac="",
        user=USER,
        ssh_public_keys=(key.export_public_key().decode().strip(),),
        nameservers=(record.names_address[0],),
        search_domain="",
        cache=str(full_lab.lab.directory / "cache"),
        bridge=record.bridge,
        proxy="http://{}:{}".format(*record.proxy_address),
    )
    try:
        power.start(directory, boot)
        root = directory / "root"
        host_key = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().strip()
        private_key = key.export_private_key().decode()
        guest = SystemdGuest(root, address, host_key, private_key)
        guest.shell().close()
        yield guest
    finally:
        power.destroy(directory)
