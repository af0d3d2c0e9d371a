"""Waiting for the tasks by which Proxmox VE does its longer work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from engine.backends.hypervisor.client import ProxmoxClient
from engine.backends.hypervisor.refusals import explain_text
from engine.backends.protocols import Progress
from engine.errors import OutcomeUnknown, RemoteFailure, RetryableError

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 5.0, 1.5
_LOG_PAGE = 500
_LOG_SHOWN = 20


class Tasks:
    """The tasks of one Proxmox VE, as the token may see them."""

    def __init__(self, client: ProxmoxClient) -> None:
        self._client = client

    def wait(self, upid: str, progress: Progress, seconds: float) -> None:
        """Return when the task has ended well (its warnings are logged).

        The failure's own error where it failed; OutcomeUnknown where it still runs after
        `seconds`, or where nobody knows how it ended. Short outages of the API are sat out.
        """
        deadline = self._client.clock() + seconds
        pause = FIRST_PAUSE
        while True:
            progress.raise_if_cancelled()
            status = self._status(upid, deadline)
            if status is not None and status.get("status") == "stopped":
                return self._ended(upid, str(status.get("exitstatus") or ""), progress)
            if self._client.clock() >= deadline:
                raise OutcomeUnknown(
                    "a task of Proxmox VE takes longer than expected",
                    on=upid,
                    why=f"it still runs after {seconds:.0f} seconds",
                    left="the task goes on",
                    do="Look at the task in the Proxmox web interface. When it has ended, try "
                    "again; Homeport goes on from what it made.",
                )
            self._client.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    def running(self, nodes: Iterable[str], guest: int, kinds: Iterable[str] = ()) -> list[str]:
        """UPIDs of the running tasks on a guest. Without Sys.Audit only the token's own."""
        rows = self._listed(nodes, guest, frozenset(kinds), source="active")
        return [str(row["upid"]) for row in rows if is_running(row)]

    def succeeded(self, nodes: Iterable[str], guest: int, kinds: Iterable[str]) -> bool:
        """Whether one of this token's tasks of these kinds on the guest ended well."""
        user, _, token = self._client.settings.account.partition("!")
        return any(
            str(row.get("status") or "").startswith(("OK", "WARNINGS"))
            and str(row.get("user")).partition("!")[0] == user
            and str(row.get("tokenid") or token) == token
            for row in self._listed(nodes, guest, frozenset(kinds), source="all")
        )

    def _listed(
        self, nodes: Iterable[str], guest: int, kinds: frozenset[str], source: str
    ) -> list[dict[str, Any]]:
        return [
            row
            for node in nodes
            for row in self._client.get(
                f"nodes/{quote(node)}/tasks", source=source, vmid=guest, limit=_LOG_PAGE
            )
            if str(row.get("id")) == str(guest) and (not kinds or row.get("type") in kinds)
        ]

    def _status(self, upid: str, deadline: float) -> dict[str, Any] | None:
        try:
            status: dict[str, Any] = self._client.get(f"{_place(upid)}/status")
        except RetryableError:
            if self._client.clock() >= deadline:
                raise
            return None
        return status

    def _ended(self, upid: str, outcome: str, progress: Progress) -> None:
        if outcome == "OK":
            return
        lines = self._log(upid)
        if outcome.startswith("WARNINGS"):
            for line in lines:
                if line.startswith("WARN"):
                    progress.log(line)
            return
        for line in lines[-_LOG_SHOWN:]:
            progress.log(line)
        if outcome in ("", "unexpected status"):
            raise OutcomeUnknown(
                "nobody knows how a task of Proxmox VE ended",
                on=upid,
                why=lines[-1] if lines else "its log is cut off",
                do="Try again; Homeport looks at what is there before it does anything.",
            )
        error = explain_text(_reason(outcome, lines), self._client.settings.account)
        if isinstance(error, RemoteFailure):
            error.what = "a task of Proxmox VE failed"
        error.on = upid
        raise error

    def _log(self, upid: str) -> list[str]:
        """All lines; the API gives 50 at a time unless asked for more."""
        lines: list[str] = []
        while True:
            page = self._client.get(f"{_place(upid)}/log", start=len(lines), limit=_LOG_PAGE)
            lines += [str(row.get("t", "")) for row in page]
            if len(page) < _LOG_PAGE:
                return [line for line in lines if line and line != "no content"]


def is_running(row: dict[str, Any]) -> bool:
    """Whether a row of a task list is a task that runs: it has no end, and no outcome."""
    return not row.get("endtime") and row.get("status") in (None, "", "RUNNING", "running")


def _place(upid: str) -> str:
    return f"nodes/{quote(upid.split(':')[1])}/tasks/{quote(upid, safe='')}"


def _reason(outcome: str, lines: list[str]) -> str:
    """The outcome, and the log's errors that say more than it does."""
    telling = [
        line.removeprefix("ERROR: ")
        for line in lines
        if line.startswith("ERROR: ") or "No space left" in line
    ]
    return "; ".join([outcome, *[line for line in telling if line not in outcome]])
