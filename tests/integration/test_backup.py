"""Backups of real applications on a lab, and back from them: by restic, in a directory.

One calendar is deployed once and goes through all of it; its client knows what must be there.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.backup.scheduling import Scheduling
from engine.cli.main import main
from engine.errors import Denied, InvalidInput, NotFound, RemoteFailure
from engine.model.deployment import DeploymentStatus
from engine.model.plan import Operation, OperationStatus, Plan
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile
from engine.operations.fault import TESTING_VARIABLE
from engine.operations.launch import ensure_worker
from tests import s3_server
from tests.deployed import (
    Installation,
    check_nothing_left,
    check_one_of_each,
    in_directory,
    installation,
    keeping_in,
    wait_until,
)
from tests.integration.test_secrets_stay_hidden import ProcessWatch
from tests.integration.test_upgrade import (
    Calendar,
    break_application,
    captures_on_guest,
    deploy,
    release_of,
)
from tests.lab_fixture import RunningLab

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("restic") is None, reason="needs restic (apt)"),
    pytest.mark.skipif(shutil.which("ssh") is None, reason="needs openssh-client (apt)"),
]

NAME = "kept"
OLD, NEW = "3.5.10", "3.9.0"


@dataclass
class Kept:
    here: Installation
    client: Calendar
    place: Path
    marks: dict[str, str] = field(default_factory=dict)
    """What was written last before a backup, by the backup's id."""

    def back_up(self, plan: Plan | None = None) -> Operation:
        mark = f"mark-{len(self.marks)}"
        self.client.write(mark)
        done = self.done(plan or self.here.homeport.plan_backup(NAME))
        self.marks[done.id] = mark
        return done

    def newest(self, release: str | None = None) -> Backup:
        """The newest backup, of the release where one is named; made where there is none."""
        for backup in self.backups():
            if release in (None, backup.release):
                return backup
        assert self.back_up().status.value == "succeeded"
        return self.backups()[0]

    def restore(self, backup: str = "", name: str = NAME) -> Operation:
        return self.done(self.here.homeport.plan_restore(name, backup))

    def done(self, plan: Plan) -> Operation:
        return self.here.finish(self.here.homeport.apply(plan, plan.hash))

    def backups(self, name: str = NAME) -> list[Backup]:
        return self.here.homeport.repositories.backups(name)

    def check(self) -> None:
        """Serves, and nothing lies about."""
        deployment = self.here.homeport.deployment(NAME).deployment
        assert deployment.status is DeploymentStatus.RUNNING
        check_one_of_each(self.here, NAME)
        left = captures_on_guest(self.here, NAME)
        assert [n for n in left if not n.endswith((".before", ".since"))] == []


