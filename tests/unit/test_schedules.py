"""When backups are due: calendars, what was missed, and who wakes Homeport."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backup.calendar import Calendar
from engine.backup.due import due_at, standing_of
from engine.backup.waking import crontab_line, script_text, service_text
from engine.errors import InvalidInput
from engine.model.schedule import Schedule

WHEN = ("daily 03:30", "hourly", "every 6 hours", "weekdays 22:00", "sunday 04:00",
        "mon, thursday 02:15", "weekly", "monthly 31 04:00", "monthly 00:05")  # fmt: skip
FRIDAY = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("daily 03:30", "2026-11-28 03:30"),
        ("daily", "2026-11-28 00:00"),
        ("Hourly", "2026-11-27 11:00"),
        ("every 6 hours", "2026-11-27 12:00"),
        ("weekdays 09:00", "2026-11-30 09:00"),
        ("weekdays 10:00", "2026-11-30 10:00"),
        ("friday 10:01", "2026-11-27 10:01"),
        ("mon, Thursday 2:15", "2026-11-30 02:15"),
        ("weekly 05:00", "2026-11-29 05:00"),
        ("monthly 04:00", "2026-12-01 04:00"),
        ("monthly 31 04:00", "2026-11-30 04:00"),
    ],
)
def test_the_next_moment_is_what_people_expect(text: str, wanted: str) -> None:
    assert f"{Calendar.parse(text).next(FRIDAY):%Y-%m-%d %H:%M}" == wanted


@pytest.mark.parametrize(
    "text",
    ["", "never", "daily 25:00", "daily 3", "every 5 hours", "every 0 hours", "monthly 32 01:00",
     "monthly 0 01:00", "funday 03:00", "monday monday 03:00", "* * * * *", "daily 03:30 daily"],
)  # fmt: skip
def test_what_says_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Calendar.parse(text)
    assert "daily 03:30" in (raised.value.do or "")


@settings(deadline=None)
@given(st.sampled_from(WHEN), st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
def test_last_and_next_leave_no_moment_out(text: str, naive: datetime) -> None:
    at, calendar = naive.replace(tzinfo=UTC), Calendar.parse(text)
    last, following = calendar.last(at), calendar.next(at)
    assert last <= at < following
    assert calendar.next(last) == following


def schedule(**more: object) -> Schedule:
    fields = {"deployment": "d1", "calendar": "daily 03:30", "since": FRIDAY}
    return Schedule.model_validate({**fields, **more})


def test_what_was_due_before_the_schedule_was_set_is_not_missed() -> None:
    assert due_at(schedule(), FRIDAY + timedelta(hours=1)) is None
    assert due_at(schedule(), FRIDAY + timedelta(hours=18)) is not None


def test_a_missed_one_is_due_once_however_long_ago_and_said_until_it_is_answered() -> None:
    later = FRIDAY + timedelta(days=9)
    due = due_at(schedule(), later)
    assert due == datetime(2026, 12, 6, 3, 30, tzinfo=UTC)
    told = standing_of(schedule(trouble="the repository cannot be reached"), None, later)
    assert told.missed == due
    assert not told.is_good
    assert "MISSED: none was begun at 2026-12-06 03:30" in told.told()
    assert "cannot be reached" in told.told()
    answered = standing_of(schedule(due=due, operation="op"), None, later)
    assert answered.missed is None
    assert due_at(schedule(due=due), later) is None


def test_what_wakes_homeport_is_written_so_that_odd_paths_arrive_whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp('it\'s 100 % "odd" $HOME')
    env = {"HOMEPORT_HOME": str(home), "PATH": "/usr/bin", "PGPASSWORD": "canary"}
    assert "canary" not in script_text(env) + service_text(env)
    told = "-c 'import os; print(os.environ[\"HOMEPORT_HOME\"])'"
    script = home / "tick.sh"
    script.write_text(script_text(env).replace("-m engine.backup.tick", told))
    command = crontab_line(script, "# mark").removeprefix("*/5 * * * * ").replace("\\%", "%")
    shown = command.partition(" >")[0]
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(home)
    escaped = str(home).replace("%", "%%").replace('"', '\\"')
    assert f'Environment="HOMEPORT_HOME={escaped}"' in service_text(env)
