"""What keeps a deployment's application from writing on a guest, and the proof that it does.

Two means that do not depend on each other. The service unit is masked, as `systemctl mask`
would, which it refuses for units in /etc: nothing, not a reboot and not a person, starts the
service. And what it writes is out of its reach: its data directory has another place, and
its account at the guest's servers may not connect. Both are undone by putting back what was put
aside.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from types import ModuleType

from engine.errors import Conflict, RemoteFailure
from engine.guests.protocols import Completed
from engine.methods import mariadb, postgresql, rabbitmq, timers
from engine.methods.in_turn import Command, run_in_turn
from engine.methods.place import Place
from engine.methods.systemd import START_SECONDS

_NOWHERE = "/dev/null"
_ONE_OF = '[ ! -e "$1" ] || [ ! -e "$2" ]'
"""Arguments: two paths, of which there may be one."""


def masked(place: Place) -> tuple[str, ...]:
    """A command that ends with status 0 where the unit is masked."""
    return ("test", "-L", place.paths.unit_file)


def put_up(place: Place) -> None:
    """Both means; the application has stopped before. Conflict where data came into being
    beside those that were put aside."""
    _run(place, *_putting_up(place))


def prove(place: Place) -> tuple[str, ...]:
    """Each means is tried by itself; what was tried and failed, in words. RemoteFailure where
    something can still write."""
    return _proven(place, run_in_turn(place, *_tries(place)))


def put_up_and_prove(place: Place, *first: Command) -> tuple[str, ...]:
    """The one behind the other, on one way. first: what ends the application, where it was not
    ended before."""
    up, tries = [*first, *_putting_up(place)], _tries(place)
    return _proven(place, _run(place, *up, *tries)[len(up) :])


def _putting_up(place: Place) -> list[Command]:
    """What is up already is left as it is."""
    return [
        Command(("sh", "-c", _ONE_OF, "one-of", place.paths.data, place.paths.fenced_data)),
        *(Command(argv, unless=masked(place)) for argv in _masking(place)),
        Command(("systemctl", "daemon-reload")),
        *(Command(argv, unless=_is_aside(place)) for argv in _putting_aside(place)),
        *(server.login_allowed(place, allowed=False) for server in _servers(place)),
    ]


def _run(place: Place, *commands: Command) -> list[Completed]:
    """Conflict where it stopped at data in two places."""
    try:
        return run_in_turn(place, *commands, timeout=START_SECONDS)
    except RemoteFailure:
        _look(place)
        raise


def _tries(place: Place) -> list[Command]:
    paths = place.paths
    words = (
        ("systemctl", "start", paths.unit),
        ("systemctl", "is-active", "--quiet", paths.unit),
        ("runuser", "-u", paths.user, "--", "touch", "--", _mark(place)),
    )
    logins = [command for server in _servers(place) for command in server.login_tried(place)]
    return [*(Command(argv, may_fail=True) for argv in words), timers.tried(place), *logins]


def _proven(place: Place, tried: Sequence[Completed]) -> tuple[str, ...]:
    """tried: what came of `_tries`."""
    start, running, write, regular, *logins = tried
    work = timers.read_tried(regular)
    if start.status == 0 or running.status == 0:
        raise _holds_not(place, "its service unit can still be started")
    if write.status == 0:
        place.run("rm", "-f", "--", _mark(place))
        raise _holds_not(place, f"its user can still write to {place.paths.data}")
    for unit, begun in work.items():
        if begun:
            place.run("systemctl", "stop", unit, check=False)
            raise _holds_not(place, f"{unit} can still be started")
    proofs = [
        "the service unit is masked: a start was tried and failed",
        "the data are out of the service's reach: a write was tried and failed",
    ]
    if work:
        proofs.append("its regular work requires the service: starts were tried and failed")
    for server in _servers(place):
        login, logins = logins[: server.TRIES], logins[server.TRIES :]
        if not server.is_refused(login):
            raise _holds_not(place, f"its account can still open a connection to {server.UNIT}")
        proofs.append(
            f"its account at {server.UNIT} may not connect: a login was tried and refused"
        )
    place.work.log("Proven: a start of the service and a write both fail")
    return tuple(proofs)


def _mark(place: Place) -> str:
    return f"{place.paths.data}/.homeport-proof"


def take_down(place: Place) -> None:
    """What was put aside is back, from wherever `put_up` had come to."""
    paths = place.paths
    is_masked, is_aside = _look(place)
    commands = [server.login_allowed(place, allowed=True) for server in _servers(place)]
    if is_aside:
        commands.append(Command(("mv", "-T", "--", paths.fenced_data, paths.data)))
    if is_masked:
        part = f"{paths.unit_file}.part"
        commands.append(Command(("cp", "-a", "--", f"{paths.fenced}/unit", part)))
        commands.append(Command(("mv", "-T", "--", part, paths.unit_file)))
    commands.append(Command(("systemctl", "daemon-reload")))
    commands.append(Command(("rm", "-rf", "--", paths.fenced)))
    run_in_turn(place, *commands)


def _is_aside(place: Place) -> tuple[str, ...]:
    return ("test", "-e", place.paths.fenced_data)


def _look(place: Place) -> tuple[bool, bool]:
    """Is the unit masked, and are the data put aside? Conflict where there are two of them."""
    paths = place.paths
    looks = (masked(place), _is_aside(place), ("test", "-e", paths.data))
    asked = (Command(look, may_fail=True) for look in looks)
    is_masked, aside, data = (done.status == 0 for done in run_in_turn(place, *asked))
    if aside and data:
        raise Conflict(
            "there are data in two places on a guest that is fenced",
            on=f"{paths.data} and {paths.fenced_data} at {place.facts.address}",
            why="something made the application's data directory anew",
            left="both are kept as they are",
            do=f"Look who wrote to {paths.data}, move it away, then resume.",
        )
    return is_masked, aside


def _masking(place: Place) -> list[tuple[str, ...]]:
    unit, kept = place.paths.unit_file, place.paths.fenced
    return [
        ("install", "-d", "-m", "0700", "--", kept),
        ("cp", "-a", "--", unit, f"{kept}/unit.part"),
        ("mv", "-T", "--", f"{kept}/unit.part", f"{kept}/unit"),
        ("ln", "-sfT", "--", _NOWHERE, f"{unit}.part"),
        ("mv", "-T", "--", f"{unit}.part", unit),
    ]


def _putting_aside(place: Place) -> list[tuple[str, ...]]:
    data, aside = place.paths.data, place.paths.fenced_data
    top = ("-m", "0700", "-o", "root", "-g", "root", "--", posixpath.dirname(aside))
    return [("install", "-d", *top), ("mv", "-T", "--", data, aside)]


def _servers(place: Place) -> list[ModuleType]:
    """The modules of the servers on the guest that know the application by an account of its own;
    those of the provider are fenced there."""
    servers = {"postgresql": postgresql, "mariadb": mariadb, "rabbitmq": rabbitmq}
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
