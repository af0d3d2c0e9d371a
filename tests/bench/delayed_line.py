"""A line of a given length: a relay that keeps every byte back for a while.

It stands in for `tc netem`, which not every kernel has, and needs no root. Nothing is lost on
it and TCP's own window does not feel it; SSH's does, and whatever waits for an answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_READ = 1 << 18
_UNDER_WAY = 4096
"""Reads that are on the line at most."""


@contextmanager
def delayed_line(host: str, port: int, source: str, seconds: float) -> Iterator[int]:
    """A port on 127.0.0.1 that leads to host and port, whose server sees the address `source`.

    seconds: one way.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> asyncio.Server:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there = await asyncio.open_connection(host, port, local_addr=(source, 0))
            with suppress(asyncio.CancelledError):  # at the end
                await asyncio.gather(
                    _late(reader, there[1], seconds), _late(there[0], writer, seconds)
                )

        return await asyncio.start_server(relay, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(_ended(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _ended() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)

    async def arrive() -> None:
        while True:
            due, data = await line.get()
            await asyncio.sleep(max(due - loop.time(), 0))
            if not data:
                return
            writer.write(data)
            await writer.drain()

    arriving = asyncio.ensure_future(arrive())
    data = b" "
    with suppress(ConnectionError):
        while data:
            data = b""
            with suppress(ConnectionError):
                data = await reader.read(_READ)
            await line.put((loop.time() + seconds, data))
        await arriving
    writer.close()
