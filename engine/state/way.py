"""A port on the target's guest that leads to a service of the source's guest.

For what streams for as long as a move lasts. It is a service of the target's guest, so that it
outlives the step that opened it, and each of its connections goes by the move's key
(`programs.way`, `programs.sender`).
"""

from __future__ import annotations

import json
import posixpath

from engine.errors import Unreachable
from engine.methods import systemd
from engine.methods.place import Place
from engine.methods.unitfile import HARDENING, Unit
from engine.state.programs import source as program_text

_PROGRAM = "way.py"
_FREE_PORT = """\
import socket, sys
with socket.create_server((sys.argv[1], 0)) as free: print(free.getsockname()[1])
"""
_ANSWERS = """\
import socket, sys, time
end = time.monotonic() + 20
while True:
    try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
    except OSError as error:
        if time.monotonic() > end: sys.exit(str(error))
        time.sleep(0.05)
    else: break
"""
"""The service is begun before it listens."""
_END = """\
for file in "$1"/homeport-way-"$2"-*.service; do
    [ -e "$file" ] || continue
    systemctl disable --now "${file##*/}" && rm -f -- "$file" || exit 1
done
systemctl daemon-reload
"""
"""Arguments: directory of units, name of the move."""


def open_way(
    name: str,
    service: str,
    source: Place,
    target: Place,
    config: str,
    *,
    address: str,
    port: int,
) -> int:
    """The port, on the target's loopback address. Repeated, it is the same one.

    name: of the move. service: [a-z]. config: of SSH at the target, for the host `source`.
    address, port: of the service, as the source's guest reaches it.
    """
    here = posixpath.dirname(config)
    known = f"{source.paths.passage(name)}/service-{service}.json"
    source.write(known, json.dumps({"address": address, "port": port}).encode(), mode=0o644)
    local = _port(target, f"{here}/port-{service}")
    program = f"{here}/{_PROGRAM}"
    target.write(program, program_text("way").encode(), mode=0o600)
    words = ("/usr/bin/env", "python3", "-I", program, config, service)
    unit = Unit(
        description=f"Way of Homeport's move {name} to the source's {service}",
        exec=(*words, target.facts.loopback, str(local)),
        user="root",
        directory="/",
        options=tuple(line for line in HARDENING if not line.startswith("Capability")),
    )
    unit_name = f"homeport-way-{name}-{service}.service"
    systemd.write_unit(target, f"{target.paths.systemd}/{unit_name}", unit)
    systemd.enable(target, unit_name)
    systemd.start(target, unit_name)
    asked = ("python3", "-I", "-c", _ANSWERS, target.facts.loopback, str(local))
    tried = target.run(*asked, check=False)
    if tried.status != 0:
        raise Unreachable(
            "the way to the source does not open at the target",
            on=f"{unit_name} at {target.facts.address}",
            why=tried.stderr.strip()[-500:],
            left="the source is as it was",
            do=f"Look at journalctl -u {unit_name} on the target's guest, then try again.",
        )
    return local


def close_ways(name: str, target: Place) -> None:
    """All of the move's. Repeated, it does nothing."""
    target.run("sh", "-c", _END, "end", target.paths.systemd, name)


def _port(target: Place, path: str) -> int:
    kept = target.shell.read_file(path)
    if kept is None:
        kept = str(free_port(target)).encode()
        target.write(path, kept, mode=0o600)
    return int(kept)


def free_port(target: Place) -> int:
    """On its loopback address."""
    asked = ("python3", "-I", "-c", _FREE_PORT, target.facts.loopback)
    return int(target.run(*asked).stdout)
