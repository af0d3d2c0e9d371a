"""Begin the backups that are due, and end: what a timer, cron or the worker runs.

    python -m engine.backup.tick

Two at one moment are one: the second finds the first at work.
"""

from __future__ import annotations

import fcntl
import os

from engine.paths import Paths


def main() -> None:
    os.umask(0o077)
    paths = Paths.from_environment().ensure()
    lock = paths.state / "schedule.lock"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    from engine.homeport import Homeport

    with Homeport.open(paths) as homeport:
        homeport.schedules.begin_due()


if __name__ == "__main__":
    main()
