"""Lengths of time, rates and times as people write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from engine.errors import InvalidInput

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def seconds_of(text: str) -> float:
    """Of "30s", "5m", "1.5h" or "45". InvalidInput for what is none, or not above zero."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|min|h|)", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise InvalidInput(
            what="this is not a length of time",
            on=text,
            left="nothing was changed",
            do="Write it like 30s, 5m or 1h.",
        )
    return seconds


def kib_of(text: str) -> int:
    """Of "500K", "20M" or "1G". InvalidInput for what is none, or less than one."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMG])i?B?(?:/s)?", text.strip(), re.IGNORECASE)
    kib = int(float(found[1]) * 1024 ** "KMG".index(found[2].upper())) if found else 0
    if kib < 1:
        raise InvalidInput(
            what="this is not a rate",
            on=text,
            left="nothing was changed",
            do="Write it like 500K, 20M or 1G.",
        )
    return kib


def time_of(text: str, now: datetime) -> datetime:
    """A time of day is the next one to come; what has no offset is local. now: with an offset.
    InvalidInput for what is none, or is over."""
    if re.fullmatch(r"[0-2]?[0-9]:[0-5][0-9]", text.strip()):
        hour, minute = (int(part) for part in text.strip().split(":"))
        if hour < 24:
            then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
            return then if then > now else then + timedelta(days=1)
    try:
        then = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            what="this is not a time",
            on=text,
            left="nothing was changed",
            do="Write it like 23:30, 2026-12-01T23:30 or 2026-12-01T23:30+01:00.",
        ) from None
    then = then if then.tzinfo else then.replace(tzinfo=now.tzinfo)
    if then <= now:
        raise InvalidInput(
            what="this time is over",
            on=f"{then:%Y-%m-%d %H:%M %Z}",
            left="nothing was changed",
            do="Give a time to come, or leave it away.",
        )
    return then
