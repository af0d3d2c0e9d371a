"""`homeport backups [NAME] [--verify]`: what is in the repositories, and whether it is whole."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import Homeport
from engine.model.plan import Operation


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
        found = desk.backups(options.name, options.repository)
        drills = desk.drills()
        verified = desk.verify(found, options.repository) if options.verify else []
    if options.json:
        listed = [
            {**backup.model_dump(mode="json"), "drill": _drilled(drills.get(backup.id)) or None}
            for backup in found
        ]
        levels = [
            {"repository": v.repository, "level": v.level, "compared": [b.id for b in v.compared]}
            for v in verified
        ]
        output.emit_json({"backups": listed, "verified": levels} if options.verify else listed)
        return 0
    if not found:
        output.line("No backups. Make one with: homeport backup NAME")
        return 0
    output.table(
        ("BACKUP", "TAKEN (UTC)", "DEPLOYMENT", "RELEASE", "SIZE", "REPOSITORY", "DRILL"),
        (
            (
                backup.id,
                f"{backup.at:%Y-%m-%d %H:%M}",
                backup.name,
                f"{backup.application} {backup.release}",
                f"{backup.bytes / 1e6:.1f} MB",
                backup.repository,
                _drilled(drills.get(backup.id)) or "none",
            )
            for backup in found
        ),
    )
    for one in verified:
        names = ", ".join(backup.id for backup in one.compared) or "none"
        output.line(f"{one.repository}: {one.level}: all contents were read and are whole")
        output.line(f"  read out and compared with the checksum of their guest: {names}")
    return 0


def _drilled(operation: Operation | None) -> str:
    """How the last drill ended, and when."""
    if operation is None:
        return ""
    return f"{operation.status.value} {operation.ended or operation.created:%Y-%m-%d %H:%M}"
