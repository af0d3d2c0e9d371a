"""The target's PostgreSQL server as a standby of the source's, for one move.

The programs at both sides do the work (`programs.primary`, `programs.standby`); here is in which
order they do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.errors import RemoteFailure
from engine.methods.postgresql import PORT
from engine.state.program_run import run_program
from engine.state.protocols import Moved, Passage, Side
from engine.state.standby import ClusterFacts

_SERVICE = "postgresql"
_ATTEMPTS = 2
"""A standby for which the source has no WAL any more begins anew, once."""


@dataclass(frozen=True)
class Follower:
    """The target's cluster as a standby of the source's, for one move."""

    source: Side
    target: Side
    passage: Passage

    def state(self) -> str:
        """none, begun, following, streaming (it is sent what is written) or promoted."""
        return str(self._at_target("state")["state"])

    def follow(self, settings: Mapping[str, int]) -> Moved:
        """Streaming afterwards; the log says how far behind it is."""
        verifier = self._at_target("prepare", settings=settings)["verifier"]
        self._at_source("offer", verifier=verifier)
        loopback = self.source.ground.place.facts.loopback
        port = self.passage.connect(_SERVICE, loopback, PORT)
        host = self.target.ground.place.facts.loopback
        copied = 0
        for _ in range(_ATTEMPTS):
            copied += int(self._at_target("copy", host=host, port=port)["bytes"])
            lsn = self._at_source("mark")["lsn"]
            found = self._at_target("follow", lsn=lsn, host=host, port=port)
            if found["follows"]:
                behind = found["behind"] / 1e6
                self._say(f"follows the source's server, {behind:.1f} MB of WAL behind")
                return Moved(items=0, bytes=copied)
        raise RemoteFailure(
            "the target's PostgreSQL does not follow the source's",
            on=f"{self.target.unit.id} at {self.target.ground.place.facts.address}",
            why="the source had no WAL any more for a copy that was made just before",
            left="the source serves as before",
            do="Look at both servers' logs: journalctl -u postgresql; then try again.",
        )

    def state_and_last(self) -> tuple[str, Future[str]]:
        """`state`, and where the source's log ends, which it was asked at the same time: nobody
        writes any more. What it does for that changes nothing for who does not follow."""
        _ = self._desks
        with ThreadPoolExecutor(1) as beside:
            last = beside.submit(lambda: str(self._at_source("mark", final=True)["lsn"]))
            return self.state(), last

    def promote(self, lsn: str) -> Moved:
        """All that was written up to there is here, in a server of its own. The source still
        offers itself."""
        behind = int(self._at_target("promote", lsn=lsn)["bytes"])
        self._say(f"has all of the source's server, up to {lsn}, and is one of its own")
        return Moved(items=0, bytes=behind)

    def withdraw(self) -> None:
        self._at_source("withdraw")

    def settle(self) -> None:
        """The target's word that there is something to settle goes last."""
        if self.state() != "none":
            self.withdraw()
            self._at_target("leave")

    def _say(self, what: str) -> None:
        self.target.ground.place.work.log(f"{self.target.unit.id}: the target's server {what}")

    def _at_source(self, verb: str, **more: Any) -> dict[str, Any]:
        memo = f"{self._desks[0]}/primary.json"
        task = {"verb": verb, "memo": memo, "mark": self._mark, "role": self._role, **more}
        return run_program(
            self.source.ground.place,
            "primary",
            task,
            failed="the source's PostgreSQL cannot be followed",
            on=f"{self.source.unit.id} (postgresql {self.source.unit.locator})",
        )

    def _at_target(self, verb: str, **more: Any) -> dict[str, Any]:
        task = {
            "verb": verb,
            "desk": self._desks[1],
            "move": self._mark,
            "role": self._role,
            **more,
        }
        return run_program(
            self.target.ground.place,
            "standby",
            task,
            failed="the target's PostgreSQL cannot follow the source's",
            on=f"{self.target.unit.id} (postgresql {self.target.unit.locator})",
        )

    @cached_property
    def _desks(self) -> tuple[str, str]:
        with ThreadPoolExecutor(2) as sides:
            here, there = sides.map(self.passage.desk, (self.source, self.target))
        return here, there

    @property
    def _mark(self) -> str:
        return f"homeport-{self.passage.name}"

    @property
    def _role(self) -> str:
        return self._mark.replace("-", "_")


def facts_of(side: Side) -> ClusterFacts:
    found = run_program(
        side.ground.place,
        "primary",
        {"verb": "facts"},
        failed="PostgreSQL cannot be looked at",
        on=f"{side.unit.id} (postgresql {side.unit.locator})",
    )
    return ClusterFacts.model_validate(found)
