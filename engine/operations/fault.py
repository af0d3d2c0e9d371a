"""Killing the worker at a chosen moment, so that tests reach every boundary of every step.

Only honoured where HOMEPORT_TESTING=1. HOMEPORT_KILL_AT is `<step id>:<moment>`, with the
moments `before` (the handler is about to be called), `after` (it returned and nothing is
recorded), `after-journal` (the step is recorded and journaled) or a number of milliseconds
after the handler began (or when it returns, if that is sooner). The process is ended by
SIGKILL, once per installation and value: what was done is written to the state directory
first, so the next worker lives.
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


@contextmanager
def around(step: str) -> Iterator[None]:
    """The handler of this step runs inside."""
    moment = _moment(step)
    if moment is None:
        yield
        return
    if moment == "before":
        _kill()
    timer = threading.Timer(int(moment) / 1000, _kill) if moment.isdigit() else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    yield
    if moment == "after" or timer is not None:
        _kill()


def after_journal(step: str) -> None:
    """The step's result is on the disk now, here and in the workflow engine's journal."""
    if _moment(step) == "after-journal":
        _kill()


def _moment(step: str) -> str | None:
    if os.environ.get(TESTING_VARIABLE) != "1":
        return None
    wanted, _, moment = os.environ.get(KILL_VARIABLE, "").rpartition(":")
    if wanted != step or _was_done():
        return None
    return moment


def _record_path() -> str:
    return str(Paths.from_environment().state / RECORD)


def _was_done() -> bool:
    try:
        with open(_record_path()) as record:
            return os.environ[KILL_VARIABLE] in record.read().splitlines()
    except FileNotFoundError:
        return False


def _kill() -> None:
    with open(_record_path(), "a") as record:
        record.write(os.environ[KILL_VARIABLE] + "\n")
    os.kill(os.getpid(), signal.SIGKILL)
