"""An HTTP proxy for a guest that has no network but the link to this machine.

A test's guest must reach package registries, and must not make this machine a router. So
its installers are told of this proxy, which asks as this machine itself does.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_SECONDS = 60
_PASSED_ON = ("if-modified-since", "if-range", "range", "user-agent", "accept")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        origin = http.client.HTTPConnection(asked.hostname or "", asked.port, timeout=_SECONDS)
        wanted = {k: v for k, v in self.headers.items() if k.lower() in _PASSED_ON}
        try:
            origin.request("GET", asked._replace(scheme="", netloc="").geturl(), headers=wanted)
            answer = origin.getresponse()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "keep-alive"):
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while data := answer.read(65536):
                self.wfile.write(data)
        finally:
            self.close_connection = True
            origin.close()

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        self.close_connection = True
        with socket.create_connection((host, int(port)), _SECONDS) as origin:
            self.send_response_only(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(origin, self.connection), daemon=True)
            back.start()
            _copy(self.connection, origin)
            back.join(_SECONDS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's word
        return


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return  # one side is gone, and the other will notice


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        return  # the installer that asked says what it missed


@contextmanager
def forward_proxy(address: str) -> Iterator[str]:
    """A proxy on this address while the block runs; its URL."""
    with _Server((address, 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{address}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
