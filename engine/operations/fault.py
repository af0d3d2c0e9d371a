"""Killing the worker at a chosen moment, so that tests reach every boundary of every step.

Only honoured where HOMEPORT_TESTING=1. HOMEPORT_KILL_AT is `<step id>:<moment>`, or several of
them, with the moments `before` (the handler is about to be called), `after` (it returned and
nothing is recorded), `after-journal` (the step is recorded and journaled) or a number of
milliseconds after the handler began (or when it returns, if that is sooner); or it is `every`, for
each of the three boundaries of each step. The process is ended by SIGKILL, once per installation
and moment, whichever of them comes first: what was done is written to the state directory before,
so the next worker lives, up to the next moment. Of steps that run side by side each so meets its
own, in whatever order they come to them.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.paths import Paths

TESTING_VARIABLE = "HOMEPORT_TESTING"
KILL_VARIABLE = "HOMEPORT_KILL_AT"
RECORD = "killed-at"


BOUNDARIES = ("before", "after", "after-journal")
EVERY = "every"


@contextmanager
def around(step: str) -> Iterator[None]:
    """The handler of this step runs inside."""
    _kill_if_due(step, "before")
    timed = [
        moment for moment in _moments(step) if moment.isdigit() and not _was_done(step, moment)
    ]
    for moment in timed:
        timer = threading.Timer(int(moment) / 1000, _kill, (f"{step}:{moment}",))
        timer.daemon = True
        timer.start()
    yield
    for moment in (*timed, "after"):
        _kill_if_due(step, moment)


def after_journal(step: str) -> None:
    """The step's result is on the disk now, here and in the workflow engine's journal."""
    _kill_if_due(step, "after-journal")


def _wanted() -> list[str]:
    if os.environ.get(TESTING_VARIABLE) != "1":
        return []
    return os.environ.get(KILL_VARIABLE, "").split()


def _moments(step: str) -> list[str]:
    named = (point.rpartition(":") for point in _wanted())
    return [moment for of, _, moment in named if of == step]


def _kill_if_due(step: str, moment: str) -> None:
    due = EVERY in _wanted() or moment in _moments(step)
    if due and not _was_done(step, moment):
        _kill(f"{step}:{moment}")


def _record_path() -> str:
    return str(Paths.from_environment().state / RECORD)


def _was_done(step: str, moment: str) -> bool:
    point = f"{step}:{moment}"
    try:
        with open(_record_path()) as record:
            return point in record.read().splitlines()
    except FileNotFoundError:
        return False


def _kill(point: str) -> None:
    with open(_record_path(), "a") as record:
        record.write(point + "\n")
    os.kill(os.getpid(), signal.SIGKILL)
