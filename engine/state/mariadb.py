"""A database of a MariaDB server, of one snapshot while it may be written.

Tables of engines without transactions (MyISAM, MEMORY) are of one moment only while nobody
writes, as it is in a backup and after the freeze of a move.

A database on a server of the provider is dumped and restored by the client on the guest, as the
account that it belongs to; whose it is and who may use it is then that server's and not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.methods.mariadb import Database
from engine.state.protocols import Compared, Ground, Moved, Passage, Side, Unit
from engine.state.running import ProgramKind, both, difference, too_old
from engine.state.served import is_served, login_of


@dataclass(frozen=True)
class MariaKind(ProgramKind):
    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        """NotReady where the target's server is older than the source's."""
        here, there = both(
            (source, target), lambda side: self._run("version", side.unit, side.ground)
        )
        if there["version"] < here["version"]:
            shown = (".".join(map(str, found["version"])) for found in (here, there))
            raise too_old("MariaDB", target, *shown)
        return super().seed(source, target, passage)

    def compare(self, source: Side, target: Side) -> Compared:
        return self._read_both(source, target, plain=is_served("mariadb", source, target))

    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        """Two servers of different versions write the same definition in different words: there
        the names of the objects have to do, and the level is 2."""
        level, facts = self.level, (dict(here["facts"]), dict(there["facts"]))
        if facts[0].get("version") != facts[1].get("version"):
            level = 2
            for found in facts:
                found.pop("version", None)
                found["definition"] = dict.fromkeys(found.get("definition", {}), "there")
        return difference(*facts), level


def _task(unit: Unit, ground: Ground) -> Mapping[str, Any]:
    """account: of the application on the guest's own server, by which what it defined acts."""
    task: dict[str, Any] = {"database": unit.locator, "empty": list(unit.empty)}
    if login := login_of("mariadb", ground):
        username = ground.place.app.databases["mariadb"].username
        return {**task, "login": {**login, "username": username}}
    return {**task, "account": Database.of(ground.place.app.package.id).account}


def open_kind() -> MariaKind:
    return MariaKind("mariadb", _task, level=3)
