"""What plans say of databases, buckets and mail accounts on servers of the provider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.catalog.package import ConfigFile, Needs
from engine.errors import InvalidInput
from engine.model.plan import Effect
from engine.model.provider import BackendProfile, Service
from engine.planning.deploy import plan_deploy
from engine.planning.desired import Desired
from engine.planning.destroy import plan_destroy
from engine.planning.reconfigure import plan_reconfigure
from engine.planning.services import database_name, is_of_server, refuse_move, served_component
from tests.unit.step_context import PACKAGE, PROVIDER


def desired(needs: dict[str, Any], kind: str = "postgresql", **package: Any) -> Desired:
    server = BackendProfile(kind=kind, settings={"host": "db.home.lab"})
    s3 = BackendProfile(kind="s3", settings={"endpoint": "https://s3.home.lab"})
    mail = BackendProfile(kind="dovecot", settings={"host": "mail.home.lab"})
    backends = {
        **PROVIDER.backends,
        Service.DATABASES: server,
        Service.BUCKETS: s3,
        Service.MAIL: mail,
    }
    changed = PACKAGE.model_copy(update={"needs": Needs(**needs), **package})
    return Desired(
        deployment="ab12cd34",
        name="app",
        domain="app.home.lab",
        package=changed,
        release=changed.release(),
        provider=PROVIDER.model_copy(update={"backends": backends}),
        values={},
    )


def test_a_database_is_made_before_it_is_needed_and_dropped_after_the_guest() -> None:
    wanted = desired({"components": ["postgresql"]})
    steps = {step.id: step for step in plan_deploy(wanted, {}).steps}
    assert "db.home.lab" in steps["databases.ensure"].subject
    assert "databases.ensure" in steps["components.install"].after
    assert "PostgreSQL client" in steps["components.install"].subject
    gone = {step.id: step for step in plan_destroy(wanted, ()).steps}
    assert gone["databases.drop"].effect is Effect.DELETE
    assert database_name(wanted) in gone["databases.drop"].subject
    assert gone["databases.drop"].after == ("guest.destroy",)
    assert "databases.drop" in gone["deployment.forget"].after or (
        "databases.drop" in gone["secrets.remove"].after
    )


def test_an_application_that_does_not_prove_the_server_is_warned_of() -> None:
    wanted = desired({"components": ["postgresql"]})
    assert any("may be read" in text for text in plan_deploy(wanted, {}).warnings)


def test_what_a_server_is_not_stays_on_the_guest() -> None:
    assert served_component(desired({"components": ["redis"]})) == ""
    assert served_component(desired({"components": ["mariadb"]}, "mariadb")) == "mariadb"
    assert served_component(desired({"components": ["mariadb"]})) == ""


def test_what_servers_know_an_application_by_is_told_apart() -> None:
    needs = {"components": ["redis"], "bucket": True, "mail": True}
    names = ("redis-password", "s3-access-key", "s3-secret-key", "smtp-password")
    served, alone = desired(needs).package, desired({}).package
    assert all(is_of_server(served, name) for name in names)
    assert not any(is_of_server(alone, name) for name in names)
    assert not is_of_server(served, "admin-password")


def test_two_providers_on_one_server_have_two_names_that_fit_anywhere() -> None:
    here = desired({"components": ["postgresql"]})
    there = replace(here, provider=here.provider.model_copy(update={"name": "away"}))
    assert database_name(here) != database_name(there)
    long = replace(here, package=here.package.model_copy(update={"id": "a" * 31}))
    assert len(database_name(long)) <= 40


def test_a_bucket_needs_a_server_and_moves_where_both_make_keys() -> None:
    wanted = desired({"bucket": True})
    assert any(step.kind == "buckets.ensure@1" for step in plan_deploy(wanted, {}).steps)
    assert any(step.kind == "buckets.drop@1" for step in plan_destroy(wanted, ()).steps)
    with pytest.raises(InvalidInput, match="has no S3 server"):
        plan_deploy(replace(wanted, provider=PROVIDER), {})
    package, with_keys = wanted.package, wanted.provider
    static = with_keys.model_copy(
        update={
            "backends": {Service.BUCKETS: BackendProfile(kind="s3", settings={"keys": "static"})}
        }
    )
    refuse_move(package, with_keys, with_keys)
    refuse_move(desired({}).package, static, PROVIDER)
    for sides, why in (
        ((with_keys, PROVIDER), "has no S3 server"),
        ((with_keys, static), "cannot move"),
        ((static, with_keys), "cannot move"),
    ):
        with pytest.raises(InvalidInput, match=why):
            refuse_move(package, *sides)


def test_an_account_to_send_by_is_made_where_there_is_a_server_and_none_of_the_users() -> None:
    file = ConfigFile(path="{config}/app.yaml", format="yaml", relay={"mail.host": "{smtp.host}"})
    wanted = desired({"mail": True}, config=(file,))
    steps = {step.id: step for step in plan_deploy(wanted, {}).steps}
    assert "mail.home.lab" in steps["mail.ensure"].subject
    assert "mail.ensure" in steps["components.install"].after
    gone = {step.id: step for step in plan_destroy(wanted, ()).steps}
    assert gone["mail.drop"].effect is Effect.DELETE
    assert gone["mail.drop"].after == ("guest.destroy",)
    for other in (
        replace(wanted, provider=PROVIDER),
        replace(wanted, values={"mail": {"host": "mail.elsewhere"}}),
        desired({}),
    ):
        kinds = [
            step.kind for step in (*plan_deploy(other, {}).steps, *plan_destroy(other, ()).steps)
        ]
        assert not [kind for kind in kinds if kind.startswith("mail.")]


def test_an_account_is_made_when_the_users_own_server_is_given_up() -> None:
    file = ConfigFile(path="{config}/app.yaml", format="yaml", relay={"mail.host": "{smtp.host}"})
    wanted = desired({"mail": True}, config=(file,))
    own = {"mail": {"host": "mail.elsewhere"}}
    schema = {"properties": {"mail": {"properties": {"host": {"type": "string"}}}}}
    steps = {step.id: step for step in plan_reconfigure(wanted, own, schema).steps}
    assert steps["app.configure"].after == ("mail.ensure",)
    back = plan_reconfigure(replace(wanted, values=own), {}, schema)
    assert "mail.ensure" not in {step.id for step in back.steps}
