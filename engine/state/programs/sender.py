"""What the key of a passage runs at the source: what reads, for named paths only, and the way
to a service of this host that was named.

Argument: a JSON file with {"paths": [...], "desk": DIR, "reader": FILE, "sudo": bool}. What the
other guest asks for comes in SSH_ORIGINAL_COMMAND: `programs.reader` for a path, or rsync's
sending side. rsync's options can write files and run programs; only those that a pull of
`programs.pull` has are let through. `homeport-connect NAME` is let through where
service-NAME.json beside that file has {"address": IP, "port": int}. Not by SSH's own
forwarding: that would have to be allowed by the host's sshd, and `permitopen` does not keep a
key from the host's unix sockets.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import socket
import sys
import threading
from typing import Any, NoReturn

_OPTIONS = re.compile(
    r"--server|--sender|--inplace|--info=STATS2|--timeout=[0-9]+|--bwlimit=[0-9]+"
    r"|-[lHogDtpAXrcS]+e[0-9]*\.[A-Za-z]*"
)
_SERVICE = re.compile(r"[a-z]{1,20}")
_PIECE = 1 << 18


def refuse(why: str) -> NoReturn:
    print(f"homeport: {why}", file=sys.stderr, flush=True)
    sys.exit(1)


def connect(name: str) -> None:
    """Standard input and output are a connection to that service, until it or they end."""
    known = os.path.join(os.path.dirname(sys.argv[1]), f"service-{name}.json")
    if not _SERVICE.fullmatch(name) or not os.path.exists(known):
        refuse(f"this key does not open the service {name!r}")
    with open(known) as file:
        service = json.load(file)
    with socket.create_connection((service["address"], service["port"]), 15) as server:
        server.settimeout(None)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=send, args=(server,), daemon=True).start()
        while data := server.recv(_PIECE):
            view = memoryview(data)
            while view:
                view = view[os.write(1, view) :]
    os._exit(0)  # the other direction may still wait for what nobody takes any more


def send(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(0, _PIECE):
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)


def main() -> None:
    with open(sys.argv[1]) as file:
        allowed = json.load(file)
    asked = shlex.split(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
    if asked == ["homeport-passage"]:
        print("open")
        return
    if len(asked) == 2 and asked[0] == "homeport-connect":
        try:
            connect(asked[1])
        except OSError as error:
            refuse(str(error))
    sudo = ["sudo", "-n"] if allowed["sudo"] else []
    if asked[:1] == ["homeport-read"] and len(asked) == 2:
        check(asked[1], allowed)
        become([*sudo, "python3", "-I", "-S", allowed["reader"], asked[1].rstrip("/")])
    if asked[:3] != ["rsync", "--server", "--sender"] or "." not in asked:
        refuse("this key only lets data be read")
    end = asked.index(".")
    options, paths = asked[:end], asked[end + 1 :]
    if bad := [word for word in options[1:] if not _OPTIONS.fullmatch(word)]:
        refuse(f"this key does not let rsync have the option {bad[0]!r}")
    for path in paths:
        check(path, allowed)
    become([*sudo, *asked])


def check(path: str, allowed: dict[str, Any]) -> None:
    clean = os.path.normpath(path)
    if path.rstrip("/") != clean:
        # rsync would follow a link before it goes up again, and come out elsewhere.
        refuse(f"this key does not open {path!r}")
    on_desk = os.path.dirname(clean) == allowed["desk"]
    if clean not in allowed["paths"] and not on_desk:
        refuse(f"this key does not open {path!r}")


def become(command: list[str]) -> NoReturn:
    os.execvp(command[0], command)  # noqa: S606 - an argument list, checked before


if __name__ == "__main__":
    main()
