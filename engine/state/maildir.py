"""Mailboxes that Dovecot serves: carried as the files they are, and read by Dovecot at both
sides.

Mail programs know a message by a number, and take everything for new where the numbers are
not. `doveadm backup` carries the numbers, too, but not onto mailboxes that are there already
and differ: it cannot take back another UIDVALIDITY of an inbox, nor does it look at contents.
In the files is everything: numbers, flags, keywords, subscriptions. Whether the other side
makes the same of them, Dovecot itself says there.

What it keeps beside messages (indexes, caches) it makes anew as it reads, so that files are
not compared where mail is the same. Dovecot serves at both sides, or at least its
authentication does: without it, nobody knows whose mail is where. Delivery and logins are kept
out by the package's own means (`quiesce`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.state.files import TreeKind
from engine.state.program_run import run_program
from engine.state.protocols import Captured, Compared, Ground, Side, Unit
from engine.state.running import both, difference, differs

_MAIL = "mail"


@dataclass(frozen=True)
class MailKind(TreeKind):
    def capture(self, unit: Unit, ground: Ground, into: str) -> Captured:
        """Read by Dovecot first: it changes its own files as it reads."""
        facts = _read(unit, ground)["facts"]
        captured = super().capture(unit, ground, into)
        return captured.model_copy(update={"facts": {**captured.facts, _MAIL: facts}})

    def restore(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> bool:
        if _read(unit, ground)["facts"] == captured.facts[_MAIL]:
            return False
        return super().restore(unit, ground, into, captured)

    def compare(self, source: Side, target: Side) -> Compared:
        here, there = both((source, target), lambda side: _read(side.unit, side.ground))
        if why := difference(here["facts"], there["facts"]):
            raise differs(target, why)
        return Compared(items=here["items"], bytes=here["bytes"], level=3)


def _read(unit: Unit, ground: Ground) -> dict[str, Any]:
    on = f"{unit.id} ({unit.kind} {unit.locator})"
    failed = "Dovecot cannot read the mailboxes"
    return run_program(ground.place, "dovecot", {"path": unit.locator}, failed=failed, on=on)


def open_kind() -> MailKind:
    return MailKind("tree", lambda unit, _: {"path": unit.locator, "exclude": list(unit.exclude)})
