"""Answers on UDP and TCP, by one asyncio loop; updates are applied one after the other.

Faults, for tests: `faults.json` in the server's directory, read at every request:
`{"offline": true}` answers nothing and drops connections, `{"refuse": true}` answers REFUSED
to updates and transfers, `{"slow": 2.5}` waits so many seconds before every answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.tsig
import dns.update
from dns.rdatatype import RdataType

from engine.lab.names.answers import answer, transfer, zone_of
from engine.lab.names.signatures import Received, receive
from engine.lab.names.update import apply_update
from engine.lab.names.zonefile import ZoneStore

log = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0
_UDP_PLAIN = 512


@dataclass(frozen=True)
class Faults:
    offline: bool = False
    refuse: bool = False
    slow: float = 0.0

    @classmethod
    def read(cls, path: Path) -> Faults:
        try:
            given = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return cls()
        return cls(
            bool(given.get("offline")), bool(given.get("refuse")), float(given.get("slow") or 0)
        )


class NameServer:
    """keys: the one key that may update and transfer each zone, by the zone's name."""

    def __init__(
        self,
        zones: Mapping[dns.name.Name, ZoneStore],
        keys: Mapping[dns.name.Name, dns.tsig.Key],
        faults: Path,
    ) -> None:
        self._zones = zones
        self._keys = keys
        self._keyring = {key.name: key for key in keys.values()}
        self._faults = faults

    async def serve(self, host: str, port: int) -> None:
        """Listen until cancelled."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(host, port)
        )
        try:
            server = await asyncio.start_server(self._connection, host, port)
            async with server:
                await server.serve_forever()
        finally:
            transport.close()

    async def respond(self, wire: bytes, *, udp: bool) -> list[bytes] | None:
        """The response's messages; None: say nothing, hang up."""
        faults = Faults.read(self._faults)
        if faults.offline:
            return None
        if faults.slow:
            await asyncio.sleep(faults.slow)
        try:
            received = receive(wire, self._keyring)
        except dns.exception.DNSException:
            return _format_error(wire)
        if received.message.flags & dns.flags.QR:
            return None
        responses = self._dispatch(received, faults, udp=udp)
        return _render(responses, udp=udp)

    def _dispatch(
        self, received: Received, faults: Faults, *, udp: bool
    ) -> list[dns.message.Message]:
        query = received.message
        if received.refusal:
            return [received.refusal]
        if isinstance(query, dns.update.UpdateMessage):
            return [_reply(query, self._update(query, received, faults))]
        if query.opcode() != dns.opcode.QUERY:
            return [_reply(query, dns.rcode.NOTIMP)]
        if len(query.question) != 1:
            return [_reply(query, dns.rcode.FORMERR)]
        if query.question[0].rdtype in (RdataType.AXFR, RdataType.IXFR):
            return self._transfer(query, received, faults, udp=udp)
        return [answer(self._zones, query)]

    def _update(
        self, message: dns.update.UpdateMessage, received: Received, faults: Faults
    ) -> dns.rcode.Rcode:
        if not message.zone:
            return dns.rcode.FORMERR
        store = self._zones.get(message.zone[0].name)
        if store is None:
            return dns.rcode.NOTAUTH
        if faults.refuse or not self._may(received, store):
            return dns.rcode.REFUSED
        return apply_update(store, message)

    def _transfer(
        self, query: dns.message.Message, received: Received, faults: Faults, *, udp: bool
    ) -> list[dns.message.Message]:
        store = zone_of(self._zones, query.question[0].name)
        if store is None or store.origin != query.question[0].name:
            return [_reply(query, dns.rcode.NOTAUTH)]
        if faults.refuse or not self._may(received, store):
            return [_reply(query, dns.rcode.REFUSED)]
        if udp:
            truncated = _reply(query, dns.rcode.NOERROR)
            truncated.flags |= dns.flags.TC
            return [truncated]
        return list(transfer(store, query))

    def _may(self, received: Received, store: ZoneStore) -> bool:
        return received.signer is not None and received.signer == self._keys[store.origin].name

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
                responses = await self.respond(wire, udp=False)
                if responses is None:
                    return
                for response in responses:
                    writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, addr: Any) -> None:
        for response in await self._server.respond(data, udp=True) or []:
            self._transport.sendto(response, addr)


def _reply(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.set_rcode(rcode)
    return response


def _format_error(wire: bytes) -> list[bytes] | None:
    """FORMERR for something that has at least the header of a request."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    response = dns.message.Message(id=struct.unpack("!H", wire[:2])[0])
    response.flags = dns.flags.Flag(dns.flags.QR)
    response.set_rcode(dns.rcode.FORMERR)
    return [response.to_wire()]


def _render(responses: list[dns.message.Message], *, udp: bool) -> list[bytes]:
    """Wire format, signed as the request was; several messages share one running signature."""
    if udp:
        room = responses[0].request_payload or _UDP_PLAIN
        return [responses[0].to_wire(max_size=room, prefer_truncation=True)]
    if len(responses) == 1:
        return [responses[0].to_wire(max_size=65535)]
    wires: list[bytes] = []
    context: Any = None
    for response in responses:
        wires.append(response.to_wire(max_size=65535, multi=True, tsig_ctx=context))
        context = response.tsig_ctx
    return wires
