"""The configuration that last worked: kept before it is changed, put back when its
successor does not work.

A wrong option must not take an application away from its users. Three marks in the
deployment's base directory make this safe against a kill at any point: `restart-needed` is
there from before the first file changes until the service is healthy with the new files, and
says which run of the service is to end for them;
`proven` is a copy made in between, complete because it gets its name last; `taken-back`
says that the files are the old ones, whatever the operation wanted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from engine.errors import RemoteFailure
from engine.guests import scripts
from engine.methods import systemd, timers
from engine.methods.in_turn import Command, run_in_turn, written
from engine.methods.place import Place
from engine.methods.probing import wait_until_healthy

_UP = ("active", "activating", "reloading")
_NO_RUN = "none"


def keep_proven(place: Place) -> bool:
    """Before configuration files change. False where an earlier change is still unproven;
    the copy from before that one stays."""
    paths = place.paths
    if place.exists(paths.restart_needed):
        place.write(paths.restart_needed, b"")
        return False
    if place.exists(paths.unit_file):
        part = f"{paths.proven}.part"
        place.run("rm", "-rf", "--", part, paths.proven)
        place.run("install", "-d", "-m", "0700", "--", part)
        place.run("cp", "-a", "--", paths.config, f"{part}/config")
        place.run("cp", "-a", "--", paths.unit_file, f"{part}/unit")
        place.run("mv", "-T", "--", part, paths.proven)
    place.write(paths.restart_needed, b"")
    return True


def restart_due(place: Place, *before: Command) -> tuple[bool, tuple[Command, ...]]:
    """Is the service to be started anew, for files that it was not started with? And what has to
    be done right before that. before: what is to be done on the way to the answer.

    The run that is to end is written down before it does. An attempt that comes after a kill
    and finds another run leaves it alone: it may be making its tables, and an application that
    is ended in the middle of that may never start again.
    """
    path = place.paths.restart_needed
    read = Command(("sh", "-c", scripts.READ, "read-file", path), may_fail=True)
    asked = systemd.properties_command(place.paths.unit, "ActiveState", "InvocationID")
    *_, noted, shown = run_in_turn(place, *before, read, asked)
    if noted.status != 0:
        return False, ()
    present = _run_of(systemd.read_properties(shown))
    if noted.stdout:
        return present in (_NO_RUN, noted.stdout), ()
    return True, (written(path, present.encode()),)


def _run_of(properties: Mapping[str, str]) -> str:
    """The present run of a service, by a name that no other has."""
    up = properties.get("ActiveState") in _UP
    return properties["InvocationID"] if up else _NO_RUN


def is_taken_back(place: Place) -> bool:
    """The files on the guest are older than what the operation wrote."""
    return place.exists(place.paths.taken_back)


def now_proven(place: Place) -> None:
    """The service is healthy with the files as they are."""
    paths = place.paths
    marks = ("rm", "-f", "--", paths.taken_back, paths.restart_needed)
    run_in_turn(place, Command(marks), Command(("rm", "-rf", "--", paths.proven)))


def take_back(place: Place, failure: RemoteFailure) -> RemoteFailure:
    """After a failed start: the last configuration that worked is put back and started.

    Gives the error to raise, which says how that went. Without such a configuration (the
    first start of all) nothing is done.
    """
    paths, name = place.paths, place.app.package.name
    if not place.exists(paths.proven):
        return failure
    place.work.log("Putting the configuration back that worked before")
    place.write(paths.taken_back, b"")
    run_in_turn(
        place,
        *timers.stopped(place),
        Command(("rm", "-rf", "--", paths.units)),
        Command(("cp", "-a", "--", f"{paths.proven}/config/.", paths.config)),
        Command(("cp", "-a", "--", f"{paths.proven}/unit", paths.unit_file)),
        timers.linked(place),
        Command(("systemctl", "daemon-reload")),
    )
    try:
        systemd.start(place, paths.unit, restart=True)
        wait_until_healthy(place)
    except RemoteFailure:
        left = f"the configuration from before is back, but {name} does not run with it either"
        return dataclasses.replace(failure, left=left)
    return dataclasses.replace(
        failure,
        left=f"{name} runs with the configuration from before",
        do="Correct the option that the lines above name, and configure again.",
    )
