"""A line to a service that can be struck: the service behind it stays as it is, and whoever asks
it finds it stopped, silent, slow or answering errors."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from tests.conformance.dns_worlds import free_port

_READ = 1 << 16
_READING = ("GET", "HEAD", "LIST", "OPTIONS")
_OF_THE_LINE = ("connection", "content-length", "transfer-encoding", "keep-alive")
_SLOW_SECONDS = 0.7
"""For each piece that passes, in each direction."""


class Blow(StrEnum):
    """How a service is not there."""

    STOPPED = "stopped"
    """Connections are refused, and open ones are cut."""
    SILENT = "silent"
    """Connections are taken, and nothing is ever answered."""
    SLOW = "slow"
    ERRORS = "errors"
    """Every request is answered with 503."""
    DEAF = "answers lost"
    """What changes something is carried out, and its answer never comes."""


class StruckLine:
    """A relay to `port` of the same host. tls: certificate and key of the service, with which the
    line shows itself where it has to speak HTTP in the place of a service behind TLS."""

    def __init__(self, host: str, port: int, own: int, tls: tuple[Path, Path] | None) -> None:
        self.port = own
        self._there = (host, port)
        self._tls = tls
        self._blow: Blow | None = None
        self._open: set[socket.socket] = set()
        self._listens = threading.Event()
        self._ended = False
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, own))
        self._listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def in_use(self) -> bool:
        return bool(self._open)

    def strike(self, blow: Blow) -> None:
        self._blow = blow
        if blow is Blow.STOPPED:
            self._refuse()
        if blow in (Blow.STOPPED, Blow.ERRORS, Blow.DEAF):
            self._cut()

    def mend(self) -> None:
        """What was asked of a silent service is never answered: those connections end."""
        was, self._blow = self._blow, None
        if was is Blow.SILENT:
            self._cut()
        if not self._listens.is_set():
            self._listen()

    def end(self) -> None:
        self._ended = True
        self._refuse()
        self._listens.set()
        self._thread.join()
        self._listener.close()
        self._cut()

    def _listen(self) -> None:
        self._listener.listen(64)
        self._listens.set()

    def _refuse(self) -> None:
        """The port stays bound, so that nobody else gets it meanwhile."""
        if self._listens.is_set():
            self._listens.clear()
            self._listener.shutdown(socket.SHUT_RDWR)

    def _cut(self) -> None:
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._ended:
            self._listens.wait()
            with contextlib.suppress(OSError):  # it was told to refuse
                here, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(here,), daemon=True).start()

    def _serve(self, here: socket.socket) -> None:
        with self._held(here), contextlib.suppress(OSError):
            if self._blow is Blow.ERRORS:
                self._answer_error(here)
                return
            if self._blow is Blow.DEAF:
                self._lose_answer(here)
                return
            with socket.create_connection(self._there, 30) as there, self._held(there):
                there.settimeout(None)
                back = threading.Thread(target=self._copy, args=(there, here), daemon=True)
                back.start()
                self._copy(here, there)
                back.join()

    @contextmanager
    def _held(self, line: socket.socket) -> Iterator[None]:
        self._open.add(line)
        try:
            yield
        finally:
            self._open.discard(line)
            line.close()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_READ):
                if self._blow is Blow.SILENT:
                    continue
                if self._blow is Blow.SLOW:
                    time.sleep(_SLOW_SECONDS)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _answer_error(self, here: socket.socket) -> None:
        here.settimeout(30)
        asked = b""
        with self._shown(here) as line:
            while b"\r\n\r\n" not in asked and (data := line.recv(_READ)):
                asked += data
            body = b"the service is not well"
            head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: {len(body)}\r\n"
            line.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)

    def _lose_answer(self, here: socket.socket) -> None:
        """One request; what only reads is answered."""
        here.settimeout(30)
        with self._shown(here) as line, line.makefile("rb") as asked:
            method, path, _ = asked.readline().decode().split()
            headers = http.client.parse_headers(asked)
            body = asked.read(int(headers.get("content-length", 0)))
            there = self._http()
            try:
                there.request(method, path, body, dict(headers))
                answer = there.getresponse()
                found = answer.read()
            finally:
                there.close()
            if method not in _READING:
                return
            head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
            told = [(n, v) for n, v in answer.getheaders() if n.lower() not in _OF_THE_LINE]
            told += [("Connection", "close"), ("Content-Length", str(len(found)))]
            head += "".join(f"{name}: {value}\r\n" for name, value in told)
            line.sendall(head.encode() + b"\r\n" + found)

    def _http(self) -> http.client.HTTPConnection:
        host, port = self._there
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=30)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE  # its own certificate is the one that the line shows
        return http.client.HTTPSConnection(host, port, timeout=30, context=trust)

    def _shown(self, here: socket.socket) -> socket.socket:
        if self._tls is None:
            return here
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._tls)
        return context.wrap_socket(here, server_side=True)


@contextmanager
def struck_line(
    port: int, tls: tuple[Path, Path] | None = None, host: str = "127.0.0.1"
) -> Iterator[StruckLine]:
    """A line to this port that leads from another one of the same host while the block runs."""
    line = StruckLine(host, port, free_port(), tls)
    try:
        yield line
    finally:
        line.end()
