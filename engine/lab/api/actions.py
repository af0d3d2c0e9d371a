"""What a client may have a VM do: power actions, and questions to the guest agent."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from fakepve import PveError, TaskError

from engine.lab.api.machines import Machines
from engine.lab.api.settings import BRIDGE
from engine.lab.guest import power

_AGENT_SECONDS = 10.0


class Actions(Machines):
    """Mixin: the calls behind /status/{action} and /agent/{command}."""

    async def _do_start(self, vm: Any, user: str, p: dict[str, Any]) -> str:
        async def body() -> None:
            if vm.template:
                raise TaskError("you can't start a vm if it's a template")
            if vm.lock:
                raise TaskError(f"VM is locked ({vm.lock})")
            if vm.status == "running":
                raise TaskError(f"VM {vm.vmid} already running")
            self._need_memory(vm)
            vm.apply_pending()
            self._need_bridge(vm)
            self.want(vm, True)
            try:
                await self.power_on(vm)
            except TaskError:
                self.want(vm, False)
                raise

        return await self.task(vm.node, "qmstart", vm.vmid, user, body, vm=vm)

    def _need_memory(self, vm: Any) -> None:
        """kvm ends at once where the machine has not the memory that the VM is given."""
        used = sum(memory_of(other) for other in self.machines() if other.status == "running")
        wanted, free = memory_of(vm) >> 20, (self.node_memory() - used) >> 20
        if wanted > free:
            raise TaskError(
                "start failed: QEMU exited with code 1\n"
                f"kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory "
                f"({wanted} MiB asked for, {free} MiB free)"
            )

    def _need_bridge(self, vm: Any) -> None:
        for key, value in vm.config.items():
            found = re.search(r"(?:^|,)bridge=([^,]+)", str(value))
            if key.startswith("net") and found and found.group(1) != BRIDGE:
                raise TaskError(f"bridge '{found.group(1)}' does not exist")

    async def _do_stop(self, vm: Any, user: str, p: dict[str, Any]) -> str:
        if not p.get("skiplock"):
            self._check_lock(vm)

        async def body() -> None:
            self.want(vm, False)
            await self.power_off(vm)

        return await self.task(vm.node, "qmstop", vm.vmid, user, body, vm=vm)

    async def _powerdown(self, vm: Any, p: dict[str, Any]) -> str | None:
        seconds = float(p.get("timeout") or self.shutdown_default_timeout)
        if await self.power_off(vm, seconds):
            return None
        if str(p.get("forceStop", "0")) not in ("1", "true"):
            raise TaskError("VM quit/powerdown failed - got timeout")
        await self.power_off(vm)
        return "VM still running - terminating now with SIGTERM"

    async def _do_shutdown(self, vm: Any, user: str, p: dict[str, Any]) -> str:
        self._need_running(vm)
        self._check_lock(vm)

        async def body() -> str | None:
            self.want(vm, False)
            return await self._powerdown(vm, p)

        return await self.task(vm.node, "qmshutdown", vm.vmid, user, body, vm=vm)

    async def _do_reboot(self, vm: Any, user: str, p: dict[str, Any]) -> str:
        self._need_running(vm)
        self._check_lock(vm)

        async def body() -> None:
            await self._powerdown(vm, p)
            vm.apply_pending()
            await self.power_on(vm)

        return await self.task(vm.node, "qmreboot", vm.vmid, user, body, vm=vm)

    async def _do_reset(self, vm: Any, user: str, p: dict[str, Any]) -> str:
        self._need_running(vm)
        self._check_lock(vm)

        async def body() -> None:
            await self.power_off(vm)
            await self.power_on(vm)

        return await self.task(vm.node, "qmreset", vm.vmid, user, body, vm=vm)

    async def _do_suspend(self, vm: Any, user: str, p: dict[str, Any]) -> str:
        raise PveError(501, "suspending is not something the lab's guests can do")

    _do_resume = _do_suspend

    # --- guest agent ------------------------------------------------------------------

    async def _agent_call(self, match: Any, values: dict[str, Any]) -> Any:
        """Ask the guest; in the words of Proxmox VE where it does not answer."""
        vm = self.find(values["node"], values["vmid"])
        command = match.template.rsplit("/", 1)[1]
        if str(vm.config.get("agent", "0")).split(",")[0].split("=")[-1] != "1":
            raise PveError(500, "No QEMU guest agent configured")
        self._need_running(vm)
        arguments = {name: x for name, x in values.items() if name not in ("node", "vmid")}
        try:
            result = await asyncio.to_thread(
                power.ask_agent, self.guest_directory(vm), command, arguments, _AGENT_SECONDS
            )
        except power.AgentUnavailable as error:
            raise PveError(500, "QEMU guest agent is not running") from error
        except power.AgentRefused as error:
            raise PveError(500, f"Agent error: {error}") from error
        bare = ("exec", "exec-status", "file-read")
        return result if command in bare else {"result": result}

    def _need_running(self, vm: Any) -> None:
        if vm.status != "running":
            raise PveError(500, f"VM {vm.vmid} is not running")


def memory_of(vm: Any) -> int:
    """Bytes of memory that a VM or a container is given."""
    return int(str(vm.config.get("memory", 512)).split("=")[-1]) << 20
