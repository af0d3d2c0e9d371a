"""How each backup stands: which rule keeps it, how well it was verified, whether it was started."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.backup.retention import kept_by
from engine.model.plan import Operation, OperationStatus
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile


@dataclass(frozen=True)
class Standing:
    """One backup, with what is known of it here.

    kept_by: the rules that keep it when the next one is made; none: it goes then.
    level: verified when it was made, "V2" (all of it was read back and compared) or "V1" (its
    structure); empty for one that was made elsewhere or whose verification was not reached.
    read: when all contents of its repository were last read and were whole, it among them.
    drill: the last time it was started on a throw-away guest.
    """

    backup: Backup
    kept_by: tuple[str, ...]
    level: str
    read: datetime | None
    drill: Operation | None


def standing_of(
    backups: Sequence[Backup],
    repositories: Mapping[str, RepositoryProfile],
    made: Mapping[str, Operation],
    read: Mapping[str, datetime | None],
    drills: Mapping[str, Operation],
    now: datetime,
) -> list[Standing]:
    """In the order of the backups. made: operations by id, of which some made these backups.
    read: by repository, when its contents were last verified. drills: by the backup's id."""
    of_one: dict[tuple[str, str], list[Backup]] = defaultdict(list)
    for backup in backups:
        of_one[backup.repository, backup.deployment].append(backup)
    rules: dict[tuple[str, str], tuple[str, ...]] = {}
    for (repository, _), together in of_one.items():
        for backup_id, kept in kept_by(together, repositories[repository].keep, now).items():
            rules[repository, backup_id] = kept
    return [
        Standing(
            backup,
            rules[backup.repository, backup.id],
            _level(made.get(backup.id), repositories[backup.repository]),
            _covered(backup, made.get(backup.id), read.get(backup.repository)),
            drills.get(backup.id),
        )
        for backup in backups
    ]


def _level(operation: Operation | None, repository: RepositoryProfile) -> str:
    if operation is None or operation.status is not OperationStatus.SUCCEEDED:
        return ""
    return "V2" if repository.kind is RepositoryKind.DIRECTORY else "V1"


def _covered(backup: Backup, made: Operation | None, read: datetime | None) -> datetime | None:
    """The time of the reading, where the backup was in the repository by then."""
    there = (made.ended if made is not None else None) or backup.at
    return read if read is not None and read > there else None
