"""The keys of the guest's Redis server, all databases of it: the server is the deployment's
alone. Captured is what nobody writes to meanwhile.

As a queue it is whole: lists in their order, streams with their last numbers, their groups of
readers, and what these have taken and not yet confirmed. Not carried is what lives as long as a
connection: who subscribes to a channel, who waits at an empty list, scripts that were loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.methods import redis
from engine.state.protocols import Ground, Side, Unit
from engine.state.running import ProgramKind, difference

_LEEWAY_MS = 2000
"""For one key: between its value's dump and the question how long it has, time passes."""


@dataclass(frozen=True)
class RedisKind(ProgramKind):
    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        one, moments = _apart(here["facts"])
        other, moments_there = _apart(there["facts"])
        why = difference(one, other) or _sooner_or_later(moments, moments_there)
        return why, self.level

    def backlog(self, unit: Unit, ground: Ground) -> int:
        if not unit.queues:
            return 0
        return int(self._run("backlog", unit, ground, queues=list(unit.queues))["messages"])


def open_kind() -> RedisKind:
    return RedisKind("redis", _task)


def _task(_unit: Unit, ground: Ground) -> Mapping[str, Any]:
    return {
        "host": ground.place.facts.loopback,
        "port": redis.PORT,
        "password": ground.place.app.read_secret(redis.SECRET),
    }


def _apart(facts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What must be the same, and the moments at which keys expire, by database and bucket."""
    same = {name: {k: v for k, v in held.items() if k != "moments"} for name, held in facts.items()}
    return same, {name: held["moments"] for name, held in facts.items()}


def _sooner_or_later(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """The first database with keys that expire at another time, in words."""
    for database, buckets in here.items():
        for name, (keys, total) in buckets.items():
            apart = there[database][name][1] - total
            if abs(apart) > _LEEWAY_MS * keys:
                when = "later" if apart > 0 else "sooner"
                return f"{database}: keys expire {abs(apart) // 1000} seconds {when} at the target"
    return ""
