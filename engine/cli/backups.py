"""`homeport backups [NAME] [--verify]`: what is in the repositories, and whether it is whole."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from engine.cli import output
from engine.homeport import Homeport
from engine.model.plan import Operation

if TYPE_CHECKING:
    from engine.backup.desk import Verified


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="", help="only those of this deployment")
    parser.add_argument("--repository", default="", help="only those in this one")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read all contents of the repository, and the newest backups out as a whole",
    )


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        desk = homeport.repositories
        verified: list[Verified] = []
        if options.verify:
            verified = desk.verify(
                desk.backups(options.name, options.repository), options.repository
            )
        found = desk.standing(options.name, options.repository)
        scheduled = [] if options.json else homeport.deployments()
    if options.json:
        listed = [
            {
                **one.backup.model_dump(mode="json"),
                "drill": _drilled(one.drill) or None,
                "level": one.level or None,
                "read": one.read.isoformat() if one.read else None,
                "kept_by": list(one.kept_by),
            }
            for one in found
        ]
        levels = [
            {"repository": v.repository, "level": v.level, "compared": [b.id for b in v.compared]}
            for v in verified
        ]
        output.emit_json({"backups": listed, "verified": levels} if options.verify else listed)
        return 0
    for view in scheduled:
        if view.schedule and options.name in ("", view.deployment.name, view.deployment.id):
            output.line(f"{view.deployment.name}: {view.schedule.told()}")
    if not found:
        output.line("No backups. Make one with: homeport backup NAME")
        return 0
    output.table(
        ("BACKUP", "TAKEN (UTC)", "OF", "RELEASE", "SIZE", "IN", "VERIFIED", "KEPT BY", "DRILL"),
        (
            (
                one.backup.id,
                f"{one.backup.at:%Y-%m-%d %H:%M}",
                one.backup.name,
                f"{one.backup.application} {one.backup.release}",
                f"{one.backup.bytes / 1e6:.1f} MB",
                one.backup.repository,
                "V2" if one.read else one.level or "not here",
                ", ".join(one.kept_by) or "goes next",
                _drilled(one.drill) or "none",
            )
            for one in found
        ),
    )
    for done in verified:
        names = ", ".join(backup.id for backup in done.compared) or "none"
        output.line(f"{done.repository}: {done.level}: all contents were read and are whole")
        output.line(f"  read out and compared with the checksum of their guest: {names}")
    return 0


def _drilled(operation: Operation | None) -> str:
    """How the last drill ended, and when."""
    if operation is None:
        return ""
    return f"{operation.status.value} {operation.ended or operation.created:%Y-%m-%d %H:%M}"
