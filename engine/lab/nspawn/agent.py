"""The guest agent of a full guest: what it is asked for is done inside the guest."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.lab.guest.agent import READ_LIMIT, Agent, AgentError, unreadable
from engine.lab.guest.boot import Boot
from engine.lab.guest.children import Child, Children
from engine.lab.nspawn.configure import CARD

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
}


class FullAgent(Agent):
    """leader: pid of the guest's first process, as this machine counts; None while it boots."""

    CARD = CARD

    def __init__(
        self, boot: Boot, root: Path, children: Children, leader: Callable[[], int | None]
    ) -> None:
        super().__init__(boot, root, children)
        self._leader = leader

    def _spawn(self, command: Sequence[str], *, stdin: int = subprocess.DEVNULL) -> Child:
        leader = self._leader()
        if leader is None:
            raise AgentError("the guest is booting")
        inside = ("nsenter", f"--target={leader}", "--all", "--root", "--wd", "--")
        return self._children.spawn(
            (*inside, *command),
            cwd=Path("/"),
            environment=_ENVIRONMENT,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def _content(self, file: str) -> bytes:
        first = str(READ_LIMIT + 1)
        child = self._spawn(("head", "-c", first, "--", file))
        assert child.stdout is not None
        assert child.stderr is not None
        with child.stdout, child.stderr:
            data = await asyncio.to_thread(child.stdout.read)
            reason = await asyncio.to_thread(child.stderr.read)
        if await child.ended != 0:
            raise unreadable(file, reason.decode(errors="replace").strip().rpartition(": ")[2])
        return data
