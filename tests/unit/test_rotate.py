"""Plans for other passwords and keys, and the steps that store them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from engine.backends.protocols import BucketKey
from engine.catalog.load import Catalog
from engine.catalog.package import S3_SECRETS, SMTP_SECRET, SecretSpec
from engine.errors import InvalidInput, NotFound
from engine.model.deployment import Resource, ResourceKind
from engine.operations.registry import handler
from engine.paths import Paths
from engine.planning.rotate import plan_rotate, renewed_by
from tests.unit.step_context import Context, planned
from tests.unit.test_planning_services import desired

PREFIX = "deployments/ab12cd34"


def owned(kind: ResourceKind, key: str, name: str) -> Resource:
    return Resource(
        deployment="ab12cd34",
        provider="test",
        kind=kind,
        key=key,
        external_id=name,
        attributes={},
        created=datetime(2026, 11, 27, tzinfo=UTC),
    )


def synapse(component: str = "postgresql") -> Any:
    package = Catalog.open(Paths.from_environment()).package("synapse")
    return replace(desired({"components": [component]}), package=package, release=package.release())


def test_what_can_be_changed_is_and_of_the_rest_the_plan_says_why() -> None:
    plan = plan_rotate(synapse(), [])
    assert renewed_by(plan) == ("postgresql-password", "redis-password", "registration-secret")
    told = " ".join(plan.warnings)
    for left in ("signing-key", "macaroon-secret", "form-secret", "admin-password"):
        assert left in told
    assert "identity" in told
    # On the guest, and the running application has no dead password before its restart.
    assert [step.id for step in plan.steps] == [
        *("preflight", "secrets.renew", "app.configure", "components.install", "app.start"),
        *("accounts.ensure", "app.health", "secrets.forget-old"),
    ]
    assert plan.rollback is not None
    assert [step.id for step in plan.rollback.steps] == [
        *("back.secrets.take-back", "back.app.configure", "back.components.install"),
        *("back.app.start", "back.accounts.ensure", "back.app.health", "back.secrets.forget-old"),
    ]
    assert (plan.rollback_from, plan.no_return) == ("secrets.renew", "app.health")


def test_a_server_of_the_provider_is_told_where_the_database_is_on_it() -> None:
    there = owned(ResourceKind.DATABASE, "postgresql", "hp_synapse_x")
    plan = plan_rotate(synapse(), [there], ["postgresql-password"])
    steps = {step.id: step for step in plan.steps}
    assert steps["databases.ensure"].args == {"component": "postgresql", "name": "hp_synapse_x"}
    assert "components.install" not in steps
    elsewhere = there.model_copy(update={"provider": "away"})
    assert "components.install" in {s.id for s in plan_rotate(synapse(), [elsewhere]).steps}


def test_the_mail_server_is_told_where_the_deployment_sends_by_it() -> None:
    account = owned(ResourceKind.MAILBOX, "main", "hp-synapse@home.lab")
    plan = plan_rotate(synapse(), [account], [SMTP_SECRET])
    assert [step.id for step in plan.steps] == [
        *("preflight", "secrets.renew", "app.configure", "mail.ensure", "app.start"),
        *("accounts.ensure", "app.health", "secrets.forget-old"),
    ]
    assert plan.rollback is not None
    assert "back.mail.ensure" in [step.id for step in plan.rollback.steps]
    with pytest.raises(InvalidInput, match="not changed"):
        plan_rotate(synapse(), [], [SMTP_SECRET])


def test_what_stays_as_it_is_and_what_there_is_not_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidInput, match="not changed") as stays:
        plan_rotate(synapse(), [], ["signing-key"])
    assert "identity" in stays.value.why
    with pytest.raises(NotFound) as unknown:
        plan_rotate(synapse(), [], ["option.turn_shared_secret"])
    assert "homeport configure" in unknown.value.do


def shelf(keys: str) -> Any:
    secrets = {name: SecretSpec() for name in S3_SECRETS}
    wanted = desired({"bucket": True}, secrets=secrets, accounts=())
    backends = {
        service: backend.model_copy(update={"settings": {**backend.settings, "keys": keys}})
        for service, backend in wanted.provider.backends.items()
    }
    return replace(wanted, provider=wanted.provider.model_copy(update={"backends": backends}))


def test_a_second_key_is_made_and_the_old_one_removed_last_of_all() -> None:
    bucket = owned(ResourceKind.BUCKET, "main", "hp-shelf-x")
    plan = plan_rotate(shelf("aws-iam"), [bucket], [S3_SECRETS[0]])
    assert renewed_by(plan) == S3_SECRETS
    kinds = [step.kind for step in plan.steps]
    order = ["buckets.renew@1", "app.configure@1", "app.start@1", "app.health@1"]
    assert [kind for kind in kinds if kind in order] == order
    assert [step.kind for step in plan.deletes] == ["buckets.ensure@1", "secrets.forget-old@1"]
    assert all("hp-shelf-x" in s.subject for s in plan.steps if s.kind.startswith("buckets."))
    with pytest.raises(InvalidInput, match="no secret that could be changed") as refused:
        plan_rotate(shelf("static"), [bucket])
    assert "makes no keys" in refused.value.why


def do(context: Any, kind: str) -> Any:
    return handler(kind)(context.about(kind))


def test_a_value_is_made_once_in_an_operation_and_the_old_one_comes_back() -> None:
    names = {"names": ["admin-password"]}
    context: Any = Context(
        planned(
            ("secrets.renew@1", names), ("secrets.take-back@1", names), ("secrets.forget-old@1", {})
        )
    )
    context.operation_id = "op-1"
    values, path = context.backends.secrets.values, f"{PREFIX}/admin-password"
    values[path] = "old"
    values[f"{PREFIX}/before/op-0/admin-password"] = "left by an operation that was given up"
    do(context, "secrets.take-back@1")
    assert values[path] == "old"
    do(context, "secrets.renew@1")
    new = values[path]
    assert new != "old"
    do(context, "secrets.renew@1")  # killed before it was recorded
    assert values[path] == new
    assert do(context, "secrets.take-back@1").changed
    assert not do(context, "secrets.take-back@1").changed
    assert values[path] == "old"
    do(context, "secrets.forget-old@1")
    assert values == {path: "old"}


def test_a_key_of_which_only_one_half_was_stored_is_made_once_more() -> None:
    context: Any = Context(planned(("buckets.renew@1", {"name": "hp-shelf-x"})))
    context.operation_id = "op-1"
    made: list[BucketKey] = []

    def renew(owner: str, name: str, held: BucketKey) -> BucketKey:
        assert held == BucketKey("a0", "s0")
        made.append(BucketKey(f"a{len(made) + 1}", f"s{len(made) + 1}"))
        return made[-1]

    context.backends.buckets = SimpleNamespace(renew=renew)
    access, secret = (f"{PREFIX}/{name}" for name in S3_SECRETS)
    context.backends.secrets.values |= {access: "a0", secret: "s0"}
    do(context, "buckets.renew@1")
    context.backends.secrets.values[secret] = "s0"  # killed between the two
    do(context, "buckets.renew@1")
    do(context, "buckets.renew@1")
    assert len(made) == 2
    assert context.backends.secrets.values[access] == "a2"
    assert context.backends.secrets.values[secret] == "s2"
