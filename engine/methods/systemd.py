"""Units of a guest: writing, starting, reloading them, and what their journal says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.errors import RemoteFailure
from engine.guests.protocols import Completed
from engine.methods.in_turn import Command, run_in_turn
from engine.methods.place import Place
from engine.methods.unitfile import Unit

START_SECONDS = 960
"""Longer than the units' own TimeoutStartSec, so that systemd's verdict is heard."""
_JOURNAL_LINES = 30
_BOOKKEEPING = re.compile(r"(Start(ed|ing)|Stopp(ed|ing)|Failed to start|Reload(ed|ing)) ")
"""What systemd itself writes into a unit's journal; the program's words explain more."""
_QUOTED_LINES = 8
"""In the error itself; all of them are in the operation's log."""


def write_unit(place: Place, path: str, unit: Unit) -> bool:
    """Put the unit in its place and make systemd read it. False: it was so already.

    Read in either case: a kill may have come between writing and reading.
    """
    changed = place.write(path, unit.text().encode())
    place.run("systemctl", "daemon-reload")
    return changed


def enable(place: Place, unit: str) -> None:
    place.run("systemctl", "enable", unit)


def start(
    place: Place, unit: str, *, restart: bool = False, before: Sequence[Command] = ()
) -> None:
    """Running afterwards. RemoteFailure with the end of the journal where it does not. before:
    what is to be done first, on the same way.

    Starts and restarts of before do not count: systemd's limit is against loops, and this
    start was decided on. systemd keeps both counts over a start by hand.
    """
    verb = "restart" if restart else "start"
    # It fails for a unit that is not yet loaded.
    forgotten = Command(("systemctl", "reset-failed", unit), may_fail=True)
    run_in_turn(place, *before, forgotten)
    done = place.run("systemctl", verb, unit, timeout=START_SECONDS, check=False)
    if done.status != 0:
        raise unit_failed(place, unit, (done.stderr or done.stdout).strip())


def reload(place: Place, unit: str) -> None:
    done = place.run("systemctl", "reload", unit, check=False)
    if done.status != 0:
        raise unit_failed(place, unit, (done.stderr or done.stdout).strip())


def is_active(place: Place, unit: str) -> bool:
    return place.run("systemctl", "is-active", "--quiet", unit, check=False).status == 0


def properties(place: Place, unit: str, *names: str) -> dict[str, str]:
    """`systemctl show`: name -> value, as far as the guest's systemd knows them."""
    return read_properties(place.run(*properties_command(unit, *names).argv))


def properties_command(unit: str, *names: str) -> Command:
    return Command(("systemctl", "show", *(w for name in names for w in ("-p", name)), unit))


def read_properties(shown: Completed) -> dict[str, str]:
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)


def journal(place: Place, unit: str) -> str:
    """The unit's last lines."""
    lines = ("-n", str(_JOURNAL_LINES), "-o", "cat", "--no-pager")
    return place.run("journalctl", "-u", unit, *lines, check=False).stdout.strip()


def unit_failed(place: Place, unit: str, why: str) -> RemoteFailure:
    last = [line for line in journal(place, unit).splitlines() if line.strip()]
    for line in last:
        place.work.log(line)
    said = [line for line in last if not _BOOKKEEPING.match(line) and unit not in line]
    return RemoteFailure(
        f"{place.app.package.name} does not run on the guest",
        on=f"{unit} at {place.facts.address}",
        why="\n".join([why, *(said or last)[-_QUOTED_LINES:]]).strip(),
        left="the service is installed; the guest and its data are kept",
        do="Read the lines above. Correct the option they name and configure again, or mend "
        "the cause on the guest, then retry.",
    )
