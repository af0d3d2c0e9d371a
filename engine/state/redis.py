"""The keys of the guest's Redis server, all databases of it: the server is the deployment's
alone. Captured is what nobody writes to meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.methods import redis
from engine.state.protocols import Ground, Unit
from engine.state.running import ProgramKind


def open_kind() -> ProgramKind:
    return ProgramKind("redis", _task)


def _task(_unit: Unit, ground: Ground) -> Mapping[str, Any]:
    return {
        "host": ground.place.facts.loopback,
        "port": redis.PORT,
        "password": ground.place.app.read_secret(redis.SECRET),
    }
