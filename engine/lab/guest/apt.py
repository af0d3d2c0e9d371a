"""`apt-get` and `dpkg` of the guest, for the packages that the lab knows."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from engine.lab.guest.boot import Boot
from engine.lab.guest.children import Children
from engine.lab.guest.control import Reply
from engine.lab.guest.packages import DebianPackage, Ground, InstallFailed, known_packages
from engine.lab.guest.supervisor import Supervisor

_STATUS = "var/lib/dpkg/status"
_FAILED = 100
"""apt-get's exit status for every failure."""


class Packages:
    """What is installed, in the file that Debian has for it, and the commands about it."""

    def __init__(self, boot: Boot, root: Path, children: Children, supervisor: Supervisor) -> None:
        self._boot = boot
        self._root = root
        self._children = children
        self._supervisor = supervisor
        self._busy = asyncio.Lock()

    # --- apt-get ----------------------------------------------------------------------

    async def apt_get(self, words: list[str], reply: Reply) -> int:
        names, patience = _parse(words)
        verb, *names = names or [""]
        if verb == "update":
            reply.out("Reading package lists...\n")
            return 0
        if verb != "install":
            reply.err(f"E: Invalid operation {verb}: the lab has update and install\n")
            return _FAILED
        known = known_packages()
        for name in names:
            if name.partition("=")[0] not in known:
                reply.err(f"E: Unable to locate package {name}\n")
                return _FAILED
        try:
            if self._busy.locked() and patience == 0:
                raise TimeoutError
            await asyncio.wait_for(self._busy.acquire(), patience or None)
        except TimeoutError:
            reply.err("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by apt-get\n")
            return _FAILED
        try:
            return await self._install([known[name.partition("=")[0]] for name in names], reply)
        finally:
            self._busy.release()

    async def _install(self, packages: list[DebianPackage], reply: Reply) -> int:
        for package in packages:
            if self._installed().get(package.name, "").startswith("install ok installed"):
                reply.out(f"{package.name} is already the newest version ({package.version}).\n")
                continue
            reply.out(f"Setting up {package.name} ({package.version}) ...\n")
            self._record(package, "install ok half-configured")
            ground = Ground(self._boot, self._root, self._children, self._supervisor, reply.out)
            try:
                await package.install(ground)
            except (InstallFailed, OSError) as error:
                reply.err(f"E: {package.name}: {error}\n")
                return _FAILED
            self._record(package, "install ok installed")
            await reply.drain()
        return 0

    # --- dpkg -------------------------------------------------------------------------

    async def dpkg_query(self, words: list[str], reply: Reply) -> int:
        """`-W [-f FORMAT] NAME...` and `-s NAME...`."""
        if words and words[0] in ("-s", "--status"):
            return await self.dpkg(words, reply)
        form = "${binary:Package}\t${Version}\n"
        names: list[str] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word in ("-f", "--showformat"):
                form = rest.pop(0) if rest else ""
            elif word.startswith(("-f=", "--showformat=")):
                form = word.partition("=")[2]
            elif word.startswith("-f"):
                form = word[2:]
            elif not word.startswith("-"):
                names.append(word)
        return self._tell(names, form.replace("\\n", "\n").replace("\\t", "\t"), reply)

    async def dpkg(self, words: list[str], reply: Reply) -> int:
        """`-s NAME...`, and `--print-architecture`."""
        if words[:1] == ["--print-architecture"]:
            machine = os.uname().machine
            reply.out({"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine) + "\n")
            return 0
        if not words or words[0] not in ("-s", "--status", "-l"):
            reply.err("dpkg: only -s is supported in the lab\n")
            return 2
        form = "Package: ${Package}\nStatus: ${Status}\nVersion: ${Version}\n"
        return self._tell(words[1:], form, reply)

    def _tell(self, names: list[str], form: str, reply: Reply) -> int:
        installed, known = self._installed(), known_packages()
        status = 0
        for name in names or sorted(installed):
            if name not in installed:
                reply.err(f"dpkg-query: no packages found matching {name}\n")
                status = 1
                continue
            state = installed[name]
            fields = {
                "Package": name,
                "binary:Package": name,
                "Status": state,
                "db:Status-Status": state.rpartition(" ")[2],
                "db:Status-Abbrev": "ii " if state.endswith(" installed") else "iF ",
                "Version": known[name].version,
            }
            line = form
            for field, value in fields.items():
                line = line.replace("${" + field + "}", value)
            reply.out(line)
        return status

    def _installed(self) -> dict[str, str]:
        """Name -> status words, out of the guest's dpkg database."""
        path = self._root / _STATUS
        found: dict[str, str] = {}
        for block in path.read_text().split("\n\n") if path.exists() else ():
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "Package" in fields:
                found[fields["Package"]] = fields.get("Status", "")
        return found

    def _record(self, package: DebianPackage, status: str) -> None:
        installed = self._installed() | {package.name: status}
        known = known_packages()
        path = self._root / _STATUS
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_text(
            "\n".join(
                f"Package: {name}\nStatus: {state}\nVersion: {known[name].version}\n"
                f"Description: {known[name].description}\n"
                for name, state in sorted(installed.items())
            )
        )
        temporary.replace(path)


def _parse(words: list[str]) -> tuple[list[str], float | None]:
    """The words that are not options; how long to wait for another apt-get, in seconds."""
    names: list[str] = []
    patience: float | None = 0.0
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option = rest.pop(0) if word in ("-o", "--option") and rest else word.removeprefix("-o")
        key, _, value = option.partition("=")
        if key == "DPkg::Lock::Timeout":
            patience = None if value == "-1" else float(value)
        elif not word.startswith("-"):
            names.append(word)
    return names, patience
