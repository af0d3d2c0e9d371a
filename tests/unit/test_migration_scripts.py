"""Migration scripts in plans, which releases they are for, and mistakes in declaring them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.check import check_package
from engine.catalog.migration_script import OCCURS, MigrationScript, Occasion, Phase
from engine.errors import PlanChanged
from engine.model.plan import Plan
from engine.operations.interpreter import sorted_graph
from engine.operations.registry import handler
from engine.planning.anew import plan_drill, plan_restore_as
from engine.planning.backup import plan_backup, plan_restore
from engine.planning.desired import Desired
from engine.planning.migrate import plan_migrate
from engine.planning.scripts import KIND, digest, script_steps
from engine.planning.upgrade import plan_rollback, plan_upgrade
from tests.scripted_package import CATALOG
from tests.unit.step_context import PACKAGE, Context, planned
from tests.unit.test_backup import STORE, backup
from tests.unit.test_migrate_plans import at
from tests.unit.test_planning import SCHEMA
from tests.unit.test_upgrade_plans import NOW, OLD_SCHEMA, old_and_new

PHASES: tuple[Phase, ...] = tuple(OCCURS)


def script(phase: Phase, **more: Any) -> MigrationScript:
    operations = OCCURS[phase]
    fields: dict[str, Any] = {"id": phase, "phase": phase, "title": f"Do {phase}", "exec": ["x"]}
    return MigrationScript.model_validate(fields | {"operations": operations} | more)


def with_all(desired: Desired) -> Desired:
    scripts = tuple(map(script, PHASES))
    return replace(desired, package=desired.package.model_copy(update={"scripts": scripts}))


def order(plan: Plan, *around: str) -> list[str]:
    """Steps that run scripts, and those named, in their order."""
    assert sorted_graph(plan.steps)
    ids = [step.id for step in plan.steps]
    return [i for i in ids if i.startswith("script.") or i in around]


def test_in_a_move_all_that_may_fail_comes_before_the_point_of_no_return() -> None:
    plan = plan_migrate(with_all(at("away")), with_all(at("home")), "home")
    wanted = ["source.freeze", "script.before-capture", "state.delta.data", "state.compare.rows"]
    wanted += ["script.after-restore", "script.before-start", "source.fence", "target.run"]
    wanted += ["script.after-start", "dns.apply", "app.health", "script.after-switch"]
    assert order(plan, *wanted) == wanted
    sides = {s.id: s.at for s in plan.steps if s.id.startswith("script.")}
    assert sides.pop("script.before-capture") == "home"
    assert set(sides.values()) == {"away"}
    assert plan.rollback is not None
    assert order(plan.rollback) == []


def test_an_upgrade_has_them_for_the_release_that_runs_at_that_moment() -> None:
    old, new = map(with_all, old_and_new())
    plan = plan_upgrade(new, old, SCHEMA, OLD_SCHEMA)
    wanted = ["app.stop", "script.before-capture", "state.capture", "app.configure"]
    wanted += ["script.before-start", "app.run", "script.after-start"]
    assert order(plan, *wanted) == wanted
    told = {
        s.id: (s.args["from_release"], s.args["release"])
        for s in plan.steps
        if s.args.get("script")
    }
    before, after = old.release.version, new.release.version
    assert told["script.before-capture"] == (before, before)
    assert told["script.before-start"] == (before, after)


def test_whatever_restores_runs_them_around_it() -> None:
    old, new = map(with_all, old_and_new())
    around = ["state.restore", "app.run"]
    wanted = ["state.restore", "script.after-restore", "script.before-start", "app.run"]
    wanted += ["script.after-start"]
    back = plan_rollback(old, new, OLD_SCHEMA, SCHEMA, upgrade="op", captured=NOW)
    in_place = plan_restore(old, new, OLD_SCHEMA, SCHEMA, STORE, backup())
    for plan in (back, in_place):
        assert order(plan, *around) == ["script.before-capture", *wanted]
    drill = plan_drill(old, SCHEMA, STORE, backup())
    assert order(drill, *around) == wanted
    anew = plan_restore_as(old, SCHEMA, STORE, backup(), domain=old.domain)
    assert order(anew, "state.restore", "app.start") == [
        "app.start" if step == "app.run" else step for step in wanted
    ]
    health = next(step for step in anew.steps if step.id == "app.health")
    assert "script.after-start" in health.after


def test_a_backup_runs_what_comes_before_a_capture_where_the_script_says_so() -> None:
    old = with_all(old_and_new()[0])
    wanted = ["app.stop", "script.before-capture", "state.capture"]
    assert order(plan_backup(old, STORE), *wanted) == wanted
    [not_then] = [script("before-capture", operations=["migrate"])]
    package = old.package.model_copy(update={"scripts": (not_then,)})
    assert order(plan_backup(replace(old, package=package), STORE)) == []


def test_another_text_is_another_plan() -> None:
    desired = with_all(old_and_new()[0])
    changed = script("before-start", program="something else", exec=["x", "{program}"])
    package = desired.package.model_copy(update={"scripts": (changed,)})
    [one] = script_steps(desired, "before-start", "upgrade")
    [other] = script_steps(replace(desired, package=package), "before-start", "upgrade")
    assert one.args["digest"] != other.args["digest"]


@given(st.sampled_from(PHASES), st.sampled_from(["migrate", "backup", "restore", "upgrade"]))
def test_no_script_runs_at_a_moment_or_in_an_operation_that_is_not_its_own(
    phase: Phase, operation: Occasion
) -> None:
    found = [p for p in PHASES if script(p).is_for(phase, operation, "1.0", "1.0")]
    assert found == ([phase] if operation in OCCURS[phase] else [])


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_ranges_are_of_the_release_that_runs_and_of_the_one_the_data_are_of(
    release: int, came_from: int, edge: int
) -> None:
    one = script("before-start", releases=f">={edge}", from_releases=f"<{edge}")
    is_for = one.is_for("before-start", "upgrade", f"{release}.0", f"{came_from}.0")
    assert is_for == (release >= edge and came_from < edge)


def test_a_script_that_is_not_the_planned_one_is_not_started() -> None:
    planned_then = script("before-start", program="first", exec=["x", "{program}"])
    now = script("before-start", program="second", exec=["x", "{program}"])
    args = {"script": "before-start", "digest": digest(planned_then), "release": "1.0"}
    plan = planned((KIND, {**args, "operation": "upgrade", "from_release": "1.0"}))
    for scripts in ((now,), ()):
        context = Context(plan, package=PACKAGE.model_copy(update={"scripts": scripts}))
        with pytest.raises(PlanChanged, match="not the one that was planned"):
            handler(KIND)(context.about(KIND))


# --- what `homeport catalog check` says ---------------------------------------------------


def test_the_package_of_the_tests_has_no_mistakes() -> None:
    assert check_package(CATALOG / "scripted") == []


@pytest.mark.parametrize(
    ("number", "changes", "message"),
    [
        (1, {"id": "count"}, "another script is called count"),
        (0, {"exec": ["bin/count", "{program}"]}, "the path of the command is not a whole one"),
        (0, {"exec": ["python3"]}, "the command never reads its program"),
        (0, {"program": ""}, "the command asks for {program}, and has none"),
        (0, {"program": "def ("}, "the program is not Python: line 1 of it"),
        (0, {"program": "pass"}, "the program never gives its values"),
        (0, {"exec": ["{secret:admin-password}"]}, "a secret can be read by others in a command"),
        (0, {"inputs": {"a": "{nowhere}"}}, "there is no placeholder {nowhere}"),
        (0, {"inputs": {"a": "{program}"}}, "{program} is there for the command of a script"),
        (1, {"writes": ["{config}/x"]}, "a program writes to the deployment's data only"),
        (1, {"writes": ["{data}/../x"]}, "a program writes to the deployment's data only"),
        (2, {"releases": "3.9"}, "3.9 is not a range of versions"),
        (2, {"releases": ">=4"}, "no release of the package is >=4"),
        (2, {"operations": []}, "the script never runs"),
        (2, {"operations": ["backup"]}, "there is no moment before-start in backup"),
        (4, {"operations": ["upgrade"]}, "there is no moment after-switch in upgrade"),
        (2, {"phase": "before-lunch"}, "must be one of"),
        (2, {"seconds": 0}, "must be at least 1"),
        (2, {"needs": {"commands": ["/bin/x"]}}, "commands"),
        (2, {"title": None}, "title"),
    ],
)
def test_every_mistake_in_a_declaration_is_explained(
    tmp_path: Path, number: int, changes: dict[str, Any], message: str
) -> None:
    directory = tmp_path / "scripted"
    shutil.copytree(CATALOG / "scripted", directory)
    manifest = yaml.safe_load((directory / "manifest.yaml").read_text())
    manifest["scripts"][number] |= changes
    (directory / "manifest.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    found = check_package(directory)
    assert any(message in finding.message for finding in found), found
    assert all(finding.line > 1 for finding in found)
