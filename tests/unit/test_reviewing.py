"""Upgrades by the front door: reviewed against the real catalog, planned, looked after."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.cli.main import main
from engine.errors import InvalidInput, NotFound, PlanChanged
from engine.homeport import Homeport
from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Intent, OperationStatus, Plan
from engine.operations.runner import StepResult
from forms.upgrade import Ledger, Verb
from tests.unit.test_homeport import deployed, finish, homeport

__all__ = ["homeport"]
OLD = "3.5.10"


TWO_WAYS = {"type": "ldap", "ldap_use_ssl": True, "ldap_security": "starttls"}
"""Radicale 3.7.0 makes one option of the two; which of them holds, only a person knows."""


def older(opened: Homeport, **values: Any) -> Plan:
    return deployed(opened, release=OLD, values=values)


def upgraded(opened: Homeport, values: dict[str, Any]) -> str:
    """An upgrade that ended well, without anything having been built; its operation's id."""
    plan = opened.plan_upgrade("radicale-1", values)
    operation = opened.apply(plan, plan.hash)
    inventory = opened._inventory
    key = f"{operation.id}.before"
    inventory.resources.remember(
        Resource(
            deployment=plan.deployment,
            provider="home",
            kind=ResourceKind.CAPTURE,
            key=key,
            attributes={"at": "2026-01-02T03:04:05+00:00", "release": OLD, "checksum": "x"},
            created=datetime.now(UTC),
        )
    )
    from engine.operations.outcome import record_end

    record_end(inventory, operation, {step.id: StepResult("done") for step in plan.steps})
    return operation.id


def test_an_upgrade_with_nothing_to_decide_is_planned_from_its_review(homeport: Homeport) -> None:
    older(homeport, logging={"level": "debug"})
    review = homeport.review_upgrade("radicale-1")
    newest = homeport.package("radicale").release().version
    assert review.ready
    plan = homeport.plan_reviewed("radicale-1", review)
    assert (plan.intent, plan.release) == (Intent.UPGRADE, newest)
    assert plan.values == {"logging": {"level": "debug"}}
    assert plan.rollback is not None
    assert plan.rollback.release == OLD
    homeport.apply(plan, plan.hash)


def test_what_a_person_must_decide_is_named_and_nothing_is_planned(homeport: Homeport) -> None:
    older(homeport, auth=TWO_WAYS)
    review = homeport.review_upgrade("radicale-1")
    with pytest.raises(InvalidInput) as raised:
        homeport.plan_reviewed("radicale-1", review)
    assert "auth.ldap_use_ssl" in raised.value.why
    assert "--answers" in raised.value.do


def test_what_leaves_is_in_the_plan_for_the_archive(homeport: Homeport) -> None:
    older(homeport, auth=TWO_WAYS)
    review = homeport.review_upgrade("radicale-1")
    for key in review.queue:
        review.decide(key, Verb.OUT)
    plan = homeport.plan_reviewed("radicale-1", review)
    archived = [step.args["values"] for step in plan.steps if step.id == "values.archive"]
    assert archived == [{"auth.ldap_use_ssl": True}]


def test_a_secret_stays_where_it_is_kept_over_an_upgrade(homeport: Homeport) -> None:
    older(homeport, auth={"type": "ldap", "ldap_secret": "canary-Pw"})
    review = homeport.review_upgrade("radicale-1")
    for key in review.queue:
        review.decide(key, Verb.KEEP)
    plan = homeport.plan_reviewed("radicale-1", review)
    assert "canary-Pw" not in plan.model_dump_json()
    assert plan.values["auth"]["ldap_secret"].startswith("secret:")
    homeport.apply(plan, plan.hash)


def test_an_approved_upgrade_is_refused_once_the_deployment_is_another(
    homeport: Homeport,
) -> None:
    older(homeport)
    plan = homeport.plan_upgrade("radicale-1", {})
    changed = homeport.plan_reconfigure("radicale-1", {"auth": {"realm": "Mine"}})
    finish(homeport, homeport.apply(changed, changed.hash).id)
    with pytest.raises(PlanChanged):
        homeport.apply(plan, plan.hash)


def test_only_a_newer_release_of_the_catalog_is_an_upgrade(homeport: Homeport) -> None:
    deployed(homeport)
    with pytest.raises(InvalidInput):
        homeport.review_upgrade("radicale-1")
    with pytest.raises(InvalidInput):
        homeport.plan_upgrade("radicale-1", {}, OLD)
    with pytest.raises(NotFound):
        homeport.plan_upgrade("radicale-1", {}, "99")
    assert homeport.outdated() == []


def test_a_roll_back_leads_to_the_values_and_the_capture_of_the_upgrade(
    homeport: Homeport,
) -> None:
    older(homeport, logging={"level": "debug"})
    with pytest.raises(InvalidInput, match="never upgraded"):
        homeport.plan_rollback("radicale-1")
    operation = upgraded(homeport, {})
    plan = homeport.plan_rollback("radicale-1")
    assert (plan.intent, plan.release) == (Intent.ROLLBACK, OLD)
    assert plan.values == {"logging": {"level": "debug"}}
    restored = next(step for step in plan.steps if step.kind == "state.restore@1")
    assert restored.args["operation"] == operation
    back = homeport.apply(plan, plan.hash)
    homeport._inventory.operations.end(back.id, OperationStatus.SUCCEEDED)
    with pytest.raises(InvalidInput, match="already"):
        homeport.plan_rollback("radicale-1")


