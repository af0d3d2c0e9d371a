"""An application's regular work on its guest: for each timer of its package a `.timer` and the
service that it starts.

What holds for the service holds for both, by systemd's own means and not by further commands. The
service wants its timers, so that they start with it; timer and job require the service and come
after it, so that both end before it does, and neither starts while it is down or masked. A stamp
says when a timer last ran; what was missed since, it makes up for when it starts. A job that was
ended in the middle counts as missed: its stamp is set back.

The files lie with the deployment's configuration and are linked into systemd's directory, as by
`systemctl link`: so they are kept, put back and taken back with it.
"""

from __future__ import annotations

from engine.catalog.package import TimerSpec
from engine.catalog.placeholders import expand_command, expand_text
from engine.guests import scripts
from engine.guests.protocols import Completed
from engine.methods.bindings import PlaceBindings
from engine.methods.in_turn import Command, run_in_turn
from engine.methods.place import Place
from engine.methods.systemd import START_SECONDS
from engine.methods.unitfile import TimerUnit, Unit

_SET_BACK = (
    'case "$SERVICE_RESULT $EXIT_STATUS" in '
    '"signal "*|"timeout "*|"exit-code 143") exec touch -c -d @1 -- "$0" ;; esac'
)
"""143 is how a program says that it ended by SIGTERM. Zero would be no time to systemd."""


def timer_units(place: Place) -> tuple[str, ...]:
    return tuple(map(place.paths.timer, place.app.package.service.timers))


def job_units(place: Place) -> tuple[str, ...]:
    return tuple(map(place.paths.job, place.app.package.service.timers))


def write_timers(place: Place, bindings: PlaceBindings) -> bool:
    """Those that the package declares and no others; True where anything changed. systemd has to
    read its units anew afterwards."""
    paths, changed = place.paths, False
    for name, spec in place.app.package.service.timers.items():
        title = f"{name} of {place.app.package.name} ({place.app.name}), by Homeport"
        timer = TimerUnit(title, spec.calendar, requires=paths.unit)
        job = _job(place, bindings, name, spec, title)
        for unit, text in ((paths.timer(name), timer.text()), (paths.job(name), job.text())):
            changed |= place.write(f"{paths.units}/{unit}", text.encode())
    declared = (*timer_units(place), *job_units(place))
    script = ("sh", "-c", scripts.RETIRE_UNITS, "retire-units", paths.units, *declared)
    retired, _ = run_in_turn(place, Command(script), linked(place), timeout=START_SECONDS)
    for unit in retired.stdout.split():
        place.work.log(f"Removed {unit}")
        changed = True
    return changed


def linked(place: Place) -> Command:
    """systemd finds the units that lie with the configuration, and no longer those that did."""
    paths = place.paths
    found = (paths.units, paths.systemd)
    return Command(("sh", "-c", scripts.LINK_UNITS, "link-units", *found))


def start(place: Place) -> None:
    """They run since the service does; RemoteFailure where one does not, for what a service merely
    wants may fail without a word. Those on the guest, which on a way back are not the package's."""
    if timer_units(place):
        place.run("sh", "-c", scripts.START_TIMERS, "start-timers", place.paths.units)


def tried(place: Place) -> Command:
    """A start of each timer and each job that is there."""
    return Command(("sh", "-c", scripts.TRY_UNITS, "try-units", place.paths.units), may_fail=True)


def read_tried(done: Completed) -> dict[str, bool]:
    """By unit: did it start?"""
    words = (line.split() for line in done.stdout.splitlines())
    return {unit: status == "0" for unit, status in words}


def stopped(place: Place) -> tuple[Command, ...]:
    """Timers first, so that none starts its job again."""
    units = (timer_units(place), job_units(place))
    return tuple(Command(("systemctl", "stop", *some), may_fail=True) for some in units if some)


def _job(place: Place, bindings: PlaceBindings, name: str, spec: TimerSpec, title: str) -> Unit:
    paths, service = place.paths, place.app.package.service
    environment = {**service.environment, **spec.environment}
    return Unit(
        description=title,
        type="oneshot",
        exec=expand_command(spec.exec, bindings),
        environment={k: expand_text(v, bindings) for k, v in environment.items()},
        user=paths.user,
        directory=paths.data,
        requires=(paths.unit,),
        after_stop=("/bin/sh", "-c", _SET_BACK, paths.stamp(name)),
        stop_seconds=service.stop_seconds,
        writable=(paths.data, paths.run),
    )
