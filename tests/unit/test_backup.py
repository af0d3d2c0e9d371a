"""Backups: which go, what plans say, what restic's answers mean, and what a stream must be."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.backup import restic
from engine.backup.notes import ABOUT, SECRETS, About, Notes
from engine.backup.programs import carrier
from engine.backup.retention import expired
from engine.backup.sheet import recovery_sheet
from engine.errors import Denied, HomeportError, Locked, NotFound, RemoteFailure, Unreachable
from engine.model.plan import Effect, Plan
from engine.model.repository import Backup, Keep, RepositoryKind, RepositoryProfile
from engine.planning.anew import plan_drill, plan_restore_as
from engine.planning.backup import plan_backup, plan_restore
from engine.state.captures import Manifest
from tests.unit.test_planning import SCHEMA, desired, outline
from tests.unit.test_upgrade_plans import OLD_SCHEMA, old_and_new

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STORE = RepositoryProfile(name="store", kind=RepositoryKind.DIRECTORY, location="/srv/store")
CLOUD = RepositoryProfile(
    name="cloud", kind=RepositoryKind.S3, location="https://s3.example/b", access_key="AK"
)


def backup(number: int = 1, at: datetime = NOW, **more: Any) -> Backup:
    fields: dict[str, Any] = {
        "id": f"{number:012x}",
        "repository": "store",
        "snapshot": f"{number:064x}",
        "at": at,
        "deployment": "abcd1234",
        "name": "toy-1",
        "application": "toy",
        "release": "1.0",
        "bytes": 7,
        "sha256": "0" * 64,
    }
    return Backup.model_validate(fields | more)


def daily(count: int) -> list[Backup]:
    return [backup(n, NOW - timedelta(days=n)) for n in range(1, count + 1)]


# --- which go ---------------------------------------------------------------------------


def test_of_days_weeks_and_months_the_newest_of_each_stays() -> None:
    made = daily(400)
    gone = {b.id for b in expired(made, Keep(last=0, daily=3, weekly=2, monthly=3), NOW)}
    kept = [f"{b.at:%m-%d}" for b in made if b.id not in gone]
    # Today's is about to be made: it is the newest of its day, its week and its month.
    assert kept == ["11-25", "11-24", "11-22", "10-31", "09-30"]


def test_nothing_goes_where_all_are_kept() -> None:
    keep = Keep(last=0, daily=0, weekly=0, monthly=0)
    assert expired(daily(40), keep, NOW) == []


@given(
    st.lists(st.integers(0, 900 * 24), unique=True, max_size=60),
    st.builds(Keep, last=st.integers(1, 5), daily=st.integers(0, 9)),
)
def test_what_goes_is_never_the_newest_and_going_again_takes_nothing(
    hours: list[int], keep: Keep
) -> None:
    made = [backup(n, NOW - timedelta(hours=h + 1)) for n, h in enumerate(hours)]
    gone = expired(made, keep, NOW)
    left = [b for b in made if b not in gone]
    newest = sorted(made, key=lambda b: b.at, reverse=True)[: keep.last - 1]
    assert not {b.id for b in newest} & {b.id for b in gone}
    assert expired(left, keep, NOW) == []
    assert gone == sorted(gone, key=lambda b: b.at)


# --- plans ------------------------------------------------------------------------------


def test_a_backup_starts_the_application_before_anything_goes_over_the_network() -> None:
    old = backup(at=NOW - timedelta(days=90))
    plan = plan_backup(old_and_new()[0], STORE, [old])
    kinds = [step.kind for step in plan.steps]
    assert kinds == [
        "backup.check@1",
        "app.stop@1",
        "state.capture@1",
        "app.run@1",
        "app.health@1",
        "backup.store@1",
        "backup.verify@1",
        "capture.drop@1",
        "backup.expire@1",
    ]
    [removal] = plan.deletes
    assert old.id in removal.subject
    assert plan.rollback_from == "app.stop"
    assert way_back(plan) == ["app.run@1", "app.health@1", "capture.drop@1"]


def test_a_restore_has_the_backup_on_the_guest_before_it_stops_and_keeps_what_is_there() -> None:
    old, new = old_and_new()
    plan = plan_restore(old, new, OLD_SCHEMA, SCHEMA, STORE, backup())
    kinds = [step.kind for step in plan.steps]
    assert kinds.index("backup.fetch@1") < kinds.index("app.stop@1")
    assert kinds.index("state.capture@1") < kinds.index("state.restore@1")
    assert "app.configure@1" not in kinds
    rotated = plan_restore(old, new, OLD_SCHEMA, SCHEMA, STORE, backup(), has_moved_on=True)
    later = [step.kind for step in rotated.steps]
    order = ["state.restore@1", "app.configure@1", "app.run@1"]
    assert [kind for kind in later if kind in order] == order
    assert plan.deletes == ()
    assert (plan.release, plan.values) == ("1.0", {"port": 1, "gone": "x"})
    assert plan.rollback is not None
    assert (plan.rollback.release, plan.rollback.values) == ("2.0", {"server": {"port": 1}})
    assert way_back(plan) == [
        "app.stop@1",
        "state.capture@1",
        "state.restore@1",
        "app.run@1",
        "app.health@1",
        "capture.drop@1",
    ]
    assert "leaves the application (data)" in plan.warnings[0]


def test_a_new_deployment_takes_the_backups_secrets_before_any_is_generated() -> None:
    plan = plan_restore_as(
        desired("1.0"), SCHEMA, STORE, backup(), domain="old.home.lab", living="toy-1"
    )
    after = {step.id: step.after for step in plan.steps}
    assert after["secrets.ensure"] == ("secrets.adopt",)
    assert after["app.start"] == ("state.adopt",)
    assert after["state.restore"] == ("backup.fetch",)
    assert "toy-1 is still there" in plan.warnings[0]
    assert "old.home.lab" in plan.warnings[1]


def test_a_drill_is_cut_off_before_it_starts_and_leaves_nothing_however_it_ends() -> None:
    plan = plan_drill(desired("1.0"), SCHEMA, STORE, backup())
    kinds = [step.kind for step in plan.steps]
    assert kinds.index("guest.isolate@1") < kinds.index("app.run@1")
    assert not {"dns.apply@1", "app.publish@1", "certificate.issue@1"} & set(kinds)
    removal = ["guest.destroy@1", "address.release@1", "secrets.remove@1", "deployment.forget@1"]
    assert kinds[-4:] == removal
    assert way_back(plan) == removal
    assert plan.rollback_from == plan.steps[0].id
    assert [s.effect for s in plan.steps if s.effect is Effect.DELETE] == [Effect.DELETE]
    assert outline(plan)[0].startswith("  preflight@1")


def way_back(plan: Plan) -> list[str]:
    assert plan.rollback is not None
    return [step.kind for step in plan.rollback.steps]


# --- repositories -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    ["s3.example/b", "https://s3.example", "https://u:p@s3.example/b", "https://s3.example/b?x=1"],
)
def test_a_place_in_s3_that_is_none(location: str) -> None:
    with pytest.raises(ValidationError):
        RepositoryProfile(name="cloud", kind=RepositoryKind.S3, location=location)


def test_no_secret_is_in_restics_arguments_or_environment() -> None:
    files = restic.secret_files(CLOUD, "the-password", "the-secret")
    assert set(files) == {"RESTIC_PASSWORD_FILE", "AWS_SHARED_CREDENTIALS_FILE"}
    words = restic.command(CLOUD, *restic.backup_words({"backup": "a"}, NOW))
    shown = " ".join([*words, *restic.environment(CLOUD).values()])
    assert "the-password" not in shown
    assert "the-secret" not in shown
    assert "--repo=s3:https://s3.example/b" in words


def listed(*entries: dict[str, Any]) -> tuple[list[Backup], dict[str, list[str]]]:
    return restic.listed(STORE, json.dumps(list(entries)))


def test_the_list_is_our_complete_backups_and_nothing_else() -> None:
    tags = ["homeport", "backup=0123456789ab", "deployment=abcd1234", "name=toy-1"]
    tags += ["application=toy", "release=1.0"]
    whole = [*tags, "bytes=12", "sha256=" + "a" * 64]
    time = "2026-11-26T12:00:00.123456789Z"
    complete, unfinished = listed(
        {"id": "1" * 64, "time": time, "tags": whole},
        {"id": "2" * 64, "time": time, "tags": [*tags, "unfinished"]},
        {"id": "3" * 64, "time": time, "tags": None},
        {"id": "4" * 64, "time": time, "tags": ["homeport", "backup=../../etc"]},
    )
    assert [(b.id, b.bytes, b.at.year) for b in complete] == [("0123456789ab", 12, 2026)]
    assert unfinished == {"abcd1234": ["2" * 64]}
    assert restic.listed(STORE, "null") == ([], {})


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("Fatal: wrong password or no key found", Denied),
        ("unable to create lock in backend: repository is already locked by PID 7", Locked),
        ("Fatal: unable to open config file: stat /x/config: no such file or directory", NotFound),
        ("Fatal: unable to open config file: Stat: The specified key does not exist.", NotFound),
        ("Stat: The request signature we calculated does not match the signature", Denied),
        (
            "Fatal: unable to open config file: The specified key does not exist. Access Denied.",
            Denied,
        ),
        ("Fatal: Get https://s3/: dial tcp 127.0.0.1:1: connect: connection refused", Unreachable),
        ("Fatal: something else", RemoteFailure),
    ],
)
def test_what_restic_says_is_told_apart(said: str, error: type[HomeportError]) -> None:
    assert type(restic.refusal(STORE, ["check"], said)) is error


def test_the_recovery_sheet_has_all_that_opens_the_repository() -> None:
    sheet = recovery_sheet(CLOUD, "the-password", "the-secret", [backup()])
    for needed in (
        "https://s3.example/b",
        "the-password",
        "AK",
        "the-secret",
        "toy-1",
        "restic dump",
    ):
        assert needed in sheet
    assert max(map(len, sheet.splitlines())) <= 100


# --- the stream -------------------------------------------------------------------------


def notes_of(**more: Any) -> Notes:
    manifest = Manifest(
        id="x", deployment="abcd1234", application="toy", release="1.0", at=NOW, units=()
    )
    fields: dict[str, Any] = {
        "backup": backup().id,
        "deployment": "abcd1234",
        "name": "toy-1",
        "domain": "toy.home.lab",
        "provider": "home",
        "application": "toy",
        "release": "1.0",
        "manifest": manifest,
    }
    return Notes(About.model_validate(fields | more), {"seed": "the-secret"})


def test_notes_come_back_and_those_of_another_backup_do_not() -> None:
    notes = notes_of()
    assert Notes.read(notes.texts, backup()) == notes
    assert "the-secret" not in repr(notes)
    for texts in (
        {},
        {**notes.texts, ABOUT: "{}"},
        {**notes.texts, SECRETS: '{"../seed": "x"}'},
        notes_of(backup=backup(2).id).texts,
    ):
        with pytest.raises(RemoteFailure) as raised:
            Notes.read(texts, backup())
        assert "the-secret" not in str(raised.value)


def carry(task: dict[str, Any], data: bytes = b"") -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", carrier()],
        input=json.dumps(task).encode() + b"\n" + data,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def result(said: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said.splitlines()[-1].removeprefix("homeport-result: "))
    return found


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    top = tmp_path / "capture"
    (top / "media").mkdir(parents=True)
    (top / "media" / "odd \n name \udce4").write_bytes(os.urandom(70_000))
    (top / "media" / "first").write_text("one")
    os.link(top / "media" / "first", top / "media" / "second")
    (top / "media" / "link").symlink_to("/etc/passwd")
    with (top / "media" / "sparse").open("wb") as file:
        file.truncate(8 << 20)
    os.utime(top / "media" / "first", ns=(1, 1_600_000_000_123_456_789))
    return top


def test_a_stream_brings_all_to_the_other_side_but_the_notes(capture: Path, tmp_path: Path) -> None:
    texts = notes_of().texts
    task = {"verb": "send", "directory": str(capture), "notes": texts, "bytes": 1}
    status, stream, said = carry(task)
    assert status == 0
    sent = result(said)
    assert sent["bytes"] == len(stream) < 1 << 20  # a hole is not sent
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        first = archive.next()
        assert first is not None
        assert first.name == ABOUT
    into = tmp_path / "there"
    taking = {"verb": "receive", "directory": str(into), "notes": list(texts), **sent}
    status, _, said = carry(taking, stream)
    assert (status, result(said)) == (0, sent)
    assert (into / "media/sparse").stat().st_blocks * 512 < 1 << 20
    assert (into / "media/first").stat().st_mtime_ns == 1_600_000_000_123_456_789
    assert not (into / "homeport").exists()
    if shutil.which("rsync") is None:
        pytest.skip("rsync compares all but what was looked at so far, and is not installed")
    compared = subprocess.run(
        [
            "rsync",
            "-aHXAn",
            "--delete",
            "--itemize-changes",
            "--checksum",
            f"{capture}/",
            f"{into}/",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in compared.stdout.splitlines() if not line.endswith(" ./")] == []


@pytest.mark.parametrize("harm", [lambda s: s[:-5000], lambda s: s[:9000] + b"x" + s[9001:]])
def test_a_stream_that_is_not_the_one_that_was_stored_is_refused(
    capture: Path, tmp_path: Path, harm: Any
) -> None:
    task = {"verb": "send", "directory": str(capture), "notes": notes_of().texts, "bytes": 1}
    _, stream, said = carry(task)
    into = {"verb": "receive", "directory": str(tmp_path / "there"), "notes": [], **result(said)}
    status, _, said = carry(into, harm(stream))
    assert status != 0
    assert "homeport-result" not in said


def test_a_capture_that_cannot_be_read_whole_is_no_backup(tmp_path: Path) -> None:
    task = {"verb": "send", "directory": str(tmp_path / "gone"), "notes": {}, "bytes": 1}
    status, _, said = carry(task)
    assert status == 1
    assert "could not read all" in said
