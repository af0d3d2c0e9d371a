"""Calendar events mean what they mean to systemd, as far as they are taken."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar_event import BadCalendarEvent, CalendarEvent

NOON = datetime(2026, 11, 28, 12)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2031, 1, 1))


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    ranges = st.lists(number, min_size=2, max_size=2, unique=True).map(sorted)
    steps = ranges.flatmap(
        lambda ends: st.integers(1, ends[1] - ends[0]).map(lambda step: (*ends, step))
    )
    some = st.one_of(
        number.map(str),
        number.map("{:02}".format),
        ranges.map(lambda ends: f"{ends[0]}..{ends[1]}"),
        steps.map(lambda found: f"{found[0]}/{found[2]}"),
        steps.map(lambda found: f"{found[0]}..{found[1]}/{found[2]}"),
    )
    return st.just("*") | st.lists(some, min_size=1, max_size=3).map(",".join)


DAYS = ("Mon", "tue", "Wednesday", "Thu", "Fri", "SAT", "Sunday")
DAY = st.integers(0, 6)
WEEKDAYS = st.lists(
    DAY.map(DAYS.__getitem__)
    | st.tuples(DAY, DAY).map(sorted).map(lambda ends: f"{DAYS[ends[0]]}..{DAYS[ends[1]]}"),
    min_size=1,
    max_size=3,
).map(",".join)
DATES = st.builds("*-{}-{}".format, numbers(1, 12), numbers(1, 28))
MINUTES = st.builds("{}:{}".format, numbers(0, 23), numbers(0, 59))
TIMES = MINUTES | st.builds("{}:{}".format, MINUTES, numbers(0, 59))
EVENTS = st.builds(
    lambda *parts: " ".join(filter(None, parts)) or "daily",
    st.none() | WEEKDAYS,
    st.none() | DATES,
    st.none() | TIMES,
)


def moments(text: str, after: datetime, count: int) -> list[datetime]:
    event, found = CalendarEvent.parse(text), [after]
    for _ in range(count):
        found.append(event.next(found[-1]))
    return found[1:]


@settings(max_examples=60, deadline=None)
@given(EVENTS, MOMENTS)
def test_events_come_when_systemd_says_they_do(text: str, after: datetime) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    asked = ("systemd-analyze", "calendar", "--iterations=4", f"--base-time={after}", text)
    done = subprocess.run(
        asked, capture_output=True, text=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin"}
    )
    said = re.findall(r"(?:elapse|#\d): \w+ (\S+ \S+) UTC", done.stdout)
    assert [str(found) for found in moments(text, after, 4)] == said


@settings(deadline=None)
@given(EVENTS, MOMENTS)
def test_no_moment_between_is_left_out(text: str, after: datetime) -> None:
    """By looking at each second of the hour before what is said to be next."""
    event = CalendarEvent.parse(text)
    found = event.next(after)
    assert found > after
    begin = max(after.replace(microsecond=0), found - timedelta(hours=1))
    second = begin + timedelta(seconds=1)
    while second < found:
        parts = zip((second.hour, second.minute, second.second), times(event), strict=True)
        is_day = second.day in event.dates and second.month in event.months
        is_time = all(number in numbers for number, numbers in parts)
        assert not (is_day and second.weekday() in event.days and is_time)
        second += timedelta(seconds=1)


def times(event: CalendarEvent) -> tuple[tuple[int, ...], ...]:
    return event.hours, event.minutes, event.seconds


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("daily", "2026-11-29 00:00:00"),
        ("Hourly", "2026-11-28 13:00:00"),
        ("weekly", "2026-11-30 00:00:00"),
        ("quarterly", "2027-01-01 00:00:00"),
        ("*-02-29", "2028-02-29 00:00:00"),
        ("12-25", "2026-12-25 00:00:00"),
        ("Mon", "2026-11-30 00:00:00"),
        ("*:*:0/5", "2026-11-28 12:00:05"),
        ("*-*-31 12:00", "2026-12-31 12:00:00"),
    ],
)
def test_the_first_moment_after(text: str, first: str) -> None:
    assert str(CalendarEvent.parse(text).next(NOON)) == first


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing is no calendar event"),
        ("sometimes", "no day of the week"),
        ("03", "no calendar event"),
        (" 03:00", "no calendar event"),
        ("03:00 ", "no calendar event"),
        ("Mon  03:00", "no calendar event"),
        ("*", "no calendar event"),
        ("*:*/5", "step: 5, 1..5, 0/15"),
        ("20/5:00", "not within 0 to 23"),
        ("24:00", "not within 0 to 23"),
        ("3:60", "not within 0 to 59"),
        ("*:0/0", "not within"),
        ("5..3:00", "not within"),
        ("*-13-01", "not within 1 to 12"),
        ("*-*-0", "not within 1 to 31"),
        ("*-02-30", "never comes"),
        ("Sat..Mon 1:00", "two ranges"),
        ("Mon-Fri 3:00", "mon in Mon-Fri 3:00 is no number"),
        ("*-*~01", "no number"),
        ("2027-01-01", "a year is named"),
        ("03:00 UTC", "no calendar event"),
        ("*:*:00.5", "no number"),
        ("03:00\n04:00", "no"),
    ],
)
def test_what_is_not_taken_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(BadCalendarEvent) as refused:
        CalendarEvent.parse(text)
    assert why in str(refused.value)
