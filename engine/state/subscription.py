"""The target's database filled row by row from the source's while that serves, for one move.

The programs at both sides do the work (`programs.publisher`, `programs.subscriber`); here is in
which order they do it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from engine.methods.postgresql import PORT
from engine.state.logical import Publishing, Subscribing, logical_obstacle
from engine.state.program_run import run_program
from engine.state.protocols import Moved, Passage, Side

_SERVICE = "postgresql"
_ABOUT = {"owner", "encoding", "collate", "ctype"}


@dataclass(frozen=True)
class Subscription:
    """The target's database as a subscriber of the source's, for one move."""

    source: Side
    target: Side
    passage: Passage

    def state(self) -> str:
        """none, begun, following, caught or over."""
        return str(self._at_target("state")["state"])

    def obstacle(self) -> str:
        """Why it cannot be, in words; empty where it can."""
        return logical_obstacle(*self._looked())

    def follow(self) -> Moved:
        """Every table is copied, and changes of its rows come as they are made."""
        anew = self.state() != "following"
        if not anew and not self.schema_is_as_it_was():
            self._say("begins anew: the schema was changed at the source")
            self.settle()
            anew = True
        if anew:
            self._begin()
        size = self._at_source("look")["size"]
        copied = int(self._at_target("copied", size=size)["bytes"])
        self._say("is filled row by row, and gets what is written")
        return Moved(items=0, bytes=copied if anew else 0)

    def schema_is_as_it_was(self) -> bool:
        """Changes of the schema are not replicated."""
        return bool(self._at_source("unchanged")["unchanged"])

    def finish(self) -> Moved:
        """Nobody writes any more: the target has all rows, and what they do not say, in a
        database that is not yet called as the source's is."""
        behind = 0
        if self.state() == "following":
            behind = int(self._at_source("drained")["bytes"])
        here, there = (self._file(side, "objects") for side in (self.source, self.target))
        rest = self._at_source("rest", into=here)
        if rest["objects"]:
            behind += self.passage.pull(here, there).bytes
        self._at_target("finish", into=there, **rest)
        return Moved(items=0, bytes=behind)

    def take_name(self) -> None:
        self._at_target("take_name")
        self._say("has every row of the source's database")

    def withdraw(self) -> None:
        self._at_source("withdraw")

    def settle(self) -> None:
        """The target's word that there is something to settle goes last; its end goes first, so
        that the source keeps nothing for it."""
        if self.state() != "none":
            self.withdraw()
            self._at_target("leave")

    @property
    def filled(self) -> str:
        """The target's database until it takes the other's name."""
        return f"{self.target.unit.locator}_homeport_next"

    def _begin(self) -> None:
        here, there = self._looked()
        schema = [self._file(side, "schema") for side in (self.source, self.target)]
        verifier = self._at_target("prepare")["verifier"]
        offered = self._at_source("offer", verifier=verifier, system=there.system, into=schema[0])
        self.passage.pull(*schema)
        loopback = self.source.ground.place.facts.loopback
        port = self.passage.connect(_SERVICE, loopback, PORT)
        self._at_target(
            "begin",
            schema=schema[1],
            roles=offered["roles"],
            about=here.model_dump(include=_ABOUT),
            host=self.target.ground.place.facts.loopback,
            port=port,
        )

    def _looked(self) -> tuple[Publishing, Subscribing]:
        with ThreadPoolExecutor(2) as sides:
            here = sides.submit(self._at_source, "look")
            there = sides.submit(self._at_target, "look")
            return (
                Publishing.model_validate(here.result()),
                Subscribing.model_validate(there.result()),
            )

    def _file(self, side: Side, what: str) -> str:
        return f"{self.passage.desk(side)}/{side.unit.id}.{what}"

    def _say(self, what: str) -> None:
        unit = self.target.unit.id
        self.target.ground.place.work.log(f"{unit}: the target's database {what}")

    def _at_source(self, verb: str, **more: Any) -> dict[str, Any]:
        memo = f"{self.passage.desk(self.source)}/publisher-{self.source.unit.locator}.json"
        return run_program(
            self.source.ground.place,
            "publisher",
            {
                "verb": verb,
                "database": self.source.unit.locator,
                "memo": memo,
                "role": self._role,
                "mark": f"homeport-rows-{self.passage.name}",
                **more,
            },
            failed="the source's database cannot be replicated",
            on=f"{self.source.unit.id} (postgresql {self.source.unit.locator})",
        )

    def _at_target(self, verb: str, **more: Any) -> dict[str, Any]:
        return run_program(
            self.target.ground.place,
            "subscriber",
            {
                "verb": verb,
                "database": self.target.unit.locator,
                "desk": self.passage.desk(self.target),
                "role": self._role,
                **more,
            },
            failed="the target's database cannot be filled row by row",
            on=f"{self.target.unit.id} (postgresql {self.target.unit.locator})",
        )

    @property
    def _role(self) -> str:
        return f"homeport_rows_{self.passage.name}".replace("-", "_")
