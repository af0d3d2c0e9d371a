"""The way to packages is open to the lab's guests alone."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Network

import pytest

from engine.lab.forward_proxy import ForwardProxy


class Origin(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's word
        return


@contextmanager
def serving(server: HTTPServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def ask(proxy: int, origin: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=10)
    connection.request("GET", f"http://127.0.0.1:{origin}/x")
    return connection.getresponse().read()


def test_a_guest_gets_what_it_asks_for_and_others_get_nothing() -> None:
    with serving(HTTPServer(("127.0.0.1", 0), Origin)) as origin:
        with serving(ForwardProxy(("127.0.0.1", 0), IPv4Network("127.0.0.0/8"))) as proxy:
            assert ask(proxy, origin) == b"ok"
        with (
            serving(ForwardProxy(("127.0.0.1", 0), IPv4Network("198.18.0.0/23"))) as proxy,
            pytest.raises(ConnectionError),
        ):
            ask(proxy, origin)
