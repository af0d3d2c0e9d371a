"""The fence on a real guest: put up, proven by each of its means, taken down from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from engine.catalog.package import TimerSpec
from engine.errors import Conflict, RemoteFailure
from engine.methods import fence, postgresql, timers
from engine.methods.bindings import bindings_of
from engine.methods.in_turn import run_in_turn
from engine.methods.place import Place
from tests.conformance.state_ground import ground
from tests.deployed import installation
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration

UNIT = b"[Service]\nType=exec\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture(scope="module")
def fenced(lab: RunningLab) -> Iterator[Place]:
    """A guest with a database, and a service that is not running."""
    with installation(lab) as here, ground(here) as made:
        place = with_timer(made.place)
        place.write(place.paths.unit_file, UNIT)
        place.directory(place.paths.base, "0755", "root:root")
        place.run("useradd", "--system", place.paths.user, check=False)
        place.directory(place.paths.data, "0750", f"{place.paths.user}:{place.paths.user}")
        place.write(f"{place.paths.data}/kept", b"an entry")
        timers.write_timers(place, bindings_of(place))
        place.run("systemctl", "daemon-reload")
        yield place


def with_timer(place: Place) -> Place:
    package = place.app.package
    timer = TimerSpec(exec=("/bin/true",), calendar="daily")
    service = package.service.model_copy(update={"timers": {"clean": timer}})
    package = package.model_copy(update={"service": service})
    return replace(place, app=replace(place.app, package=package))


def start(place: Place) -> int:
    return place.run("systemctl", "start", place.paths.unit, check=False).status


def stop(place: Place) -> None:
    place.run("systemctl", "stop", place.paths.unit, check=False)


def unmask(place: Place) -> None:
    place.run("cp", "-a", "--", f"{place.paths.fenced}/unit", f"{place.paths.unit_file}.new")
    place.run("mv", "-T", "--", f"{place.paths.unit_file}.new", place.paths.unit_file)
    place.run("systemctl", "daemon-reload")


def let_write(place: Place) -> None:
    place.directory(place.paths.data, "0750", f"{place.paths.user}:{place.paths.user}")


def take_away_again(place: Place) -> None:
    place.run("rm", "-rf", "--", place.paths.data)


def let_in(place: Place) -> None:
    run_in_turn(place, postgresql.login_allowed(place, allowed=True))


def free_the_job(place: Place) -> None:
    """It does not require the service any more."""
    free = b"[Service]\nType=oneshot\nExecStart=/bin/true\n"
    place.write(f"{place.paths.units}/{place.paths.job('clean')}", free)
    place.run("systemctl", "daemon-reload")


def bind_the_job(place: Place) -> None:
    timers.write_timers(place, bindings_of(place))
    place.run("systemctl", "daemon-reload")


def nothing(place: Place) -> None:
    pass


@pytest.mark.parametrize(
    ("undo", "says", "mend"),
    [
        (unmask, "can still be started", stop),
        (let_write, "can still write", take_away_again),
        (free_the_job, "homeport-state-clean.service can still be started", bind_the_job),
        (let_in, "can still open a connection", nothing),
    ],
)
def test_the_proof_fails_where_one_means_alone_does_not_hold(
    fenced: Place,
    undo: Callable[[Place], None],
    says: str,
    mend: Callable[[Place], None],
) -> None:
    fence.put_up(fenced)
    fence.put_up(fenced)
    fence.prove(fenced)
    undo(fenced)
    with pytest.raises(RemoteFailure) as failed:
        fence.prove(fenced)
    assert says in failed.value.why
    mend(fenced)
    fence.take_down(fenced)
    fence.take_down(fenced)
    assert fenced.shell.read_file(f"{fenced.paths.data}/kept") == b"an entry"
    assert fenced.shell.read_file(fenced.paths.unit_file) == UNIT
    assert not postgresql.is_refused(run_in_turn(fenced, *postgresql.login_tried(fenced)))
    assert start(fenced) == 0
    stop(fenced)


def test_data_that_came_into_being_beside_those_put_aside_are_not_touched(fenced: Place) -> None:
    fence.put_up(fenced)
    let_write(fenced)
    for again in (fence.put_up, fence.take_down):
        with pytest.raises(Conflict):
            again(fenced)
    take_away_again(fenced)
    fence.take_down(fenced)
    assert fenced.shell.read_file(f"{fenced.paths.data}/kept") == b"an entry"
