"""The guest's own Redis, with a password in a private file beside the distribution's own."""

from __future__ import annotations

import time

from engine.errors import RemoteFailure
from engine.methods import systemd
from engine.methods.place import Place

DEBIAN_PACKAGE = "redis-server"
PORT = 6379
SECRET = "redis-password"
UNIT = "redis-server.service"
_START_SECONDS = 60.0


def ensure_redis(place: Place) -> None:
    """The installed server runs, and nobody gets in without the password."""
    directory = f"{place.facts.root}/etc/redis"
    own = f"{directory}/homeport.conf"
    password = place.app.read_secret(SECRET)
    text = f"requirepass {redis_word(password)}\n"
    changed = place.write(own, text.encode(), mode=0o640, owner="root:redis")
    changed |= _include(place, f"{directory}/redis.conf", own)
    systemd.enable(place, UNIT)
    with place.work.spent("application-start"):
        systemd.start(place, UNIT, restart=changed)
        _wait_until_guarded(place)


def redis_word(value: str) -> str:
    """A word of redis.conf, quoted so that every byte arrives (sdssplitargs of Redis)."""
    safe = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./ "
    return '"' + "".join(chr(b) if b in safe else f"\\x{b:02x}" for b in value.encode()) + '"'


def _include(place: Place, path: str, own: str) -> bool:
    """The distribution's file reads ours last, so that ours has the last word."""
    line = f"include {redis_word(own)}".encode()
    text = place.shell.read_file(path)
    if text is None:
        raise RemoteFailure(
            "Redis is installed but not configured as Debian does",
            on=f"{path} at {place.facts.address}",
            why="the file is missing",
            do="Reinstall the package redis-server on the guest, then retry.",
        )
    if line in text.splitlines():
        return False
    place.write(path, text.rstrip(b"\n") + b"\n" + line + b"\n", mode=0o640, owner="redis:redis")
    return True


def _wait_until_guarded(place: Place) -> None:
    """Redis answers on its port, and refuses a client that gives no password."""
    address = (place.facts.loopback, str(PORT))
    deadline = time.monotonic() + _START_SECONDS
    while "NOAUTH" not in (said := place.run("python3", "-c", _PING, *address).stdout):
        if time.monotonic() > deadline:
            raise systemd.unit_failed(place, UNIT, said.strip())
        time.sleep(0.2)


_PING = """\
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as server:
        server.sendall(b"PING\\r\\n")
        print(server.recv(200).decode(errors="replace"))
except OSError as error:
    print(error)
"""
