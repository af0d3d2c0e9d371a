"""Reading the answer of a guest's probe script: a pure function of its text."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from engine.guests.protocols import GuestFacts


@dataclass(frozen=True)
class Probed:
    """What one probe of a guest found.

    prefix: arguments to put before every command ("sudo -n --" for a login user who is
    not root but may become it).
    """

    facts: GuestFacts
    prefix: tuple[str, ...]


def parse_probe(text: str, address: str) -> Probed:
    """Facts out of the output of `scripts.PROBE`; address is where the guest was reached.

    Fields that the guest does not know stay empty or 0.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if separator:
            found.setdefault(name, value)
    address = found.get("address") or address
    root = found.get("root", "").rstrip("/")
    python = re.fullmatch(r"Python (\d+\.\d+\.\d+)\S*", found.get("python", "").strip())
    disk = found.get("disk", "").split()
    facts = GuestFacts(
        root=root,
        loopback=found.get("loopback") or "127.0.0.1",
        address=address,
        os_id=_unquoted(found.get("os.ID", "")),
        os_version=_unquoted(found.get("os.VERSION_ID", "")),
        python=python.group(1) if python else "",
        systemd=found.get("systemd") == "yes",
        memory_mib=_number(found.get("memory_kib", "")) // 1024,
        disk_free_mib=_number(disk[3]) // 1024 if len(disk) > 3 else 0,
    )
    become_root = not root and found.get("uid") != "0" and found.get("sudo") == "yes"
    return Probed(facts, ("sudo", "-n", "--") if become_root else ())


def _unquoted(value: str) -> str:
    """A value of os-release(5), which follows the quoting of shell assignments."""
    try:
        return "".join(shlex.split(value))
    except ValueError:
        return ""


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
