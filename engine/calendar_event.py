"""Calendar events: when a timer elapses, in the words of systemd.time(7).

What is taken is the part of them that regular work of an application needs, and it means what it
means to systemd: `daily` and its kin, or `[WEEKDAYS] [*-MONTH-DAY] [HOUR:MINUTE[:SECOND]]`, where
each part is `*` or a list of numbers, ranges and steps:

    Mon..Fri 03:30      *-*-01 04:00:00      *:0/15      Sat,Sun 8..20/4:00

Not taken are years, days counted from a month's end (`~`), fractions of seconds and time zones:
times are those of the guest's own zone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WORDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_EVENT = re.compile(
    r"(?:(?P<days>[a-z][a-z.,]*)(?: |$))?"
    r"(?:(?:(?P<year>[^- ]+)-)?(?P<month>[^-: ]+)-(?P<day>[^-: ]+)(?: |$))?"
    r"(?:(?P<hour>[^: ]+):(?P<minute>[^: ]+)(?::(?P<second>[^: ]+))?)?"
)
_SOME = re.compile(r"([0-9]{1,2})(?:\.\.([0-9]{1,2}))?(?:/([0-9]{1,2}))?")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ONE_DAY = timedelta(days=1)


class BadCalendarEvent(ValueError):
    """No event that is taken here; the text says why."""


@dataclass(frozen=True)
class CalendarEvent:
    """text: as systemd has it in a unit's `OnCalendar=`. days: of the week, 0 for Monday."""

    text: str
    days: Collection[int]
    months: Collection[int]
    dates: Collection[int]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> CalendarEvent:
        """BadCalendarEvent for what is none, and for one that never comes."""
        lower = text.casefold()
        found = _EVENT.fullmatch(_WORDS.get(lower, lower))
        if not text or found is None or lower.endswith(" "):
            raise BadCalendarEvent(f"{text or 'nothing'} is no calendar event")
        if found["year"] not in (None, "*"):
            raise BadCalendarEvent(f"in {text} a year is named: write *")
        months, dates = _numbers(found["month"], 1, 12, text), _numbers(found["day"], 1, 31, text)
        if min(dates) > max(_LONGEST_MONTHS[month - 1] for month in months):
            raise BadCalendarEvent(f"{text} never comes")
        return cls(
            text,
            _weekdays(found["days"], text),
            months,
            dates,
            _numbers(found["hour"] or "0", 0, 23, text),
            _numbers(found["minute"] or "0", 0, 59, text),
            _numbers(found["second"] or "0", 0, 59, text),
        )

    def next(self, after: datetime) -> datetime:
        """The first moment later than that, both without a zone."""
        begin = after.replace(microsecond=0) + timedelta(seconds=1)
        day, at = begin.date(), self._time(begin.time()) if self._is_day(begin.date()) else None
        while at is None:
            day += _ONE_DAY
            at = self._time(time.min) if self._is_day(day) else None
        return datetime.combine(day, at)

    def _is_day(self, day: date) -> bool:
        return day.day in self.dates and day.month in self.months and day.weekday() in self.days

    def _time(self, begin: time) -> time | None:
        """The first one of a day that is not before this one."""
        for hour in (hour for hour in self.hours if hour >= begin.hour):
            first = begin.minute if hour == begin.hour else 0
            for minute in (minute for minute in self.minutes if minute >= first):
                is_first = (hour, minute) == (begin.hour, begin.minute)
                for second in self.seconds:
                    if not is_first or second >= begin.second:
                        return time(hour, minute, second)
        return None


def _numbers(part: str | None, least: int, most: int, text: str) -> tuple[int, ...]:
    """Ascending. least, most: what the part can be."""
    if part in (None, "*"):
        return tuple(range(least, most + 1))
    found: set[int] = set()
    for some in part.split(","):
        match = _SOME.fullmatch(some)
        if match is None:
            raise BadCalendarEvent(f"{some} in {text} is no number, range or step: 5, 1..5, 0/15")
        first, step = int(match[1]), int(match[3] or 0)
        last = int(match[2]) if match[2] else most if match[3] else first
        if not least <= first <= last <= most or (match[3] and not 1 <= step <= last - first):
            raise BadCalendarEvent(f"{some} in {text} is not within {least} to {most}")
        found.update(range(first, last + 1, step or 1))
    return tuple(sorted(found))


def _weekdays(part: str | None, text: str) -> Collection[int]:
    if part is None:
        return range(7)
    found: set[int] = set()
    for some in part.split(","):
        first, is_range, last = some.partition("..")
        begin = _weekday(first, text)
        end = _weekday(last, text) if is_range else begin
        if end < begin:
            raise BadCalendarEvent(f"{some} in {text} goes beyond Sunday: write two ranges")
        found.update(range(begin, end + 1))
    return found


def _weekday(name: str, text: str) -> int:
    for number, day in enumerate(_DAYS):
        if name in (day, day[:3]):
            return number
    raise BadCalendarEvent(f"{name or 'nothing'} in {text} is no day of the week")
