"""When backups are due: a few words that people know from cron and systemd, without their signs.

    hourly              every 6 hours
    daily 03:30         weekdays 22:00
    sunday 04:00        monday, thursday 02:15
    monthly 04:00       monthly 15 04:00

Times are UTC, as all that Homeport prints: a night in which clocks are put back or forward has
no hour twice and misses none. `every N hours` counts from midnight, and N divides 24. In a month
without the day that was named, it is the last one.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.errors import InvalidInput

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WORDS = re.compile(
    r"(?P<hourly>hourly)"
    r"|every (?P<hours>[0-9]{1,2}) hours"
    r"|(?:(?P<daily>daily)|monthly(?: (?P<day>[0-9]{1,2}))?|(?P<days>[a-z]+(?:, ?[a-z]+)*))"
    r"(?: (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}))?"
)
_EARLIEST = timedelta(days=32)


@dataclass(frozen=True)
class Calendar:
    """days: of the week, 0 for Monday, empty for all. day: of the month, 0 for all of them.
    minutes: of the day, ascending."""

    text: str
    minutes: tuple[int, ...]
    days: frozenset[int] = frozenset()
    day: int = 0

    @classmethod
    def parse(cls, text: str) -> Calendar:
        """InvalidInput with what can be written."""
        clean = " ".join(text.casefold().split())
        found = _WORDS.fullmatch(clean)
        if found is None:
            raise _unreadable(text)
        if found["hourly"] or found["hours"]:
            hours = int(found["hours"] or 1)
            if hours == 0 or 24 % hours:
                raise _unreadable(text)
            return cls(clean, tuple(range(0, 24 * 60, hours * 60)))
        hour, minute = int(found["hour"] or 0), int(found["minute"] or 0)
        day = int(found["day"] or 1) if clean.startswith("monthly") else 0
        if hour > 23 or minute > 59 or day > 31 or found["day"] == "0":
            raise _unreadable(text)
        return cls(clean, (hour * 60 + minute,), _days(found["days"], text), day)

    def next(self, after: datetime) -> datetime:
        """The first moment later than that."""
        date = after.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while True:
            if self._is_day(date):
                for minutes in self.minutes:
                    if (moment := date + timedelta(minutes=minutes)) > after:
                        return moment
            date += timedelta(days=1)

    def last(self, until: datetime) -> datetime:
        """The latest moment that is not later than that."""
        moment = self.next(until - _EARLIEST)
        while (following := self.next(moment)) <= until:
            moment = following
        return moment

    def _is_day(self, date: datetime) -> bool:
        if self.day:
            return date.day == min(self.day, calendar.monthrange(date.year, date.month)[1])
        return not self.days or date.weekday() in self.days


def _days(words: str | None, text: str) -> frozenset[int]:
    if words is None:
        return frozenset()
    if words == "weekdays":
        return frozenset(range(5))
    if words == "weekly":
        return frozenset({6})
    named = [word.strip() for word in words.split(",")]
    found = {number for number, day in enumerate(_DAYS) for word in named if word in (day, day[:3])}
    if len(found) != len(named):
        raise _unreadable(text)
    return frozenset(found)


def _unreadable(text: str) -> InvalidInput:
    return InvalidInput(
        what="this does not say when",
        on=text or "(nothing)",
        left="nothing was changed",
        do='Write for example: "daily 03:30", "sunday 04:00", "weekdays 22:00", "monthly 1 04:00", '
        '"every 6 hours", "hourly". Times are UTC.',
    )
