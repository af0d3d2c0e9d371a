"""The init's control socket: one request per connection, answered by a command's function."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from engine.lab.guest.boot import CONTROL
from engine.lab.guest.frames import ERR, OUT, bound_socket, end_frame, frame

LOG = logging.getLogger("homeport.lab.guest")
_REQUEST_LIMIT = 1 << 20


class Reply:
    """Where a command writes its output; sent as it comes."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def out(self, text: str | bytes) -> None:
        self._send(OUT, text)

    def err(self, text: str | bytes) -> None:
        self._send(ERR, text)

    async def drain(self) -> None:
        await self._writer.drain()

    def _send(self, stream: int, text: str | bytes) -> None:
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        if data and not self._writer.is_closing():
            self._writer.write(frame(stream, data))


Command = Callable[[list[str], Reply], Awaitable[int]]
"""Takes the words behind the command's name; gives the exit status."""


async def serve(directory: Path, commands: Mapping[str, Command]) -> asyncio.Server:
    """Answer `commands` on the guest's control socket. What a command raises ends it with 1."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply = Reply(writer)
        status = 1
        try:
            words = (await reader.read(_REQUEST_LIMIT)).split(b"\0")
            while not reader.at_eof():
                words = (b"\0".join(words) + await reader.read(_REQUEST_LIMIT)).split(b"\0")
            name, *arguments = [word.decode(errors="surrogateescape") for word in words[:-1]]
            status = await commands[name](arguments, reply)
        except ConnectionError:
            LOG.warning("a command's caller went away")
        except (KeyError, ValueError) as error:
            reply.err(f"unknown request: {error}\n")
        except Exception as error:
            LOG.exception("control request failed")
            reply.err(f"{type(error).__name__}: {error}\n")
        finally:
            if not writer.is_closing():
                writer.write(end_frame(status))
            writer.close()

    return await asyncio.start_unix_server(answer, sock=bound_socket(directory, CONTROL))
