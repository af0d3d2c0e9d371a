"""`python -m engine.lab.forward_proxy`: an HTTP proxy for guests that have no network but the
link to this machine.

A full guest must reach package registries, and must not make this machine a router. So its
installers are told of this proxy, which asks as this machine itself does. It serves nobody else.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network, ip_address
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


class ForwardProxy(ThreadingHTTPServer):
    """network: of those that it serves; others get no answer."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], network: IPv4Network) -> None:
        super().__init__(address, _Handler)
        self._network = network

    def verify_request(self, request: object, client_address: tuple[str, int]) -> bool:
        return ip_address(client_address[0]) in self._network

    def handle_error(self, request: object, client_address: object) -> None:
        return  # the installer that asked says what it missed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.lab.forward_proxy", description=__doc__)
    parser.add_argument("--host", required=True, help="address to listen on")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--network", required=True, type=IPv4Network, help="of those it serves")
    given = parser.parse_args()
    with ForwardProxy((given.host, given.port), given.network) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