def test_destroying_forgets_what_was_kept(homeport: Homeport) -> None:
    older(homeport)
    operation = upgraded(homeport, {})
    plan = homeport.plan_destroy("radicale-1")
    assert plan.steps[-1].args == {"captures": [f"{operation}.before"]}


def test_outdated_is_the_same_when_another_process_finds_it(here: Homeport) -> None:
    older(here, logging={"level": "debug"})
    assert here.outdated(aside=True) == here.outdated() != []


def test_values_without_a_deployment_are_reviewed_too(homeport: Homeport) -> None:
    newest = homeport.package("radicale").release().version
    review = homeport.review_values("radicale", OLD, newest, {"logging": {"level": "debug"}})
    assert review.ready
    assert review.document() == {"logging": {"level": "debug"}}
    with pytest.raises(InvalidInput, match="no upgrade"):
        homeport.review_values("radicale", newest, OLD, {})


def test_answers_prepared_in_a_file_decide_an_upgrade(
    here: Homeport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older(here, logging={"level": "debug"})
    answers = tmp_path / "answers.yaml"
    answers.write_text("answers: [{option: logging.level, do: set, value: info}]")
    assert main(["upgrade", "radicale-1", "--plan", "--answers", str(answers)]) == 0
    assert "logging.level: debug -> info" in capsys.readouterr().out
    assert main(["upgrade", "radicale-1", "--plan", "--answers", str(tmp_path / "none")]) == 2


def test_outdated_says_how_far_behind_and_what_needs_a_person(homeport: Homeport) -> None:
    older(homeport)
    [found] = homeport.outdated()
    package = homeport.package("radicale")
    assert found.deployment.name == "radicale-1"
    assert found.release == package.release().version
    assert found.releases == [r.version for r in package.releases].index(OLD)
    assert found.changed > 10
    assert found.attention == ()


@pytest.fixture
def here(homeport: Homeport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Homeport:
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path))
    return homeport


def test_commands_show_what_happens_and_change_nothing_by_themselves(
    here: Homeport, capsys: pytest.CaptureFixture[str]
) -> None:
    older(here, logging={"level": "debug"})
    assert main(["outdated"]) == 0
    assert "radicale-1" in capsys.readouterr().out
    assert main(["outdated", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["release"] == OLD
    assert main(["upgrade", "radicale-1", "--plan"]) == 0
    said = capsys.readouterr().out
    assert f"upgrade radicale {OLD} -> " in said
    assert "~ Start it; it migrates its data" in said
    assert main(["upgrade", "radicale-1", "--plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"]["intent"] == "upgrade"
    assert main(["rollback", "radicale-1", "--plan"]) == 2
    assert "never upgraded" in capsys.readouterr().err
    assert here.deployment("radicale-1").deployment.release == OLD


def test_the_ledger_goes_out_and_comes_in(
    here: Homeport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = {
        "application": "radicale", "old_release": OLD, "new_release": "3.9.0",
        "old": "auth.old_name", "new": "auth.new_name", "same": True, "by": "kim",
    }  # fmt: skip
    file = tmp_path / "ledger.yaml"
    file.write_text(yaml.safe_dump({"format": 1, "identities": [record]}))
    assert main(["identity", "import", str(file)]) == 0
    assert "1 of 1" in capsys.readouterr().out
    assert main(["identity", "import", str(file)]) == 0
    assert "0 of 1" in capsys.readouterr().out
    out = tmp_path / "out.yaml"
    assert main(["identity", "export", "radicale", "-o", str(out)]) == 0
    assert Ledger.from_data(yaml.safe_load(out.read_text())) == here.ledger("radicale")
    capsys.readouterr()
    assert main(["identity", "export", "radicale", "--contribution"]) == 0
    contributed = yaml.safe_load(capsys.readouterr().out)
    assert contributed["migrations"][0]["changes"] == [
        {"rename": {"from": "auth.old_name", "to": "auth.new_name"}}
    ]
    file.write_text("no ledger")
    assert main(["identity", "import", str(file)]) == 2


def test_a_configuration_of_somebody_else_keeps_what_homeport_would_decide(
    homeport: Homeport,
) -> None:
    values = {
        "server_name": "example.org",
        "database": {"name": "psycopg2", "args": {"user": "ann", "password": "canary-Pw"}},
        "report_stats": "no",  # as older YAML, which Synapse reads, spells it
    }
    review = homeport.review_values("synapse", "1.114.0", "1.163.2", values)
    assert review.ready
    assert review.document() == values | {"report_stats": False}
    shown = " ".join(f"{row.yours} {row.text}" for row in review.rows())
    assert "ann" in shown
    assert "canary-Pw" not in shown
