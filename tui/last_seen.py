"""The dashboard's table as it was last seen, to be painted while the inventory is being read.

Loading the engine takes longer than drawing a screen. What was true the last time is shown
at once, with the time it is from, and cannot be acted on before the inventory has been read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, get_args

from tui.text import Role

FILE = "dashboard.json"
_ROLES = frozenset(get_args(Role))


class TableRow(NamedTuple):
    """A deployment in the table: its state's mark and role, and the texts of its columns."""

    mark: str
    role: Role
    texts: tuple[str, ...]


class LastSeen:
    """Keeps rows in a file that only its owner can read. A file that cannot be written or
    understood is as good as none: nothing depends on it."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._written: list[TableRow] | None = None

    def recall(self, columns: int) -> tuple[list[TableRow], datetime] | None:
        """The rows and when they were seen; None where there are none to be shown."""
        if self._file is None:
            return None
        try:
            kept = json.loads(self._file.read_bytes())
            rows = [TableRow(str(m), r, tuple(map(str, texts))) for m, r, texts in kept["rows"]]
            seen = datetime.fromisoformat(kept["seen"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        fits = all(row.role in _ROLES and len(row.texts) == columns for row in rows)
        return (rows, seen) if rows and fits and seen.tzinfo else None

    def remember(self, rows: Sequence[TableRow], now: datetime) -> None:
        """Keep the rows, where they are not those that are kept already."""
        if self._file is None or list(rows) == self._written:
            return
        self._written = list(rows)
        fresh = self._file.with_suffix(f".{os.getpid()}")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as written:
                json.dump({"seen": now.isoformat(), "rows": self._written}, written)
            fresh.replace(self._file)
        except OSError:
            fresh.unlink(missing_ok=True)
