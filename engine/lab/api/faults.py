"""Faults of a provider that tests and demonstrations switch on and off, by a file.

`<provider>/faults.json` is looked at before every request. Names and values:

    offline: true             connections are cut without an answer
    slow: 2.5                 seconds added to every answer
    gateway: 3                the next 3 requests end with 596, as when a node does not answer
    unauthorised: true        no token is accepted (401)
    revoked: ["VM.Allocate"]  nobody but root@pam has these privileges; ["*"]: none at all
    locked: {"9000": "backup"}  the VM is locked by that; {"*": "backup"}: every VM
    no_space: ["local-lvm"]   nothing can be allocated on these storages
    taken: [9000, 9001]       somebody else's VMs hold these ids
    stolen: 2                 the next 2 creates or clones lose their id to somebody else
    fail_task: {"qmstart": "text"}  tasks of that type fail with the text;
                              {"qmstart": {"text": "text", "times": 1}}: the next one only
    lost_answers: 1           the next changing request is carried out, its answer is cut off
    silent_agent: true        no guest agent answers
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from engine.private_files import write_private

Fault = Literal[
    "offline",
    "slow",
    "gateway",
    "unauthorised",
    "revoked",
    "locked",
    "no_space",
    "taken",
    "stolen",
    "fail_task",
    "lost_answers",
    "silent_agent",
]
FILE = "faults.json"


def set_fault(directory: Path, name: Fault, value: object) -> None:
    """Switch a fault of the provider in `directory` on; None or False switches it off."""
    path = directory / FILE
    faults = json.loads(path.read_text()) if path.exists() else {}
    faults.pop(name, None)
    if value is not None and value is not False:
        faults[name] = value
    write_private(path, json.dumps(faults).encode())


def clear_faults(directory: Path) -> None:
    """All faults off."""
    write_private(directory / FILE, b"{}")


class Faults:
    """The faults that are on; those with a count are used up."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._seen: tuple[int, int] | None = None
        self._on: dict[str, Any] = {}

    def refresh(self) -> None:
        """Read the file again if it was replaced."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._on = None, {}
            return
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            self._on = json.loads(self._path.read_text())
            self._seen = seen

    def get(self, name: Fault) -> Any:
        return self._on.get(name)

    def use(self, name: Fault) -> bool:
        """True as many times as the fault's number says."""
        left = int(self._on.get(name) or 0)
        if left > 0:
            self._on[name] = left - 1
        return left > 0

    def task_failure(self, kind: str) -> str | None:
        """The error that a task of this type is to end with."""
        failing = self._on.get("fail_task") or {}
        rule = failing.get(kind)
        if not isinstance(rule, dict):
            return rule
        rule["times"] -= 1
        if rule["times"] <= 0:
            del failing[kind]
        return str(rule["text"])
