"""What nobody claims: paths against declarations, the plan that finds them, what is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.migration_script import GuestProgram
from engine.model.plan import Intent
from engine.planning.probe import plan_probe
from engine.state.claims import Claims, claimed_by_unit, unclaimed_paths
from engine.state.programs import source
from tests.unit.test_planning import SCHEMA, desired, package

NAMES = [("/d", "{data}"), ("", "")]


def entry(path: str, size: int = 1, **more: Any) -> dict[str, Any]:
    told = {"path": path, "bytes": size, "directory": False, "new": True, "by": "app"}
    return told | more


def directory(path: str, *, new: bool = True) -> dict[str, Any]:
    return entry(path, 0, directory=True, new=new)


def test_a_new_directory_stands_for_all_that_is_in_it() -> None:
    written = [
        directory("/d/thumbs"),
        entry("/d/thumbs/a", 10),
        directory("/d/thumbs/deep"),
        entry("/d/thumbs/deep/b", 5, by="worker"),
    ]
    [found] = unclaimed_paths(written, Claims(("/d/media",)), NAMES)
    assert (found.name, found.items, found.bytes) == ("{data}/thumbs", 2, 15)
    assert found.by == "app; worker"


def test_a_directory_with_something_claimed_in_it_does_not() -> None:
    written = [
        directory("/d/x"),
        directory("/d/x/media"),
        entry("/d/x/media/a"),
        entry("/d/x/lock"),
    ]
    found = unclaimed_paths(written, Claims(("/d/x/media",)), NAMES)
    assert [one.name for one in found] == ["{data}/x/lock"]


def test_a_database_file_claims_what_sqlite_puts_beside_it_and_no_more() -> None:
    claims = Claims(claimed_by_unit("sqlite", "/d/app.db"))
    assert all(claims.has("/d/app.db" + end) for end in ("", "-wal", "-shm", "-journal"))
    assert not claims.has("/d/app.db.bak")
    assert claimed_by_unit("postgresql", "app") == ()


@pytest.mark.parametrize("path", ["/etc/systemd/system/x.timer", "/var/spool/cron/crontabs/app"])
def test_what_runs_by_the_clock_is_called_a_timer(path: str) -> None:
    [found] = unclaimed_paths([entry(path)], Claims(()), NAMES)
    assert found.kind == "timer"


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda p: "/" + "/".join(p))


@given(st.lists(PATHS, unique=True, max_size=12), st.lists(PATHS, max_size=3))
def test_every_file_is_claimed_or_named_exactly_once(files: list[str], tops: list[str]) -> None:
    inner = {path for path in files if any(f.startswith(path + "/") for f in files)}
    written = [directory(path) if path in inner else entry(path) for path in files]
    claims = Claims(tuple(tops))
    found = unclaimed_paths(written, claims, [("", "")])
    leaves = [path for path in files if path not in inner]
    wild = [path for path in leaves if not claims.has(path)]
    assert sum(one.items for one in found) == len(wild)
    for path in wild:
        covering = [o for o in found if path == o.name or path.startswith(o.name + "/")]
        assert covering
    for one in (one for one in found if one.name in inner):
        assert not any(top == one.name or top.startswith(one.name + "/") for top in tops)


def test_a_probe_has_no_public_name_and_leaves_nothing_however_it_ends() -> None:
    load = (GuestProgram(exec=("true",)),)
    plan = plan_probe(desired(package=package(load=load)), SCHEMA)
    assert plan.intent is Intent.PROBE
    ids = [step.id for step in plan.steps]
    assert not {"dns.apply", "certificate.issue", "app.publish", "app.health"} & set(ids)
    wanted = ["guest.isolate", "probe.begin", "app.run", "probe.use", "app.stop", "probe.compare"]
    assert [step for step in ids if step in wanted] == wanted
    removal = ["guest.destroy", "address.release", "secrets.remove", "deployment.forget"]
    assert ids[-4:] == removal
    assert plan.rollback is not None
    assert [step.id for step in plan.rollback.steps] == [f"back.{step}" for step in removal]
    assert plan.rollback_from == "preflight"
    assert "1 program of its package" in next(s.subject for s in plan.steps if s.id == "probe.use")


# --- the program on the guest -------------------------------------------------------------


def run(verb: str, root: Path, uid: int | None = None) -> dict[str, Any]:
    task = {
        "verb": verb,
        "root": str(root),
        "desk": str(root / "desk"),
        "places": [str(root / "d")],
    }
    task["uid"] = os.getuid() if uid is None else uid
    argv = [sys.executable, "-I", "-c", source("writes")]
    done = subprocess.run(argv, input=json.dumps(task).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix(b"homeport-result: ") for line in done.stdout.splitlines()]
    found: dict[str, Any] = json.loads(b64decode(b"".join(lines)))
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    for name in ("same", "changed", "touched", "gone"):
        (tmp_path / "d" / name).write_text("1")
    run("mark", tmp_path)
    return tmp_path


def test_what_came_and_what_changed_is_told_and_nothing_else(root: Path) -> None:
    (root / "d/changed").write_text("2")
    status = (root / "d/touched").stat()
    (root / "d/touched").write_text("3")
    os.utime(root / "d/touched", ns=(status.st_atime_ns, status.st_mtime_ns))
    (root / "d/gone").unlink()
    (root / "d/new").mkdir()
    (root / "d/new/odd \udcff name").write_bytes(b"four")
    (root / "d/link").symlink_to("same")
    found = {e["path"].removeprefix(f"{root}/d/"): e for e in run("compare", root)["written"]}
    assert found.keys() == {"changed", "touched", "new", "new/odd \ufffd name", "link"}
    assert found["new/odd \ufffd name"]["bytes"] == 4
    assert found["new"]["new"]
    assert not found["changed"]["new"]


def test_files_of_others_count_only_in_the_deployments_own_places(root: Path) -> None:
    (root / "elsewhere").write_text("x")
    (root / "d/mine").write_text("x")
    found = run("compare", root, uid=os.getuid() + 1)["written"]
    assert [e["path"] for e in found] == [f"{root}/d/mine"]


def test_who_has_a_file_open_for_writing_is_named(root: Path) -> None:
    with open(root / "d/held", "w") as file, open(root / "d/same") as read:
        run("hold", root)
        file.write("x")
        read.read()
    with open("/proc/self/comm") as comm:
        own = comm.read().strip()
    [found] = [e for e in run("compare", root)["written"] if e["path"].endswith("held")]
    assert found["by"] == own
