"""Which backups go: a pure rule, so that a plan can name them before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from engine.model.repository import Backup, Keep

_Bucket = Callable[[datetime], str]
_BUCKETS: tuple[tuple[str, _Bucket], ...] = (
    ("last", lambda at: at.isoformat()),
    ("daily", lambda at: at.strftime("%Y-%m-%d")),
    ("weekly", lambda at: at.strftime("%G-%V")),
    ("monthly", lambda at: at.strftime("%Y-%m")),
)


def kept_by(backups: Sequence[Backup], keep: Keep, now: datetime) -> dict[str, tuple[str, ...]]:
    """By id of each backup of one deployment, the rules that keep it once another is made now:
    "last", "daily", "weekly", "monthly", or "all"; none for one that goes then.

    As `restic forget` has it: of each of the last days (weeks, months) that have a backup, the
    newest one stays. Times are UTC.
    """
    if keep.is_all:
        return {backup.id: ("all",) for backup in backups}
    newest_first = sorted(backups, key=lambda backup: (backup.at, backup.id), reverse=True)
    rules: dict[str, tuple[str, ...]] = {backup.id: () for backup in backups}
    for rule, bucket in _BUCKETS:
        left, last = getattr(keep, rule), ""
        if left > 0:  # the one that is to be made
            left, last = left - 1, bucket(now)
        for backup in newest_first:
            if left > 0 and bucket(backup.at) != last:
                left, last = left - 1, bucket(backup.at)
                rules[backup.id] += (rule,)
    return rules


def expired(backups: Sequence[Backup], keep: Keep, now: datetime) -> list[Backup]:
    """Those of one deployment that no rule keeps once another is made now; oldest first."""
    kept = kept_by(backups, keep, now)
    oldest_first = sorted(backups, key=lambda backup: (backup.at, backup.id))
    return [backup for backup in oldest_first if not kept[backup.id]]
