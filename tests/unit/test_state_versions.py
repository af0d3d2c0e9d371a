"""A server that is older than the one that wrote is refused while the source serves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import NotReady
from engine.state.mariadb import MariaKind, open_kind
from engine.state.protocols import Side, Unit


def side(version: list[int]) -> Side:
    place = SimpleNamespace(facts=SimpleNamespace(address="192.0.2.7"))
    ground: Any = SimpleNamespace(place=place, version=version)
    return Side(Unit("rows", "mariadb", "app"), ground)


def test_an_older_mariadb_is_no_target(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(self: MariaKind, verb: str, unit: Unit, ground: Any) -> dict[str, Any]:
        assert verb == "version"
        return {"version": ground.version}

    monkeypatch.setattr(MariaKind, "_run", asked)
    kind, way = open_kind(), SimpleNamespace()
    newer: Any = kind.seed(side([10, 11]), side([11, 8]), way)  # type: ignore[arg-type]
    assert newer.waits
    with pytest.raises(NotReady, match="older") as refused:
        kind.seed(side([11, 8]), side([10, 11]), way)  # type: ignore[arg-type]
    assert "MariaDB 10.11 cannot" in refused.value.why
