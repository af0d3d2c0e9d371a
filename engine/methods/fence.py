"""What keeps a deployment's application from writing on a guest, and the proof that it does.

Two means that do not depend on each other. The service unit is masked, as `systemctl mask`
would, which it refuses for units in /etc: nothing, not a reboot and not a person, starts the
service. And what it writes is out of its reach: its data directory has another place, and
its database role may not connect. Both are undone by putting back what was put aside.
"""

from __future__ import annotations

import posixpath
from types import ModuleType

from engine.errors import Conflict, RemoteFailure
from engine.methods import mariadb, postgresql
from engine.methods.place import Place

_NOWHERE = "/dev/null"


def is_masked(place: Place) -> bool:
    return place.run("test", "-L", place.paths.unit_file, check=False).status == 0


def put_up(place: Place) -> None:
    """Both means; the application has stopped before. Conflict where data came into being
    beside those that were put aside."""
    _mask(place)
    _put_data_aside(place)
    for server in _databases(place):
        server.set_login(place, allowed=False)


def prove(place: Place) -> tuple[str, ...]:
    """Each means is tried by itself; what was tried and failed, in words. RemoteFailure where
    something can still write."""
    paths = place.paths
    tried = place.run("systemctl", "start", paths.unit, check=False)
    running = place.run("systemctl", "is-active", "--quiet", paths.unit, check=False)
    if tried.status == 0 or running.status == 0:
        raise _holds_not(place, "its service unit can still be started")
    mark = f"{paths.data}/.homeport-proof"
    written = place.run("runuser", "-u", paths.user, "--", "touch", "--", mark, check=False)
    if written.status == 0:
        place.run("rm", "-f", "--", mark)
        raise _holds_not(place, f"its user can still write to {paths.data}")
    proofs = [
        "the service unit is masked: a start was tried and failed",
        "the data are out of the service's reach: a write was tried and failed",
    ]
    for server in _databases(place):
        if not server.refuses_login(place):
            raise _holds_not(place, "its database role can still open a connection")
        proofs.append("the database role may not connect: a login was tried and refused")
    place.work.log("Proven: a start of the service and a write both fail")
    return tuple(proofs)


def take_down(place: Place) -> None:
    """What was put aside is back, from wherever `put_up` had come to."""
    paths = place.paths
    for server in _databases(place):
        server.set_login(place, allowed=True)
    if place.exists(paths.fenced_data):
        _refuse_both(place)
        place.run("mv", "-T", "--", paths.fenced_data, paths.data)
    if is_masked(place):
        place.run("cp", "-a", "--", f"{paths.fenced}/unit", f"{paths.unit_file}.part")
        place.run("mv", "-T", "--", f"{paths.unit_file}.part", paths.unit_file)
    place.run("systemctl", "daemon-reload")
    place.run("rm", "-rf", "--", paths.fenced)


def _mask(place: Place) -> None:
    paths = place.paths
    if not is_masked(place):
        place.run("install", "-d", "-m", "0700", "--", paths.fenced)
        place.run("cp", "-a", "--", paths.unit_file, f"{paths.fenced}/unit.part")
        place.run("mv", "-T", "--", f"{paths.fenced}/unit.part", f"{paths.fenced}/unit")
        place.run("ln", "-sfT", "--", _NOWHERE, f"{paths.unit_file}.part")
        place.run("mv", "-T", "--", f"{paths.unit_file}.part", paths.unit_file)
    place.run("systemctl", "daemon-reload")


def _put_data_aside(place: Place) -> None:
    paths = place.paths
    if place.exists(paths.fenced_data):
        _refuse_both(place)
        return
    place.directory(posixpath.dirname(paths.fenced_data), "0700", "root:root")
    place.run("mv", "-T", "--", paths.data, paths.fenced_data)


def _refuse_both(place: Place) -> None:
    paths = place.paths
    if place.exists(paths.data):
        raise Conflict(
            "there are data in two places on a guest that is fenced",
            on=f"{paths.data} and {paths.fenced_data} at {place.facts.address}",
            why="something made the application's data directory anew",
            left="both are kept as they are",
            do=f"Look who wrote to {paths.data}, move it away, then resume.",
        )


def _databases(place: Place) -> list[ModuleType]:
    """The modules of the servers on the guest that know the application by a role of its own;
    those of the provider are fenced there."""
    servers = {"postgresql": postgresql, "mariadb": mariadb}
    needed = place.app.package.needs.components
    elsewhere = place.app.databases
    return [server for name, server in servers.items() if name in needed and name not in elsewhere]


def _holds_not(place: Place, why: str) -> RemoteFailure:
    return RemoteFailure(
        "the fence does not hold",
        on=f"{place.app.name} at {place.facts.address}",
        why=why,
        left="nothing was started at the other side",
        do="Find out what undoes it on the guest, then try again.",
    )
