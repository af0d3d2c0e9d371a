"""OpenSSH for figures of the data path: two guests that are no more than its servers on this
machine, or one in front of a guest of the lab.

The lab's own SSH server is written in Python: what it costs would be in every figure, ours and
the peers'. A guest's root is a directory, as in the lab. Needs root and sshd.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from engine.catalog.load import Catalog
from engine.errors import HomeportError
from engine.guests.protocols import GuestShell, GuestTarget
from engine.guests.ssh import open_shell
from engine.guests.waiting import wait_for_shell
from engine.methods.place import Place
from engine.methods.protocols import Installation
from engine.model.provider import GuestAccess
from engine.paths import Paths
from engine.state.protocols import Ground
from tests.quiet_work import Quiet

_SSHD = "/usr/sbin/sshd"  # it starts itself anew, by its whole path
_CONFIG = """\
ListenAddress {address}:{port}
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {keys}
UsePAM no
StrictModes no
PasswordAuthentication no
MaxStartups 100
Subsystem sftp internal-sftp
SetEnv {environment}
"""


def is_possible() -> bool:
    return os.geteuid() == 0 and os.path.exists(_SSHD)


@contextmanager
def openssh_grounds(home: Path, paths: Paths) -> Iterator[tuple[Ground, Ground, GuestTarget, Path]]:
    """Source, target, how the source is reached, and a key that lets in at both."""
    key = home / "bench-key"
    _keygen(key)
    with ExitStack() as stack:
        (source, way), (target, _) = (
            stack.enter_context(_guest(home / name, address, key, paths))
            for name, address in (("source", "127.77.0.1"), ("target", "127.77.0.2"))
        )
        yield source, target, way, key


@contextmanager
def _guest(
    root: Path, address: str, key: Path, paths: Paths
) -> Iterator[tuple[Ground, GuestTarget]]:
    (root / ".ssh").mkdir(parents=True)
    keys = root / ".ssh" / "authorized_keys"
    shutil.copy(f"{key}.pub", keys)
    environment = f"HOME={root} HOMEPORT_GUEST_ROOT={root} HOMEPORT_GUEST_ADDRESS={address}"
    with _serving(root, address, keys, environment) as way:
        shell = wait_for_shell(lambda: open_shell(way, key.read_text()), _refuse, Quiet(), 20)
        yield Ground(_place(shell, way.port, paths), cast(Any, None), ""), way
        shell.close()


@contextmanager
def openssh_of(place: Place, directory: Path) -> Iterator[GuestTarget]:
    """Another way to root on a guest of the lab: by OpenSSH, as a real one has it. directory:
    for the server's own files."""
    directory.mkdir()
    home = Path(place.facts.root, "root")
    keys = home / ".ssh" / "authorized_keys"
    with _serving(directory, place.facts.address, keys, f"HOME={home}") as way:
        yield way


@contextmanager
def _serving(directory: Path, address: str, keys: Path, environment: str) -> Iterator[GuestTarget]:
    """keys: the file of those that let in."""
    _keygen(directory / "host_key")
    with socket.create_server((address, 0)) as free:
        port = free.getsockname()[1]
    config = directory / "sshd_config"
    values = {"directory": directory, "keys": keys, "environment": environment}
    config.write_text(_CONFIG.format(address=address, port=port, **values))
    os.makedirs("/run/sshd", exist_ok=True)  # where it leaves its rights, for every connection
    server = subprocess.Popen([_SSHD, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        host_key = " ".join((directory / "host_key.pub").read_text().split()[:2])
        yield GuestTarget(address, port, "root", (host_key,))
    finally:
        server.terminate()
        server.wait()


def _refuse(error: HomeportError) -> None:
    raise error


def _place(shell: GuestShell, port: int, paths: Paths) -> Place:
    catalog = Catalog.open(paths)
    package = catalog.package("radicale")
    release = package.release()
    app = Installation(
        deployment="bench000",
        name="bench",
        domain="bench.example",
        access=GuestAccess(user="root", ssh_port=port),
        package=package,
        release=release,
        options_schema=catalog.options_schema("radicale", release.version),
        values={},
        read_secret=lambda name: "",
    )
    place = Place.of(shell, app, Quiet())
    place.directory(place.paths.data, "0750", "root:root")
    return place


def _keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
