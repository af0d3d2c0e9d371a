"""The guest agent: what the hypervisor may ask of a running guest (qemu-guest-agent's part).

Requests and answers are one JSON document each, with the field names of the Proxmox VE API.
Paths are the guest's: `/etc/hostname` is a file below its root.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from engine.lab.guest.boot import Boot
from engine.lab.guest.children import Child, Children
from engine.lab.guest.control import Reply

READ_LIMIT = 16 << 20
"""The agent gives back at most 16 MiB of a file or of a command's output."""


class AgentError(Exception):
    """What the agent answers instead of a result; the text follows "Agent error: "."""


def unreadable(file: str, reason: str) -> AgentError:
    return AgentError(f"failed to open file '{file}' (mode: 'r'): {reason}")


@dataclass
class _Execution:
    child: Child
    streams: dict[str, bytearray] = field(default_factory=dict)
    truncated: set[str] = field(default_factory=set)
    done: asyncio.Task[None] | None = None


class Agent:
    CARD = "eth0"
    """Name of the guest's network card."""

    def __init__(self, boot: Boot, root: Path, children: Children) -> None:
        self._boot = boot
        self._root = root
        self._children = children
        self._numbers = itertools.count(1)
        self._executions: dict[int, _Execution] = {}

    async def command(self, words: list[str], reply: Reply) -> int:
        """`agent NAME JSON`: prints the result as JSON, or the error with status 1."""
        name, arguments = words[0], json.loads(words[1])
        try:
            result = await self._call(name, arguments)
        except AgentError as error:
            reply.err(str(error))
            return 1
        reply.out(json.dumps(result))
        return 0

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        match name:
            case "ping":
                return {}
            case "exec":
                return self._execute(arguments["command"], arguments.get("input-data"))
            case "exec-status":
                return self._status(int(arguments["pid"]))
            case "file-read":
                return await self._read(arguments["file"])
            case "network-get-interfaces":
                return self._interfaces()
            case "get-host-name":
                return {"host-name": self._boot.hostname}
            case "get-osinfo":
                return await self._system()
        raise AgentError(f"The command guest-{name} has not been found")

    def _execute(self, command: list[str], text: str | None) -> dict[str, int]:
        try:
            child = self._spawn(command, stdin=subprocess.PIPE if text else subprocess.DEVNULL)
        except OSError as error:
            why = f"Failed to execute child process “{command[0]}” ({error.strerror})"
            raise AgentError(why) from error
        execution = _Execution(child)
        number = next(self._numbers)
        execution.done = asyncio.ensure_future(self._collect(execution, (text or "").encode()))
        self._executions[number] = execution
        return {"pid": number}

    def _spawn(self, command: Sequence[str], *, stdin: int = subprocess.DEVNULL) -> Child:
        """Its output comes by pipes."""
        pipe = subprocess.PIPE
        return self._children.spawn(command, cwd=self._root, stdin=stdin, stdout=pipe, stderr=pipe)

    async def _collect(self, execution: _Execution, text: bytes) -> None:
        child = execution.child
        jobs = []
        if child.stdin is not None:
            jobs.append(asyncio.to_thread(_feed, child.stdin, text))
        for name, stream in (("out", child.stdout), ("err", child.stderr)):
            assert stream is not None
            jobs.append(asyncio.to_thread(_drain, stream, name, execution))
        await asyncio.gather(*jobs)
        await child.ended

    def _status(self, number: int) -> dict[str, Any]:
        execution = self._executions.get(number)
        if execution is None or execution.done is None:
            raise AgentError("Invalid parameter 'pid'")
        if not execution.done.done():
            return {"exited": 0}
        del self._executions[number]  # told once, forgotten then, as the real agent does
        status = execution.child.ended.result()
        answer: dict[str, Any] = {"exited": 1}
        answer |= {"signal": -status} if status < 0 else {"exitcode": status}
        for name, data in execution.streams.items():
            if data:
                answer[f"{name}-data"] = data.decode(errors="replace")
        return answer | {f"{name}-truncated": 1 for name in execution.truncated}

    async def _read(self, file: str) -> dict[str, Any]:
        data = await self._content(file)
        answer: dict[str, Any] = {"content": data[:READ_LIMIT].decode("latin-1")}
        return answer | ({"truncated": 1} if len(data) > READ_LIMIT else {})

    async def _content(self, file: str) -> bytes:
        """The file's first bytes, one more than are given back."""
        path = self._root / file.lstrip("/")
        try:
            with path.open("rb") as stream:
                return stream.read(READ_LIMIT + 1)
        except OSError as error:
            raise unreadable(file, error.strerror or "") from error

    def _interfaces(self) -> list[dict[str, Any]]:
        def interface(name: str, mac: str, addresses: list[tuple[str, int]]) -> dict[str, Any]:
            return {
                "name": name,
                "hardware-address": mac,
                "ip-addresses": [
                    {"ip-address": ip, "ip-address-type": "ipv4", "prefix": prefix}
                    for ip, prefix in addresses
                ],
            }

        found = [interface("lo", "00:00:00:00:00:00", [("127.0.0.1", 8)])]
        if self._boot.address:
            ip, _, prefix = self._boot.address.partition("/")
            found.append(interface(self.CARD, self._boot.mac, [(ip, int(prefix))]))
        return found

    async def _system(self) -> dict[str, str]:
        fields = dict(
            line.split("=", 1)
            for line in (await self._content("/etc/os-release")).decode().splitlines()
            if "=" in line
        )
        text = {name: value.strip('"') for name, value in fields.items()}
        kernel = os.uname()
        return {
            "id": text.get("ID", "debian"),
            "name": text.get("NAME", ""),
            "pretty-name": text.get("PRETTY_NAME", ""),
            "version": text.get("VERSION", ""),
            "version-id": text.get("VERSION_ID", ""),
            "kernel-release": kernel.release,
            "kernel-version": kernel.version,
            "machine": kernel.machine,
        }


def _feed(stream: IO[bytes], data: bytes) -> None:
    with stream, contextlib.suppress(BrokenPipeError):
        while data:
            data = data[stream.write(data) :]


def _drain(stream: IO[bytes], name: str, execution: _Execution) -> None:
    kept = execution.streams.setdefault(name, bytearray())
    with stream:
        while data := stream.read(65536):
            kept += data[: READ_LIMIT - len(kept)]
            if len(kept) == READ_LIMIT:
                execution.truncated.add(name)
