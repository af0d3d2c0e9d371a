"""Several short commands on a guest, one after the other, in one round trip.

What an application is away for should not be counted in round trips. The guest's own Python runs
the argument lists as they are; there is no shell between. A connection that is lost does not end
what runs there: so they have a lock of their own, by which what is begun next waits for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Locked, RemoteFailure
from engine.guests import scripts
from engine.guests.command_line import command_failed, with_environment
from engine.guests.protocols import Completed
from engine.methods.place import Place

_PROGRAM = """\
import fcntl, json, os, subprocess, sys, time
lock, deadline = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600), time.monotonic() + SECONDS
while True:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        break
    except OSError:
        if time.monotonic() > deadline:
            sys.exit(HELD)
        time.sleep(0.02)
def run(argv, data=b""):
    try:
        ran = subprocess.run(argv, input=data, capture_output=True, pass_fds=(lock,))
    except OSError as error:
        return [127, "", str(error)]
    texts = (text.decode(errors="replace") for text in (ran.stdout, ran.stderr))
    return [ran.returncode % 256, *texts]
done = []
for one in json.load(sys.stdin):
    if one["unless"] and run(one["unless"])[0] == 0:
        done.append([0, "", ""])
        continue
    done.append(run(one["argv"], one["data"].encode("latin-1")))
    if done[-1][0] and not one["may_fail"]:
        break
json.dump(done, sys.stdout)
"""
_LOCK_SECONDS = 120
_PROGRAM = _PROGRAM.replace("SECONDS", str(_LOCK_SECONDS)).replace("HELD", str(scripts.LOCK_HELD))


@dataclass(frozen=True)
class Command:
    """data: its standard input; the place for a secret. may_fail: what comes behind it is done
    all the same. unless: it is left out, and counts as done, where this ends with status 0."""

    argv: tuple[str, ...]
    data: bytes = b""
    env: Mapping[str, str] = field(default_factory=dict)
    may_fail: bool = False
    unless: tuple[str, ...] = ()


def written(path: str, data: bytes, *, mode: int = 0o644, owner: str = "") -> Command:
    """A file put in its place, as by `Place.write`."""
    words = (path, f"{mode:o}", owner, str(len(data)))
    return Command(("sh", "-c", scripts.WRITE, "write-file", *words), data)


def run_in_turn(place: Place, *commands: Command, timeout: float = 120.0) -> list[Completed]:
    """What came of each. timeout: seconds, for all of them.

    RemoteFailure at the first one that fails and may not; those behind it were not begun.
    """
    done = place.run(
        *("python3", "-I", "-S", "-c", _PROGRAM, place.paths.turn_lock),
        data=json.dumps([_task(command) for command in commands]).encode(),
        timeout=timeout + _LOCK_SECONDS,
        check=False,
    )
    if done.status == scripts.LOCK_HELD:
        raise Locked(
            "commands that were begun before still run on the guest",
            on=place.facts.address,
            why="they did not end",
            do="Wait for them, or end them on the guest, then retry.",
        )
    try:
        found = [Completed(*one) for one in json.loads(done.stdout)]
    except ValueError as error:
        raise RemoteFailure(
            "the guest's Python cannot run commands",
            on=place.facts.address,
            why=(done.stderr or done.stdout).strip()[-500:],
        ) from error
    last = commands[len(found) - 1]
    if found[-1].status and not last.may_fail:
        raise command_failed(last.argv, found[-1], place.facts.address)
    return found


def _task(command: Command) -> dict[str, Any]:
    return {
        "argv": list(with_environment(command.argv, command.env)),
        "data": command.data.decode("latin-1"),
        "may_fail": command.may_fail,
        "unless": list(command.unless),
    }
