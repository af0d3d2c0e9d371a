"""What services print, kept per unit and shown by `journalctl`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_KEPT_BYTES = 4 << 20


@dataclass(frozen=True)
class Entry:
    at: float
    pid: int
    source: str
    text: str


class Journal:
    """One file per unit, in lines of `time pid source text`; the older half goes when full."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, unit: str, pid: int, source: str, text: str) -> None:
        path = self._path(unit)
        with path.open("a", errors="surrogateescape") as file:
            file.write(f"{time.time():.6f} {pid} {source} {text}\n")
            full = file.tell() > _KEPT_BYTES
        if full:
            path.replace(path.with_suffix(".log.1"))

    def entries(self, units: Iterable[str], count: int | None) -> list[Entry]:
        """The last `count` entries of these units (all: None), oldest first."""
        found: list[Entry] = []
        for unit in units:
            path = self._path(unit)
            for part in (path.with_suffix(".log.1"), path):
                if part.exists():
                    found += map(_parse, part.read_text(errors="replace").splitlines())
        found.sort(key=lambda entry: entry.at)
        return found if count is None else found[len(found) - min(count, len(found)) :]

    def units(self) -> list[str]:
        return sorted(path.name.removesuffix(".log") for path in self._directory.glob("*.log"))

    def _path(self, unit: str) -> Path:
        return self._directory / f"{unit.replace('/', '_')}.log"


def _parse(line: str) -> Entry:
    at, pid, source, text = [*line.split(" ", 3), "", "", ""][:4]
    return Entry(float(at), int(pid), source, text)


def shown(entry: Entry, hostname: str, style: str) -> str:
    """One line, as `journalctl -o STYLE` prints it (short, short-iso, cat)."""
    if style == "cat":
        return entry.text
    moment = time.localtime(entry.at)
    form = "%Y-%m-%dT%H:%M:%S%z" if style == "short-iso" else "%b %d %H:%M:%S"
    return f"{time.strftime(form, moment)} {hostname} {entry.source}[{entry.pid}]: {entry.text}"
