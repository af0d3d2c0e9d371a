"""The mark by which Homeport finds its guests again, and by which it leaves others alone.

A guest is ours when its notes hold a line that names the owner and the guest's own id. A tag
with the owner's name lets it be found in one listing of the cluster, but proves nothing: a
copy made in the Proxmox interface, or a backup restored under another id, carries the tag
and the notes along, and the id in the notes tells that it is a copy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(
    r"^homeport-mark: (?P<owner>[a-z0-9-]+) (?P<vmid>[0-9]+) (?P<check>[0-9a-f]{16})"
    r"(?P<unfinished> unfinished)?\s*$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Mark:
    """finished: False while a cloned guest still has its template's settings."""

    owner: str
    vmid: int
    finished: bool = True


def notes(mark: Mark, name: str) -> str:
    """The guest's notes: a sentence for people and the line that Homeport reads."""
    return (
        f"Made by Homeport for {name}. Homeport finds its guest by the next line; please keep it."
        f"\n\n{mark_line(mark)}\n"
    )


def mark_line(mark: Mark) -> str:
    unfinished = "" if mark.finished else " unfinished"
    return f"homeport-mark: {mark.owner} {mark.vmid} {_check(mark.owner, mark.vmid)}{unfinished}"


def read_mark(config: Mapping[str, Any], vmid: int) -> Mark | None:
    """The mark in a guest's configuration; None where it has none or carries another's."""
    return next((mark for mark in _marks(config) if mark.vmid == vmid), None)


def is_copy(config: Mapping[str, Any], owner: str, vmid: int) -> bool:
    """Whether a guest carries the owner's mark for another guest and none for itself."""
    marks = [mark for mark in _marks(config) if mark.owner == owner]
    return bool(marks) and all(mark.vmid != vmid for mark in marks)


def _marks(config: Mapping[str, Any]) -> list[Mark]:
    return [
        Mark(found["owner"], int(found["vmid"]), finished=found["unfinished"] is None)
        for found in _LINE.finditer(str(config.get("description") or ""))
        if found["check"] == _check(found["owner"], int(found["vmid"]))
    ]


def read_tags(row: Mapping[str, Any]) -> frozenset[str]:
    """The tags of a guest. PVE joins them by semicolons, and reads commas and blanks, too."""
    return frozenset(re.split(r"[;, ]+", str(row.get("tags") or ""))) - {""}


def _check(owner: str, vmid: int) -> str:
    return hashlib.sha256(f"homeport mark 1\0{owner}\0{vmid}".encode()).hexdigest()[:16]
