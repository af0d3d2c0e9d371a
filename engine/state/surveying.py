"""Surveys of a PostgreSQL database at both sides of a move (`engine.state.survey`), kept in the
target's cluster: there they go with what they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.state.program_run import run_program
from engine.state.protocols import Side
from engine.state.survey import (
    BULK,
    Blocks,
    Survey,
    Table,
    paired,
    parted,
    pieces,
    standing,
    surveyed,
    to_read,
    together,
    unread,
)

_NARROWED = 4096
"""Pieces that differ, at most, of which it is looked at which blocks do."""
_Pieces = dict[str, Blocks]


def survey(source: Side, target: Side) -> None:
    """Both sides' large tables are read, as far as they were not before, and what is the same is
    remembered. The target follows the source; the source may be written."""
    kept = _kept(target)
    begun = _ask(source, "begin", memo=_memo(source))
    if why := begun.get("why"):
        _say(target, f"{why}; all is compared after the freeze")
        return
    known: Mapping[str, Table] = {}
    if kept is not None:
        changed = _ask(source, "changed", lsn=kept.lsn)
        known = _standing(kept, changed, changed)
    before = _before(begun["tables"], known)
    read = {
        name: pieces(unread(table, begun["tables"][name]["blocks"]))
        for name, table in before.items()
    }
    count: _Pieces = dict.fromkeys(read, ())
    reached = begun["reached"]
    many = sum(last - first for some in read.values() for first, last in some)
    if many >= BULK or kept is None:
        reached = _ask(source, "flush")["reached"]
        count, read = _by_bytes(source, target, read, reached)
    here, there = _both(source, target, "rows", reached=reached, count=count, read=read)
    tables = {
        name: surveyed(
            table,
            list(zip(count[name], here["counted"][name], there["counted"][name], strict=True)),
            list(zip(read[name], here["read"][name], there["read"][name], strict=True)),
        )
        for name, table in before.items()
        if here["files"][name] == there["files"][name] == table.file
    }
    tables = {name: tables[name] for name in paired(tables)}
    found = Survey(lsn=begun["lsn"], tables=tables)
    _ask(target, "keep", survey=found.model_dump(mode="json"))
    whole = sum(table["blocks"] for table in begun["tables"].values())
    if whole:
        same = sum(last - first for one in tables.values() for first, last, _ in one.same)
        _say(target, f"{same * 100 // whole} % of its large tables are compared already")


def left_to_read(source: Side, target: Side) -> dict[str, Any]:
    """For `programs.postgres`; empty where nothing was surveyed, and all is to be read."""
    with ThreadPoolExecutor(2) as sides:
        asked = sides.submit(_ask, source, "changed", lsn=None, memo=_memo(source))
        there = _ask(target, "changed", lsn=None, kept=True)
        here = asked.result()
    if there["survey"] is None:
        return {}
    kept = Survey.model_validate(there["survey"])
    if here.get("since") != kept.lsn:
        here = _ask(source, "changed", lsn=kept.lsn)
    return to_read(_standing(kept, here, there))


def forget(source: Side) -> None:
    source.ground.place.run("rm", "-f", "--", _memo(source))


def _memo(side: Side) -> str:
    """Where the source's program keeps since when the last survey counts: after the freeze both
    sides can be asked at the same time."""
    return f"{side.ground.place.paths.base}/surveyed-{side.unit.id}"


def _standing(
    kept: Survey, here: Mapping[str, Any], there: Mapping[str, Any]
) -> Mapping[str, Table]:
    """Nothing, where the WAL of one side does not say what was written."""
    if "blocks" not in here or "blocks" not in there:
        return {}
    files = {name: file for name, file in here["files"].items() if there["files"].get(name) == file}
    return standing(kept.tables, files, here["blocks"], there["blocks"])


def _before(
    tables: Mapping[str, Mapping[str, Any]], known: Mapping[str, Table]
) -> dict[str, Table]:
    """The tables as they are, with what holds of those that still have the same file."""
    found = {}
    for name, table in tables.items():
        anew = Table(file=table["file"], same=(), long=table["long"], of=table["of"])
        old = known.get(name, anew)
        found[name] = old if anew.model_copy(update={"same": old.same}) == old else anew
    return found


def _by_bytes(source: Side, target: Side, read: _Pieces, reached: str) -> tuple[_Pieces, _Pieces]:
    """Pieces whose bytes are the same at both sides, and the rest of these: first the pieces as
    they are, then the blocks of those that differ."""
    here, there = _both(source, target, "digests", reached=reached, pieces=read)
    found = {
        name: parted(read[name], here["digests"][name], there["digests"][name]) for name in read
    }
    if 0 < sum(len(left) for _, left in found.values()) <= _NARROWED:
        read = {name: pieces(left, 1) for name, (_, left) in found.items()}
        here, there = _both(source, target, "digests", pieces=read)
        for name, (alike, _) in found.items():
            more, left = parted(read[name], here["digests"][name], there["digests"][name])
            found[name] = together((*alike, *more)), together(left)
    return {name: one[0] for name, one in found.items()}, {n: one[1] for n, one in found.items()}


def _both(
    source: Side, target: Side, verb: str, **more: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the two sides answer, which are asked at the same time. reached: for the target."""
    at_source = {key: value for key, value in more.items() if key != "reached"}
    with ThreadPoolExecutor(2) as sides:
        here = sides.submit(_ask, source, verb, **at_source)
        there = sides.submit(_ask, target, verb, **more)
        return here.result(), there.result()


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
