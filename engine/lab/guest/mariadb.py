"""`apt-get install mariadb-server`: the host's own MariaDB, with a data directory per guest.

As Debian sets it up, the operating system's root is the server's root on the local socket; in
a lab that is not root's, the lab's owner is. The first guest's empty data directory is kept in
the lab's cache: making one takes longer than all else.
"""

from __future__ import annotations

import asyncio
import getpass
import shlex
import shutil
import subprocess
from pathlib import Path

from engine.lab.guest.packages import Ground, InstallFailed, locked
from engine.lab.guest.shims import write_script
from engine.lab.guest.sockets import socket_directory

_SOCKET = "mysqld.sock"
_CLIENTS = ("mariadb", "mariadb-dump")
_UNIT = """\
[Unit]
Description=MariaDB database server
After=network.target
[Service]
Type=exec
User=mysql
Group=mysql
WorkingDirectory={data}
RuntimeDirectory=mysqld
ExecStartPre=/bin/sh -c 'mkdir -m 700 {sockets} 2>/dev/null || [ -O {sockets} ]'
ExecStart={server} --defaults-file={config}
ExecStartPost=/bin/sh -c 'until {root}/usr/bin/mariadb -e "DO 0" 2>/dev/null; do sleep 0.1; done'
TimeoutStopSec=60
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
_CONFIG = """\
[client]
socket = {socket}
default-character-set = utf8mb4
[mariadbd]
user = {user}
datadir = {data}
socket = {socket}
pid-file = {data}/mariadbd.pid
bind-address = {address}
port = 3306
skip-name-resolve
character-set-server = utf8mb4
collation-server = utf8mb4_general_ci
# A guest of the lab has little memory and little disk.
innodb_buffer_pool_size = 16M
innodb_log_file_size = 8M
innodb_autoextend_increment = 4
innodb_flush_log_at_trx_commit = 2
"""
_SMALL = ("--innodb-log-file-size=8M", "--innodb-autoextend-increment=4")


async def install_mariadb(ground: Ground) -> None:
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    names = ("mariadbd", "mariadb-install-db", *_CLIENTS)
    programs = {name: shutil.which(name, path=path) for name in names}
    server, maker = programs["mariadbd"], programs["mariadb-install-db"]
    if server is None or maker is None or not all(programs.values()):
        raise InstallFailed(
            "this machine has no MariaDB server, and a lab guest uses the machine's"
        )
    ground.user("mysql")
    data, config = ground.root / "var/lib/mysql", ground.root / "etc/mysql/mariadb.cnf"
    sockets = socket_directory(ground.root, "mysqld", _SOCKET)
    values = {
        "root": ground.root, "data": data, "config": config, "sockets": sockets,
        "socket": sockets / _SOCKET, "server": server, "address": ground.boot.loopback,
        "user": getpass.getuser(),
    }  # fmt: skip
    config.parent.mkdir(parents=True, exist_ok=True)
    if not config.exists():
        config.write_text(_CONFIG.format(**values))
    for name in _CLIENTS:
        write_script(
            ground.root / "usr/bin" / name,
            f'case "${{1-}}" in --defaults-*|--no-defaults) ;;'
            f' *) set -- --defaults-file={config} "$@" ;; esac\n'
            f'exec {shlex.quote(programs[name] or name)} "$@"',
        )
    if not (data / "mysql").is_dir():
        empty = await _empty(ground, maker)
        await asyncio.to_thread(_copied, empty, data)
    await ground.service("mariadb.service", _UNIT.format(**values))


async def _empty(ground: Ground, maker: str) -> Path:
    home = Path(ground.boot.cache) / "packages"
    target = home / "mariadb-empty"
    home.mkdir(parents=True, exist_ok=True)
    with await asyncio.to_thread(locked, home / "mariadb-empty.lock"):
        if target.is_dir():
            return target
        temporary = home / "mariadb-empty.part"
        shutil.rmtree(temporary, ignore_errors=True)
        user = getpass.getuser()
        words = [maker, "--no-defaults", f"--datadir={temporary}", f"--user={user}", *_SMALL]
        words += ["--auth-root-authentication-method=socket", f"--auth-root-socket-user={user}"]
        child = ground.children.spawn(
            [*words, "--skip-test-db"],
            cwd=ground.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert child.stdout is not None
        said = await asyncio.to_thread(child.stdout.read)
        if await child.ended != 0:
            raise InstallFailed(said.decode(errors="replace").strip()[-2000:])
        temporary.rename(target)
    return target


def _copied(empty: Path, data: Path) -> None:
    temporary = data.with_name(f"{data.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(empty, temporary)
    temporary.rename(data)
