"""The keeper of a full guest: prepares it, boots it, boots it again when it wants to, answers
for it on the control socket, and takes it down in order when it gets SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path

from engine.lab.guest import control
from engine.lab.guest.boot import Boot
from engine.lab.guest.children import Child, Children
from engine.lab.guest.init import hold, record
from engine.lab.nspawn import control_group
from engine.lab.nspawn.agent import FullAgent
from engine.lab.nspawn.configure import prepare_root

_REBOOT_WANTED = 133
"""Status of systemd-nspawn when its guest wants to be booted again."""
_START_SECONDS = 30.0


async def run(directory: Path) -> None:
    """Keep the guest in `directory` until it is off. OSError where it does not boot."""
    with hold(directory):
        boot = Boot.load(directory)
        control_group.enter(boot.mark)
        await asyncio.to_thread(prepare_root, boot, directory)
        os.environ.pop("PYTHONPATH", None)  # it is not the guest's business
        children = Children(os.environ)
        children.watch()
        machine = Machine(boot, directory, children)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, machine.power_off)
        agent = FullAgent(boot, directory / "root", children, machine.leader)
        server = await control.serve(directory, {"agent": agent.command})
        await machine.start()
        record(directory)
        status = await machine.ended()
        server.close()
        if status != 0:
            raise OSError(f"systemd-nspawn ended with {status}: {machine.said()}")
        (directory / "init.json").unlink(missing_ok=True)


class Machine:
    """The process of systemd-nspawn."""

    def __init__(self, boot: Boot, directory: Path, children: Children) -> None:
        self._boot = boot
        self._directory = directory
        self._children = children
        self._wanted = True
        self._nspawn: Child | None = None

    async def start(self) -> None:
        """Returns when the guest's first process runs. OSError where none does."""
        self._boot_up()
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while self.leader() is None:
            if self._current.ended.done() or asyncio.get_running_loop().time() > deadline:
                raise OSError(f"systemd-nspawn did not boot the guest: {self.said()}")
            await asyncio.sleep(0.02)

    async def ended(self) -> int:
        """The last exit status, once the guest is off for good."""
        while True:
            status = await self._current.ended
            if status != _REBOOT_WANTED or not self._wanted:
                return 0 if status == _REBOOT_WANTED else status
            self._boot_up()

    def power_off(self) -> None:
        """Ask the guest to stop; systemd-nspawn passes it on to the guest's systemd."""
        self._wanted = False
        if self._nspawn is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._nspawn.pid, signal.SIGTERM)

    def leader(self) -> int | None:
        """Pid of the guest's first process: the child that is number one in a namespace."""
        nspawn = self._nspawn
        if nspawn is None or nspawn.ended.done():
            return None
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text()
            for pid in children.split():
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("NSpid:") and line.split()[2:] == ["1"]:
                        return int(pid)
        return None

    def said(self) -> str:
        """The end of the console."""
        lines = self._console.read_text(errors="replace").splitlines()
        return " / ".join(line.strip() for line in lines[-3:])

    @property
    def _current(self) -> Child:
        assert self._nspawn is not None
        return self._nspawn

    @property
    def _console(self) -> Path:
        return self._directory / "console.log"

    def _boot_up(self) -> None:
        with control_group.as_machine(self._boot.mark), self._console.open("wb") as console:
            self._nspawn = self._children.spawn(
                self._argv(),
                cwd=self._directory,
                environment={"PATH": os.environ.get("PATH", os.defpath)},
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def _argv(self) -> tuple[str, ...]:
        boot = self._boot
        return (
            *("systemd-nspawn", "--quiet", "--boot", "--console=pipe"),
            # This machine's first process need not be systemd: no machined, no unit of its own.
            *("--register=no", "--keep-unit", "--link-journal=no"),
            *("--resolv-conf=off", "--timezone=off"),
            f"--machine={control_group.group_of(boot.mark)}",
            f"--network-bridge={boot.bridge}" if boot.address else "--private-network",
            f"--directory={self._directory / 'root'}",
        )
