"""A database of the guest's PostgreSQL server.

Carried, the target's whole cluster is a physical standby of the source's while that serves, where
both allow it (`engine.state.standby`): then the freeze waits for the last bytes of WAL only, and
everything of the cluster comes along. Elsewhere the database is filled row by row while the
source serves (`engine.state.logical`), and where that cannot be either, dumped and restored after
the freeze. Which of them it is, is decided and said when it is seeded.

A database on a server of the provider is dumped and restored by the client on the guest, as the
role that it belongs to; whose it is and who may use it is then that server's and not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from engine.errors import RemoteFailure
from engine.methods.bindings import bindings_of
from engine.state import surveying
from engine.state.follower import Follower, facts_of
from engine.state.program_run import run_program
from engine.state.protocols import Compared, Ground, Moved, Passage, Side, Unit
from engine.state.running import ProgramKind, difference, too_old
from engine.state.served import is_served, login_of
from engine.state.standby import is_older, obstacle, settings_to_raise
from engine.state.subscription import Subscription


@dataclass(frozen=True)
class PostgresKind(ProgramKind):
    """`delta` after a seed makes the target a server of its own; without one it is a dump."""

    is_seeded: ClassVar[bool] = True
    is_compared_ahead: ClassVar[bool] = True

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        """bytes: what was copied anew, none where the target follows already.

        NotReady where the target's server is older than the source's.
        """
        if is_served("postgresql", source, target):
            before, after = (self._version(side) for side in (source, target))
            if after < before:
                raise too_old("PostgreSQL", target, str(before), str(after))
            say = f"{target.unit.id} is dumped and restored after the freeze"
            target.ground.place.work.log(say)
            return Moved(items=0, bytes=0, waits=True)
        follower, rows = Follower(source, target, passage), Subscription(source, target, passage)
        settings: dict[str, int] = {}
        state = follower.state()
        if state == "none":
            if rows.state() != "none":
                return rows.follow()
            with ThreadPoolExecutor(2) as sides:
                here, there = sides.map(facts_of, (source, target))
            if is_older(here, there):
                raise too_old("PostgreSQL", target, str(here.major), str(there.major))
            if why := obstacle(here, there, source.unit.locator):
                return _without_standby(rows, target, why)
            settings = settings_to_raise(here, there)
        moved = Moved(items=0, bytes=0)
        if state != "streaming":
            moved = follower.follow(settings)
        try:
            surveying.survey(source, target)
        except RemoteFailure as failure:  # it only makes the comparison after the freeze shorter
            target.ground.place.work.log(f"{target.unit.id} is not compared yet: {failure.why}")
        return moved

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        """thorough: of a standby nothing was taken for the same because it looked so."""
        if is_served("postgresql", source, target):
            return super().delta(source, target, passage, thorough=thorough)
        follower, rows = Follower(source, target, passage), Subscription(source, target, passage)
        state, last = follower.state_and_last()
        if state == "none" and (state_of_rows := rows.state()) != "none":
            return self._last_rows(rows, state_of_rows, thorough=thorough)
        if state in ("following", "streaming"):
            # What waits for the target's server and what the source has to do go side by side.
            with ThreadPoolExecutor(1) as beside:
                saved = beside.submit(_save_unlogged, source, passage)
                moved = follower.promote(last.result())
            follower.withdraw()
            unlogged = _load_unlogged(source, target, passage) if saved.result() else 0
            return Moved(items=0, bytes=moved.bytes + unlogged)
        if state == "promoted":
            follower.withdraw()
            if _save_unlogged(source, passage):
                _load_unlogged(source, target, passage)
            if self._is_same(source, target):
                return Moved(items=0, bytes=0)
        elif state == "begun":
            follower.settle()
        return super().delta(source, target, passage, thorough=thorough)

    def _last_rows(self, rows: Subscription, state: str, *, thorough: bool) -> Moved:
        source, target, passage = rows.source, rows.target, rows.passage
        if state in ("following", "caught") and rows.schema_is_as_it_was():
            moved = rows.finish()
            unlogged = 0
            if _save_unlogged(source, passage):
                filled = replace(target, unit=replace(target.unit, locator=rows.filled))
                unlogged = _load_unlogged(source, filled, passage)
            rows.take_name()
            rows.withdraw()
            return Moved(items=0, bytes=moved.bytes + unlogged)
        if state == "over":
            rows.withdraw()
            if self._is_same(source, target):
                return Moved(items=0, bytes=0)
        else:
            why = "it was not begun" if state == "begun" else "the schema was changed at the source"
            target.ground.place.work.log(f"{target.unit.id} is dumped and restored: {why}")
            rows.settle()
        return super().delta(source, target, passage, thorough=thorough)

    def settle(self, source: Side, target: Side, passage: Passage) -> None:
        if not is_served("postgresql", source, target):
            surveying.forget(source)
            Subscription(source, target, passage).settle()
            Follower(source, target, passage).settle()

    def compare(self, source: Side, target: Side) -> Compared:
        """What was found the same while the target followed, and was not written since, is not
        read again (`engine.state.survey`)."""
        served = is_served("postgresql", source, target)
        more = {"plain": True} if served else {"partial": surveying.left_to_read(source, target)}
        with ThreadPoolExecutor(2) as sides:
            here, there = sides.map(
                lambda side: self._run("describe", side.unit, side.ground, **more),
                (source, target),
            )
        return self._compared(source, target, here, there)

    def _version(self, side: Side) -> int:
        """The major of its server."""
        return int(self._run("version", side.unit, side.ground)["version"])

    def _is_same(self, source: Side, target: Side) -> bool:
        """Broken off after the promotion, it need not bring everything once more."""
        try:
            self.compare(source, target)
        except RemoteFailure:
            return False
        return True

    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        """Two servers of different majors write the same schema in different words: there the
        counts of its objects have to do, and the level is 2."""
        level, facts = self.level, (dict(here["facts"]), dict(there["facts"]))
        if facts[0].get("version") != facts[1].get("version"):
            level = 2
            for found in facts:
                found.pop("schema", None)
                found.pop("version", None)
        return difference(*facts), level


def _without_standby(rows: Subscription, target: Side, why: str) -> Moved:
    """why: the target's server cannot follow the source's."""
    log, unit = target.ground.place.work.log, target.unit.id
    if no_rows := rows.obstacle():
        log(f"{unit} is dumped and restored after the freeze: {why}; and {no_rows}")
        return Moved(items=0, bytes=0, waits=True)
    log(f"{unit} is replicated row by row: {why}")
    return rows.follow()


def _save_unlogged(source: Side, passage: Passage) -> bool:
    """What the source's log does not have, and a standby therefore neither, lies at its desk;
    False where there is nothing of that kind."""
    return bool(_unlogged("save", source, passage)["items"])


def _load_unlogged(source: Side, target: Side, passage: Passage) -> int:
    """Bytes of it."""
    here, there = (_copy_of_unlogged(side, passage) for side in (source, target))
    moved = passage.pull(here, there)
    _unlogged("load", target, passage)
    for side, copy in ((source, here), (target, there)):
        side.ground.place.run("rm", "-f", "--", copy)
    return moved.bytes


def _copy_of_unlogged(side: Side, passage: Passage) -> str:
    return f"{passage.desk(side)}/{side.unit.id}.unlogged"


def _unlogged(verb: str, side: Side, passage: Passage) -> dict[str, Any]:
    into = _copy_of_unlogged(side, passage)
    return run_program(
        side.ground.place,
        "unlogged",
        {"verb": verb, "database": side.unit.locator, "into": into},
        failed="tables that are not logged cannot be brought over",
        on=f"{side.unit.id} (postgresql {side.unit.locator})",
    )


def _task(unit: Unit, ground: Ground) -> Mapping[str, Any]:
    role = bindings_of(ground.place).get("postgresql.username", "")
    task: dict[str, Any] = {"database": unit.locator, "role": role, "empty": list(unit.empty)}
    if login := login_of("postgresql", ground):
        task["login"] = login
    return task


def open_kind() -> PostgresKind:
    return PostgresKind(
        "postgres",
        _task,
        level=3,
    )
