"""How much time has passed, whatever somebody sets the clock to meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def mark() -> dict[str, Any]:
    """This moment, as plain JSON: by the clock, and since this machine was started."""
    return {"at": datetime.now(UTC).isoformat(), "boot": _boot(), "uptime": _uptime()}


def now_by(marked: Mapping[str, Any]) -> datetime:
    """What the clock that made the mark would say now. After a restart of the machine, and on
    another one, this machine's own clock has to be believed."""
    if marked.get("boot") != _boot():
        return datetime.now(UTC)
    return datetime.fromisoformat(marked["at"]) + timedelta(seconds=_uptime() - marked["uptime"])


def _boot() -> str:
    return _BOOT.read_text().strip()


def _uptime() -> float:
    """Seconds, those that the machine slept included (clock_gettime(2), CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
