"""A real Debian guest with systemd as its pid 1, for tests of the method `debian`.

systemd-nspawn boots it in a network namespace with one link to this machine. Its packages
come through a proxy on that link (`tests.forward_proxy`). The root is made by mmdebstrap
once and kept beside pytest's own temporary directories, as a tar file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from engine.errors import OutcomeUnknown
from engine.guests.protocols import GuestShell, GuestTarget
from engine.guests.ssh import open_shell
from engine.guests.waiting import wait_for_shell
from tests.forward_proxy import forward_proxy
from tests.quiet_work import Quiet

_SUITE = "bookworm"
_PACKAGES = "systemd,systemd-sysv,dbus,openssh-server,python3,sudo,ca-certificates"
_SOURCES = (
    f"deb http://deb.debian.org/debian {_SUITE} main",
    f"deb http://deb.debian.org/debian-security {_SUITE}-security main",
)
_BUILD_SECONDS = 400
_BOOT_SECONDS = 90
_NEEDED = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
}
"""Program -> its Debian package."""
USER = "debian"
"""Logs in with a key and becomes root by sudo, as in Debian's cloud images."""


@dataclass(frozen=True)
class SystemdGuest:
    """root: its file system as this machine sees it (not what is on its tmpfs)."""

    root: Path
    address: str
    host_key: str
    private_key: str
    machine: _Machine

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
        with suppress(OutcomeUnknown):  # the connection may end before the answer comes
            self.run("systemctl", "reboot", check=False)
        self.machine.wait_for_reboot()
        self.machine.start()
        with suppress(OutcomeUnknown):  # of the old connection
            self.run("true")
        self.shell().close()


@pytest.fixture(scope="module")
def systemd_guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdGuest]:
    """Booted, and gone afterwards with its processes, its link and its files."""
    missing = [package for program, package in _NEEDED.items() if not shutil.which(program)]
    if os.geteuid() != 0:
        pytest.skip("a guest with systemd needs root")
    if missing:
        pytest.skip(f"a guest with systemd needs: apt-get install {' '.join(missing)}")
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    base = _base(session.parent)
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hp-systemd-")))
        root.chmod(0o755)
        namespace = stack.enter_context(_network())
        with tarfile.open(base) as archive:
            archive.extractall(root, filter="fully_trusted")
        proxy = stack.enter_context(forward_proxy(namespace.host))
        host_key, private_key = _furnish(root, proxy)
        machine = stack.enter_context(_booted(root, namespace.name))
        guest = SystemdGuest(root, namespace.guest, host_key, private_key, machine)
        guest.shell().close()
        yield guest


def _base(cache: Path) -> Path:
    """The tar file of the root; made once, also where several workers want it."""
    recipe = "\n".join((_SUITE, _PACKAGES, *_SOURCES))
    base = cache / f"homeport-debian-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.tar"
    with base.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not base.exists():
            new = base.with_name(f"new-{base.name}")
            include = f"--include={_PACKAGES}"
            _run("mmdebstrap", "--variant=minbase", include, _SUITE, new, *_SOURCES)
            new.rename(base)
    return base


@dataclass(frozen=True)
class _Network:
    name: str
    host: str
    guest: str


@contextmanager
def _network() -> Iterator[_Network]:
    """A network namespace and its link; addresses of 198.18.0.0/15 (RFC 2544: for tests)."""
    number = os.getpid() % 16384
    third, fourth = 128 + number // 128, number % 64 * 4
    network = _Network(
        f"hp-{number}", f"198.19.{third}.{fourth + 1}", f"198.19.{third}.{fourth + 2}"
    )
    link = f"hp-{number}"
    _run("ip", "netns", "add", network.name)
    try:
        _run("ip", "link", "add", link, "type", "veth", "peer", "host0", "netns", network.name)
        _run("ip", "address", "add", f"{network.host}/30", "dev", link)
        _run("ip", "link", "set", link, "up")
        inside = ("ip", "-n", network.name)
        _run(*inside, "address", "add", f"{network.guest}/30", "dev", "host0")
        _run(*inside, "link", "set", "host0", "up")
        _run(*inside, "link", "set", "lo", "up")
        yield network
    finally:
        subprocess.run(("ip", "link", "delete", link), check=False, capture_output=True)
        _run("ip", "netns", "delete", network.name)


def _furnish(root: Path, proxy: str) -> tuple[str, str]:
    """Keys, a login user, and the way to the registries. Host's public key, user's private."""
    host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    for stale in root.glob("etc/ssh/ssh_host_*"):
        stale.unlink()
    key_file = root / "etc/ssh/ssh_host_ed25519_key"
    key_file.write_bytes(host.export_private_key())
    key_file.chmod(0o600)
    _run("useradd", "--root", root, "--create-home", "--shell", "/bin/bash", USER)
    (root / "etc/sudoers.d/90-user").write_text(f"{USER} ALL=(ALL) NOPASSWD:ALL\n")
    for name, home in ((USER, root / "home" / USER), ("root", root / "root")):
        keys = home / ".ssh"
        keys.mkdir(mode=0o700, exist_ok=True)
        (keys / "authorized_keys").write_bytes(user.export_public_key())
        _run("chroot", root, "chown", "-R", f"{name}:", f"/{home.relative_to(root)}/.ssh")
    (root / "etc/apt/apt.conf.d/90proxy").write_text(f'Acquire::http::Proxy "{proxy}";\n')
    # It is thrown away anyway, so it need not survive a power cut.
    (root / "etc/dpkg/dpkg.cfg.d/90-fast").write_text("force-unsafe-io\n")
    (root / "etc/pip.conf").write_text(
        f"[global]\nproxy = {proxy}\ncert = /etc/ssl/certs/of-the-host.crt\n"
    )
    authorities = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    shutil.copyfile(authorities, root / "etc/ssl/certs/of-the-host.crt")
    (root / "etc/hostname").write_text("guest\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost guest\n")
    return host.export_public_key().decode(), user.export_private_key().decode()


class _Machine:
    """The process of systemd-nspawn. It ends when its guest wants a reboot."""

    _REBOOT_WANTED = 133

    def __init__(self, root: Path, namespace: str, console: Path) -> None:
        self._console = console
        self._argv = (
            # The guest also ends with a test run that is killed.
            *("setpriv", "--pdeathsig", "TERM", "--", "systemd-nspawn", "--quiet", "--boot"),
            # Here pid 1 need not be systemd: no machined, no unit of the guest's own.
            *("--register=no", "--keep-unit", "--link-journal=no"),
            *("--console=pipe", "--resolv-conf=off", "--timezone=off"),
            f"--machine={namespace}",
            f"--network-namespace-path=/run/netns/{namespace}",
            f"--directory={root}",
        )

    def start(self) -> None:
        with self._console.open("ab") as console:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={"PATH": os.environ["PATH"]},
            )

    def wait_for_reboot(self) -> None:
        status = self._process.wait(_BOOT_SECONDS)
        assert status == self._REBOOT_WANTED, self._console.read_text(errors="replace")

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)


@contextmanager
def _booted(root: Path, namespace: str) -> Iterator[_Machine]:
    console = root.with_name(f"{root.name}.log")
    machine = _Machine(root, namespace, console)
    machine.start()
    try:
        yield machine
    finally:
        machine.stop()
        console.unlink()
        # Left by systemd-nspawn where /run is no tmpfs.
        shutil.rmtree(f"/run/systemd/nspawn/propagate/{namespace}", ignore_errors=True)


def _run(*argv: str | Path) -> None:
    subprocess.run(
        [str(word) for word in argv], check=True, capture_output=True, timeout=_BUILD_SECONDS
    )
