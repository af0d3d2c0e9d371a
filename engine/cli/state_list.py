"""`homeport state list`."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.state_arguments import add_provider as add_arguments
from engine.cli.state_arguments import shown_time
from engine.errors import Unsafe
from engine.homeport import Homeport
from engine.tfstate.model import Head, StateName

EPILOG = "HEARD: when the holder of the lock last wrote or locked."
__all__ = ["EPILOG", "add_arguments", "run"]


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        found = homeport.opentofu_states(options.provider).owner.all()
    if options.json:
        output.emit_json([_plain(name, head) for name, head in found])
    elif not found:
        output.line("No states yet: homeport state grant PROJECT/NAME --user USER")
    else:
        output.table(
            ("STATE", "VERSION", "SERIAL", "WRITTEN", "LOCK", "HEARD", "USERS"),
            (_row(name, head) for name, head in found if isinstance(head, Head)),
        )
        for name, head in found:
            if not isinstance(head, Head):
                output.line(f"! {name}: {head}. {head.do}")
    return 0 if all(isinstance(head, Head) for _, head in found) else Unsafe.exit_status


def _row(name: StateName, head: Head) -> tuple[str, ...]:
    current, lock = head.current, head.lock
    users = ", ".join(sorted(head.credentials)) or "-"
    held = ("-", "-")
    if lock:
        held = (f"{lock.info.get('Who') or lock.user} {lock.id}", shown_time(lock.heard))
    if current is None:
        return (str(name), "-", "-", "-", *held, users)
    serial = "deleted" if current.deleted else str(current.serial)
    written = shown_time(current.written)
    return (str(name), str(current.number), serial, written, *held, users)


def _plain(name: StateName, head: Head | Unsafe) -> dict[str, object]:
    if isinstance(head, Unsafe):
        return {"state": str(name), "error": head.describe()}
    plain = head.model_dump(mode="json", exclude={"credentials", "released"})
    return {"state": str(name), "users": sorted(head.credentials), **plain}
