"""A state unit from one guest to another: seeded while the source serves, brought up to date
when it is frozen, and compared.

Files go as they are, again and again, only what changed. Of a database the last pass alone
counts: it is captured as for an upgrade, pulled, restored beside what is there and compared.
"""

from __future__ import annotations

import posixpath
from typing import Any

from engine.errors import RemoteFailure
from engine.state.passage import Passage
from engine.state.protocols import Compared, Moved, Side
from engine.state.registry import state_kind
from engine.state.running import ProgramKind

_FILES = "files"
_NOTHING = Moved(items=0, bytes=0, seconds=0)


def seed(source: Side, target: Side, passage: Passage) -> Moved:
    """While the application writes at the source; the target has most of it afterwards."""
    if source.unit.kind != _FILES:
        return _NOTHING
    return _pull_files(source, target, passage, live=True)


def delta(source: Side, target: Side, passage: Passage) -> Moved:
    """Nobody writes any more; the target has all of it afterwards."""
    if source.unit.kind == _FILES:
        return _pull_files(source, target, passage, live=False)
    return _carry_capture(source, target, passage)


def compare(source: Side, target: Side, passage: Passage) -> Compared:
    """Both sides hold the same; RemoteFailure that names what does not."""
    kind = _kind(source)
    if source.unit.kind == _FILES:
        return _compare_files(kind, source, target, passage)
    here, there = (kind.describe(side.unit, side.ground) for side in (source, target))
    # A database file has another size when it is written anew with the same contents.
    if _contents(here) != _contents(there):
        raise _differs(source, _first_difference(_contents(here), _contents(there)))
    return Compared(level="V3", items=here["items"], bytes=here["bytes"])


def _pull_files(source: Side, target: Side, passage: Passage, *, live: bool) -> Moved:
    path, there = source.unit.locator, target.unit.locator
    place = source.ground.place
    if not place.exists(path):
        if not live:
            target.ground.place.run_long("rm", "-rf", "--", there)
        return _NOTHING
    is_tree = place.run("test", "-d", path, check=False).status == 0
    end = "/" if is_tree else ""
    if is_tree:
        target.ground.place.run("mkdir", "-p", "--", there)
    return passage.pull(
        path + end, there + end, exclude=source.unit.exclude if is_tree else (), live=live
    )


def _carry_capture(source: Side, target: Side, passage: Passage) -> Moved:
    kind, name = _kind(source), source.unit.id
    here = f"{passage.directory(source.ground.place)}/{name}"
    there = f"{passage.directory(target.ground.place)}/{name}"
    source.ground.place.run_long("rm", "-rf", "--", here)
    source.ground.place.directory(here, "0700", "root:root")
    target.ground.place.directory(there, "0700", "root:root")
    captured = kind.capture(source.unit, source.ground, f"{here}/state")
    moved = passage.pull(f"{here}/", f"{there}/")
    if "owner" in captured.facts:
        captured.facts["owner"] = _owner_there(target)
    kind.restore(target.unit, target.ground, f"{there}/state", captured)
    for place, directory in ((source.ground.place, here), (target.ground.place, there)):
        place.run_long("rm", "-rf", "--", directory)
    return moved


def _owner_there(target: Side) -> list[int]:
    """The service's user has another number on another guest."""
    place = target.ground.place
    words = place.run("stat", "-c", "%u %g", "--", place.paths.data).stdout.split()
    return [int(word) for word in words]


def _compare_files(kind: ProgramKind, source: Side, target: Side, passage: Passage) -> Compared:
    listing = f"{source.unit.id}.listing"
    here = f"{passage.directory(source.ground.place)}/{listing}"
    there = f"{passage.directory(target.ground.place)}/{listing}"
    ours = kind.describe(source.unit, source.ground, here)
    theirs = kind.describe(target.unit, target.ground)
    if ours == theirs:
        return Compared(level="V2", items=ours["items"], bytes=ours["bytes"])
    if ours.get("absent") or theirs.get("absent"):
        raise _differs(source, "it is there at one side and not at the other")
    passage.pull(here, there, delete=False)
    raise _differs(source, f"differing: {kind.differing(target.unit, target.ground, there)}")


def _contents(described: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in described.items() if name != "bytes"}


def _first_difference(here: Any, there: Any, name: str = "") -> str:
    """Where two descriptions part, by the names on the way there."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in sorted(here.keys() | there.keys()):
            if here.get(key) != there.get(key):
                return _first_difference(here.get(key), there.get(key), f"{name} {key}".strip())
    return f"{name}: {here} at the source, {there} at the target"


def _differs(source: Side, why: str) -> RemoteFailure:
    return RemoteFailure(
        "the target does not have what the source has",
        on=f"{source.unit.id} ({source.unit.kind} {posixpath.basename(source.unit.locator)})",
        why=why,
        left="the source is as it was",
        do="Try again: what differs is copied anew. If it differs again, look at the disks.",
    )


def _kind(side: Side) -> ProgramKind:
    kind = state_kind(side.unit.kind)
    if not isinstance(kind, ProgramKind):
        raise RemoteFailure(
            "this kind of state cannot move to another guest yet",
            on=f"{side.unit.id} ({side.unit.kind})",
            left="the source is as it was",
            do="Update the plugin that has this kind.",
        )
    return kind
