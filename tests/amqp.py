"""A client of RabbitMQ as an application has one (AMQP 0-9-1), as far as tests need it."""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Any, Self

_CONNECTION, _CHANNEL, _EXCHANGE, _QUEUE, _BASIC, _CONFIRM = 10, 20, 40, 50, 60, 85
_PROPERTIES = ("content_type", "encoding", "headers", "delivery_mode", "priority", "correlation",
               "reply_to", "expiration", "message_id", "timestamp", "type", "user_id")  # fmt: skip


def short(text: str) -> bytes:
    return bytes([len(text.encode())]) + text.encode()


def table(values: dict[str, str | int] | None) -> bytes:
    held = b""
    for name, value in (values or {}).items():
        data = value.encode() if isinstance(value, str) else b""
        held += short(name)
        held += (
            b"S" + struct.pack(">I", len(data)) + data if data else b"l" + struct.pack(">q", value)
        )
    return struct.pack(">I", len(held)) + held


class Amqp:
    """One connection with one channel, whose messages are confirmed."""

    def __init__(
        self, address: str, user: str = "guest", password: str = "guest", vhost: str = "/"
    ):
        self._socket = socket.create_connection((address, 5672), 20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._socket.sendall(b"AMQP\0\0\x09\1")
        self._wait(_CONNECTION, 10)
        login = f"\0{user}\0{password}".encode()
        words = table(None) + short("PLAIN") + struct.pack(">I", len(login)) + login + short("C")
        self._method(_CONNECTION, 11, words, channel=0)
        self._wait(_CONNECTION, 30)
        self._method(_CONNECTION, 31, struct.pack(">HIH", 9, 131072, 0), channel=0)
        self._method(_CONNECTION, 40, short(vhost) + short("") + b"\0", channel=0)
        self._wait(_CONNECTION, 41)
        self._call(_CHANNEL, 10, short(""))
        self._call(_CONFIRM, 10, b"\0")

    def queue(self, name: str, *, durable: bool = True, **arguments: str | int) -> None:
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        self._call(_QUEUE, 10, b"\0\0" + short(name) + bytes([2 * durable]) + table(named))

    def exchange(self, name: str, kind: str) -> None:
        self._call(_EXCHANGE, 10, b"\0\0" + short(name) + short(kind) + b"\2" + table(None))

    def bind(self, queue: str, exchange: str, key: str) -> None:
        words = short(queue) + short(exchange) + short(key)
        self._call(_QUEUE, 20, b"\0\0" + words + b"\0" + table(None))

    def purge(self, queue: str) -> None:
        self._call(_QUEUE, 30, b"\0\0" + short(queue) + b"\0")

    def publish(self, key: str, body: bytes, exchange: str = "", **properties: Any) -> None:
        """Confirmed by the server. headers: text values; delivery_mode: 2 is persistent."""
        self._method(_BASIC, 40, b"\0\0" + short(exchange) + short(key) + b"\0")
        flags, words = 0, b""
        for at, name in enumerate(_PROPERTIES):
            if name not in properties:
                continue
            flags |= 1 << (15 - at)
            value = properties[name]
            if name == "headers":
                words += table(value)
            elif name == "timestamp":
                words += struct.pack(">Q", value)
            else:
                words += bytes([value]) if isinstance(value, int) else short(value)
        self._frame(2, struct.pack(">HHQH", _BASIC, 0, len(body), flags) + words)
        for start in range(0, len(body), 100_000):
            self._frame(3, body[start : start + 100_000])
        self._wait(_BASIC, 80)

    def get(self, queue: str, *, keep: bool = False) -> tuple[bytes, bytes, bytes] | None:
        """Exchange and routing key as they are sent, properties likewise, content; None from an
        empty queue. keep: it is not acknowledged, and goes back when the connection ends."""
        answer = self._call(_BASIC, 70, b"\0\0" + short(queue) + bytes([not keep]), (71, 72))
        if answer[2:4] == b"\0\x48":
            return None
        head = self._read()[1]
        size = struct.unpack(">Q", head[4:12])[0]
        body = b""
        while len(body) < size:
            body += self._read()[1]
        return answer[13:-4], head[12:], body  # behind tag and redelivered; before the count

    def messages(self, queue: str) -> list[tuple[bytes, bytes, bytes]]:
        """All that are ready, in their order; they go back."""
        found = []
        while (message := self.get(queue, keep=True)) is not None:
            found.append(message)
        return found

    def _call(self, group: int, method: int, words: bytes, answers: tuple[int, ...] = ()) -> bytes:
        self._method(group, method, words)
        return self._wait(group, *(answers or (method + 1,)))

    def _method(self, group: int, method: int, words: bytes, channel: int = 1) -> None:
        self._frame(1, struct.pack(">HH", group, method) + words, channel)

    def _frame(self, kind: int, payload: bytes, channel: int = 1) -> None:
        self._socket.sendall(struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce")

    def _wait(self, group: int, *methods: int) -> bytes:
        kind, payload = self._read()
        got = struct.unpack(">HH", payload[:4])
        assert (kind, got[0]) == (1, group), payload
        assert got[1] in methods, payload
        return payload

    def _read(self) -> tuple[int, bytes]:
        head = self._file.read(7)
        assert len(head) == 7, "the server has ended the connection"
        kind, _, size = struct.unpack(">BHI", head)
        payload = self._file.read(size)
        self._file.read(1)
        return (kind, payload) if kind != 8 else self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        if kind is None:
            self._method(_CONNECTION, 50, b"\0\xc8" + short("") + b"\0\0\0\0", channel=0)
            self._wait(_CONNECTION, 51)
        self._socket.close()
