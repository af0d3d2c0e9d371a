"""Surveys of a PostgreSQL database at both sides of a move (`engine.state.survey`), kept in the
target's cluster: there they go with what they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.state.program_run import run_program
from engine.state.protocols import Side
from engine.state.survey import Survey, Table, settled, surveyed, to_read, unsettled


def survey(source: Side, target: Side) -> None:
    """Both sides' large tables are read, as far as they were not before, and what is the same is
    remembered. The target follows the source; the source may be written."""
    before = _kept(target)
    begun = _ask(source, "begin")
    if not begun:
        _say(target, "a transaction at the source does not end; all is compared after the freeze")
        return
    known: dict[str, Table] = {}
    if before is not None:
        changed = _ask(source, "changed", lsn=before.lsn)
        known = _settled(before, changed, changed)
    ranges = {name: unsettled(table) for name, table in known.items()}
    with ThreadPoolExecutor(2) as sides:
        here = sides.submit(_ask, source, "sums", ranges=ranges)
        there = sides.submit(_ask, target, "sums", ranges=ranges, reached=begun["reached"])
        tables = surveyed(known, here.result()["tables"], there.result()["tables"])
    found = Survey(lsn=begun["lsn"], tables=tables)
    _ask(target, "keep", survey=found.model_dump(mode="json"))
    same, all_of_it = (
        sum(counts)
        for counts in (
            (len(table.same) for table in tables.values()),
            (table.chunks for table in tables.values()),
        )
    )
    if all_of_it:
        _say(target, f"{same * 100 // all_of_it} % of its large tables are compared already")


def left_to_read(source: Side, target: Side) -> dict[str, Any]:
    """For `programs.postgres`; empty where nothing was surveyed, and all is to be read."""
    known = _kept(target)
    if known is None:
        return {}
    with ThreadPoolExecutor(2) as sides:
        here = sides.submit(_ask, source, "changed", lsn=known.lsn)
        there = sides.submit(_ask, target, "changed", lsn=None)
        return to_read(_settled(known, here.result(), there.result()))


def _settled(known: Survey, here: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Table]:
    """Nothing, where the WAL of one side does not say what was written."""
    if "chunks" not in here or "chunks" not in there:
        return {}
    files = {name: file for name, file in here["files"].items() if there["files"].get(name) == file}
    return settled(known.tables, files, here["chunks"], there["chunks"])


def _kept(target: Side) -> Survey | None:
    found = _ask(target, "kept")["survey"]
    return None if found is None else Survey.model_validate(found)


def _say(target: Side, what: str) -> None:
    target.ground.place.work.log(f"{target.unit.id}: {what}")


def _ask(side: Side, verb: str, **more: Any) -> dict[str, Any]:
    unit = side.unit
    return run_program(
        side.ground.place,
        "survey",
        {"verb": verb, "database": unit.locator, **more},
        failed="state cannot be compared while it is copied",
        on=f"{unit.id} ({unit.kind} {unit.locator})",
    )
