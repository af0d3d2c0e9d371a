"""A way for programs of this user to this process: HTTP on the loopback address, for one run.

Whoever connects is known by the user that the kernel says the other end's socket belongs to
(proc_net_tcp), which nobody can pretend; others on this machine are turned away.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

_LARGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""


Answering = Callable[[str, str, bytes], Answer]
"""method, query, body -> answer."""


class Door:
    """A context whose value is the address ("http://127.0.0.1:40123/")."""

    def __init__(self, answer: Answering) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(answer: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server: ThreadingHTTPServer

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def _answer(self) -> None:
            if user_of(int(self.client_address[1]), self.server.server_port) != os.geteuid():
                self.send_error(403)
                return
            length = int(self.headers.get("Content-Length") or 0)
            if length > _LARGEST:
                self.send_error(413)
                return
            body = self.rfile.read(length)
            found = answer(self.command, urlsplit(self.path).query, body)
            self.send_response(found.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *args: object) -> None:
            """What is asked is told by OpenTofu, and kept by the service."""

    return Handler


def user_of(client: int, port: int, table: Path = Path("/proc/net/tcp")) -> int | None:
    """The user id behind a connection between two ports of 127.0.0.1; None for none."""
    wanted = (f"0100007F:{client:04X}", f"0100007F:{port:04X}")
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1], fields[2]) == wanted:
            return int(fields[7])
    return None
