"""Which paths of a guest a package's declarations account for; the rest is what nobody claims.

A state unit claims all that lies at its locator, what it leaves out included: that was thought
of. What vanishes at a reboot or stop needs no claim (temporary files, sockets), and neither do
the directories of a server whose content is looked into by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.catalog.check_timers import IGNORED
from engine.catalog.placeholders import expand_text
from engine.methods import timers
from engine.methods.bindings import bindings_of
from engine.methods.place import Place
from engine.model.probe import Unclaimed
from engine.state.timers import timers_of

_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
_SERVERS: Mapping[str, tuple[str, ...]] = {
    "postgresql": ("/var/lib/postgresql", "/var/log/postgresql", "/etc/postgresql"),
    "mariadb": ("/var/lib/mysql", "/var/log/mysql", "/etc/mysql"),
    "redis": ("/var/lib/redis", "/var/log/redis", "/etc/redis"),
    "rabbitmq": ("/var/lib/rabbitmq", "/var/log/rabbitmq", "/etc/rabbitmq"),
}
"""Where the servers beside an application keep what is theirs, on Debian."""
_SYSTEM = (
    *("/tmp", "/var/tmp", "/run"),
    *("/var/log/journal", "/var/lib/systemd", "/var/lib/caddy", "/var/log/caddy"),
)
"""Temporary files, and what the guest's own services write."""
_TIMERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system")
_CRON = ("/var/spool/cron", "/etc/cron.d")
_BYTECODE = ("__pycache__", ".pyc")


@dataclass(frozen=True)
class Claims:
    """tops: paths, each with all below it. code: where bytecode of programs is nobody's data."""

    tops: tuple[str, ...]
    code: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        if any(_is_at(path, top) for top in self.tops):
            return True
        return path.endswith(_BYTECODE) and any(_is_at(path, top) for top in self.code)


def claimed_by_unit(kind: str, locator: str) -> tuple[str, ...]:
    """The paths that a state unit accounts for; none where its locator is no path."""
    if not locator.startswith("/"):
        return ()
    return (locator, *(locator + end for end in _BESIDE_SQLITE)) if kind == "sqlite" else (locator,)


def claims_of(place: Place) -> Claims:
    """What the package of a deployment declares, and what is Homeport's and the guest's own."""
    paths, root, package = place.paths, place.facts.root, place.app.package
    bindings = bindings_of(place)
    tops = [root + top for top in _SYSTEM]
    regular = [*timers.timer_units(place), *timers.job_units(place)]
    regular += [name.removeprefix(IGNORED) for name in package.ignored if name.startswith(IGNORED)]
    for component in package.needs.components:
        tops += [root + top for top in _SERVERS.get(component, ())]
    for unit in package.state:
        locator = expand_text(unit.locator, bindings)
        tops += claimed_by_unit(unit.kind, locator)
        if unit.kind == "timers":
            regular += timers_of(locator)
    tops += [expand_text(name, bindings) for name in package.ignored if name[0] in "{/"]
    # Homeport's own: its locks, its marks, the programs of scripts.
    tops += [paths.lock, paths.turn_lock, paths.run, f"{paths.base}/scripts"]
    tops += [paths.restart_needed, paths.proven]
    tops += [f"{root}{top}/{name}" for top in _TIMERS for name in regular]
    return Claims(tuple(tops), code=(paths.base,))


def unclaimed_paths(
    written: Sequence[Mapping[str, Any]], claims: Claims, names: Iterable[tuple[str, str]]
) -> list[Unclaimed]:
    """written: as `engine.state.programs.writes` tells it. names: what a path may begin with,
    and how that is written instead, the longest first.

    A new directory with nothing claimed in it stands for all that is in it.
    """
    wild = [entry for entry in written if not claims.has(entry["path"])]
    claimed = {entry["path"] for entry in written} - {entry["path"] for entry in wild}
    above = {parent for path in (*claimed, *claims.tops) for parent in _parents(path)}
    whole = {e["path"] for e in wild if e["directory"] and e["new"] and e["path"] not in above}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in wild:
        path = entry["path"]
        if entry["directory"] and path in above:
            continue  # it is there for what is claimed in it
        first = next((parent for parent in _parents(path)[::-1] if parent in whole), path)
        groups.setdefault(first, []).append(entry)
    return [_told(path, entries, list(names)) for path, entries in sorted(groups.items())]


def _told(
    path: str, entries: Sequence[Mapping[str, Any]], names: Sequence[tuple[str, str]]
) -> Unclaimed:
    files = [entry for entry in entries if not entry["directory"]]
    by = sorted({str(entry["by"]) for entry in files or entries})
    begin, short = next(((b, s) for b, s in names if _is_at(path, b)), ("", ""))
    shown = short + path[len(begin) :]
    timer = path.endswith(".timer") and any(top + "/" in path for top in _TIMERS)
    timer = timer or any(top + "/" in path for top in _CRON)
    return Unclaimed(
        kind="timer" if timer else "path",
        name=shown,
        items=len(files),
        bytes=sum(int(entry["bytes"]) for entry in files),
        by="; ".join(by),
    )


def _is_at(path: str, top: str) -> bool:
    return path == top or path.startswith(top + "/")


def _parents(path: str) -> list[str]:
    """Deepest first."""
    found = []
    while "/" in path[1:]:
        path = path.rpartition("/")[0]
        found.append(path)
    return found