@pytest.fixture(scope="module")
def kept(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with installation(lab) as here:
        place = tmp_path_factory.mktemp("backups") / "store"
        with keeping_in(here, in_directory(place, "store")):
            try:
                client = deploy(here, "radicale", NAME, OLD)
                yield Kept(here, client, place)
            finally:
                here.destroy(NAME)


def test_backed_up_and_restored_in_place_with_nothing_lost(kept: Kept) -> None:
    password = kept.here.homeport.reveal_secret(NAME, "admin-password")
    store = kept.here.homeport._workplace.installation_secrets()
    watch = ProcessWatch([password, store.get("repositories/store/password")])
    with watch.watching():
        done = kept.back_up()
        assert done.status.value == "succeeded", repr(done.error)
        [backup] = kept.backups()
        assert (backup.id, backup.release) == (done.id, OLD)
        kept.client.write("after")
        # A release that came since goes with it, as its options do.
        plan = kept.here.homeport.plan_upgrade(NAME, {"auth": {"realm": "Other"}})
        assert kept.done(plan).status.value == "succeeded"
        back = kept.restore()
        assert back.status.value == "succeeded", repr(back.error)
    assert kept.client.has(kept.marks[done.id])
    assert not kept.client.has("after")
    kept.client.write("again")
    kept.check()
    view = kept.here.homeport.deployment(NAME).deployment
    assert (view.release, view.values) == (OLD, {})
    with pytest.raises(InvalidInput, match="restored since"):
        kept.here.homeport.plan_rollback(NAME)
    assert f"{back.id}.before" in captures_on_guest(kept.here, NAME)
    assert watch.looks > 100
    assert watch.seen == set()
    assert stat.S_IMODE(kept.place.stat().st_mode) == 0o700


def test_a_backup_is_made_by_itself_once_for_what_is_due_and_a_failed_one_is_seen(
    kept: Kept, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TESTING_VARIABLE, "1")  # nobody's crontab or systemd is written to
    homeport = kept.here.homeport

    def scheduling(days: float) -> Scheduling:
        later = datetime.now(UTC) + timedelta(days=days)
        planner = homeport._planner.backups
        return Scheduling(
            homeport.paths, homeport._inventory, planner, homeport.apply, lambda: later
        )

    assert main(["backup", NAME, "--schedule", "every 12 hours"]) == 0
    assert "is backed up every 12 hours UTC, next" in capsys.readouterr().out
    assert homeport.schedules.begin_due() == []
    tomorrow = scheduling(1)
    assert homeport.deployment(NAME).schedule is not None
    missed = tomorrow.standing()[homeport.deployment(NAME).deployment.id]
    assert missed.missed is not None

    [begun] = tomorrow.begin_due()
    assert tomorrow.begin_due() == [], "what is due is begun once"
    assert kept.here.finish(begun).status.value == "succeeded"
    assert begun.id in [backup.id for backup in kept.backups()]
    view = homeport.deployment(NAME)
    assert view.schedule is not None
    assert view.schedule.is_good
    assert view.schedule.last is OperationStatus.SUCCEEDED

    away = kept.place.with_name("away")
    kept.place.rename(away)
    try:
        after = scheduling(2)
        assert after.begin_due() == []
        [standing] = after.standing().values()
        assert "repository" in standing.schedule.trouble
        assert not standing.is_good
    finally:
        away.rename(kept.place)
    [begun] = scheduling(2).begin_due()
    assert kept.here.finish(begun).status.value == "succeeded", "it was made up for"

    # As if it had been set long ago: what is due by now is answered by what was made above.
    schedules = homeport._inventory.schedules
    known = {"since": datetime(2026, 1, 1, tzinfo=UTC), "due": None, "tried": None, "operation": ""}
    schedules.set(standing.schedule.model_copy(update=known))
    kept.here.end_worker()
    ensure_worker(homeport.paths)  # nobody else wakes Homeport in tests
    wait_until(lambda: [one.operation for one in schedules.all().values()] != [""], 60)
    [answered] = homeport.schedules.standing().values()
    assert answered.schedule.operation == begun.id
    assert answered.is_good

    # What a timer, cron or the worker runs: a process of its own, which finds nothing due.
    tick = [sys.executable, "-m", "engine.backup.tick"]
    done = subprocess.run(tick, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert main(["backup", NAME, "--unschedule"]) == 0
    assert homeport.deployment(NAME).schedule is None
    assert homeport.schedules.waker() is None


def test_a_restore_that_does_not_run_is_taken_back_with_what_was_there(kept: Kept) -> None:
    if release_of(kept.here, NAME) != OLD:
        pytest.skip("it runs the newer release already")
    backup = kept.newest(OLD)
    upgrade = kept.here.homeport.plan_upgrade(NAME, {"auth": {"realm": "Other"}})
    assert kept.done(upgrade).status.value == "succeeded"
    kept.client.write("present")
    break_application(kept.here, NAME, OLD)
    failed = kept.restore(backup.id)
    assert failed.status.value == "failed"
    assert failed.error is not None
    assert "no luck today" in failed.error["why"]
    assert f"{NEW} again" in failed.error["left"]
    assert kept.client.has("present")
    kept.client.write("on")
    kept.check()
    view = kept.here.homeport.deployment(NAME).deployment
    assert (view.release, view.values) == (NEW, {"auth": {"realm": "Other"}})


@pytest.mark.parametrize("moment", ["app.stop:after", "backup.store:900"])
def test_a_backup_killed_here_is_made_once_and_takes_only_what_was_named(
    kept: Kept, moment: str
) -> None:
    before = kept.backups()
    plan = kept.here.homeport.plan_backup(NAME)
    gone = [b.id for b in before[2:]]
    named = " ".join(step.subject for step in plan.deletes)
    assert [b.id for b in before if b.id in named] == gone
    with kept.here.killed_at(moment):
        done = kept.back_up(plan)
        assert kept.here.killed
    assert done.status.value == "succeeded", repr(done.error)
    assert [b.id for b in kept.backups()] == [done.id, *(b.id for b in before[:2])]
    kept.check()


def test_a_restore_killed_in_the_middle_ends_with_the_data_of_then(kept: Kept) -> None:
    backup = kept.newest()
    kept.client.write("later")
    with kept.here.killed_at("state.restore:after"):
        done = kept.restore()
        assert kept.here.killed
    assert done.status.value == "succeeded", repr(done.error)
    assert kept.client.has(kept.marks[backup.id])
    assert not kept.client.has("later")
    kept.check()


def test_a_backup_that_cannot_be_stored_leaves_the_application_running(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept.backups()
    real, broken = shutil.which("restic"), tmp_path / "restic"
    broken.write_text(
        f'#!/bin/sh\nfor w; do [ "$w" = backup ] && echo "Fatal: disk full" >&2 && exit 1; done\n'
        f'exec {real} "$@"\n'
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    kept.here.end_worker()
    try:
        failed = kept.back_up()
    finally:
        kept.here.end_worker()
    assert failed.status.value == "failed"
    assert failed.error is not None
    assert "disk full" in failed.error["why"]
    assert "runs on" in failed.error["left"]
    assert kept.backups() == before
    kept.client.write("after-failure")
    kept.check()


def test_a_new_deployment_from_a_backup_and_a_drill_that_nobody_notices(kept: Kept) -> None:
    newest = kept.newest()
    mark = kept.marks[newest.id]
    plan = kept.here.homeport.plan_restore_as(NAME, "anew", domain="anew.harbour-a.lab")
    try:
        made = kept.done(plan)
        assert made.status.value == "succeeded", repr(made.error)
        assert Calendar(kept.here.homeport, "anew").has(mark)
        check_one_of_each(kept.here, "anew")
    finally:
        kept.here.destroy("anew")
    drill = kept.done(kept.here.homeport.plan_drill(NAME))
    assert drill.status.value == "succeeded", repr(drill.error)
    check_nothing_left(kept.here, f"drill-{NAME}")
    assert kept.here.homeport.repositories.drills()[newest.id].id == drill.id
    kept.check()


def test_damage_is_found_before_anything_stops(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.newest()
    assert main(["backups", NAME, "--verify", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["verified"][0]["level"] == "V2"
    largest = max((kept.place / "data").rglob("*"), key=lambda p: p.is_file() and p.stat().st_size)
    whole = largest.read_bytes()
    largest.chmod(0o600)
    largest.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    try:
        assert main(["backups", NAME, "--verify"]) == RemoteFailure.exit_status
        damaged = next(b for b in kept.backups() if is_unreadable(kept, b))
        try:
            failed = kept.restore(damaged.id)
            assert failed.status.value == "failed"
            assert failed.error is not None
            assert failed.error["code"] == "remote-failure"
        except RemoteFailure:
            pass  # the damage lies where the plan reads already
        kept.client.write("never-stopped")
    finally:
        largest.write_bytes(whole)
    kept.check()


def is_unreadable(kept: Kept, backup: Backup) -> bool:
    desk = kept.here.homeport.repositories
    try:
        desk.open(desk.get("store")).read_back(backup)
    except RemoteFailure:
        return True
    return False


def test_the_recovery_sheet_opens_the_repository_without_homeport(
    kept: Kept, tmp_path: Path
) -> None:
    backup = kept.newest()
    desk = kept.here.homeport.repositories
    sheet = desk.sheet("store")
    [password] = [w.split()[1] for w in sheet.splitlines() if w.startswith("  password")]
    command = ["restic", "-r", str(kept.place), "dump", backup.snapshot, "capture.tar"]
    environment = {**os.environ, "RESTIC_PASSWORD": password}
    stream = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tmp_path)], input=stream, check=True)
    about = json.loads((tmp_path / "homeport/about.json").read_text())
    assert (about["name"], about["domain"]) == (NAME, f"{NAME}.harbour-a.lab")
    assert list((tmp_path / "collections").rglob("*.ics"))
    # Another machine's Homeport takes it over by the password, and by no other.
    with pytest.raises(Denied):
        desk.add(in_directory(kept.place, "again"), password="another")
    with pytest.raises(NotFound):
        desk.add(in_directory(tmp_path / "empty", "again"), password=password)
    assert not desk.add(in_directory(kept.place, "again"), password=password)
    assert backup.id in {b.id for b in desk.backups(repository="again")}
    desk.remove("again")


def test_a_chat_server_comes_back_with_rooms_media_and_keys(kept: Kept) -> None:
    name = "kept-chat"
    try:
        client = deploy(kept.here, "synapse", name, "1.163.2")
        client.write("before")
        made = kept.done(kept.here.homeport.plan_backup(name))
        assert made.status.value == "succeeded", repr(made.error)
        client.write("after")
        back = kept.restore(name=name)
        assert back.status.value == "succeeded", repr(back.error)
        assert client.has("before")
        assert not client.has("after")
        client.write("again")
        check_one_of_each(kept.here, name)
    finally:
        kept.here.destroy(name)


def test_into_s3_straight_from_the_guest(kept: Kept) -> None:
    secret = s3_server.SECRET_KEY
    cloud = RepositoryProfile(
        name="cloud",
        kind=RepositoryKind.S3,
        location=f"http://127.0.0.1:{s3_server.port()}/backups/here",
        access_key=s3_server.ACCESS_KEY,
    )
    homeport = kept.here.homeport
    with pytest.raises(Denied):
        homeport.repositories.add(cloud, secret_key="not-the-key")
    assert homeport.repositories.add(cloud, secret_key=secret)
    store = homeport._workplace.installation_secrets()
    watch = ProcessWatch([secret, store.get(cloud.password_path)])
    try:
        with watch.watching():
            done = kept.back_up(homeport.plan_backup(NAME, "cloud"))
            assert done.status.value == "succeeded", repr(done.error)
            kept.client.write("later")
            back = kept.done(homeport.plan_restore(NAME, repository="cloud"))
            assert back.status.value == "succeeded", repr(back.error)
        assert kept.client.has(kept.marks[done.id])
        assert not kept.client.has("later")
        assert watch.seen == set()
    finally:
        homeport.repositories.remove("cloud")
