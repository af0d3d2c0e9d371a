"""Plans: what is in them, that they are the same for the same wish, and what is refused."""

from __future__ import annotations

import hashlib
import json
import string
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.package import (
    AccountSpec,
    HealthProbe,
    Needs,
    Note,
    Package,
    Release,
    SecretSpec,
    ServiceSpec,
)
from engine.errors import Conflict, InvalidInput
from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Change, Effect, Intent, Plan
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.operations.interpreter import sorted_graph
from engine.planning.changes import document_changes
from engine.planning.deploy import plan_deploy
from engine.planning.desired import Desired, deployment_id
from engine.planning.destroy import plan_destroy
from engine.planning.names import check_account, check_domain, check_name, default_name
from engine.planning.reconfigure import plan_reconfigure

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "server": {
            "type": "object",
            "properties": {
                "port": {"type": "integer", "default": 80},
                "title": {"type": ["string", "null"], "x-restart": False},
                "password": {"type": "string", "x-secret": True},
            },
        },
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def package(**changes: Any) -> Package:
    fields: dict[str, Any] = {
        "id": "toy",
        "name": "Toy",
        "summary": "A toy.",
        "homepage": "https://toy.example",
        "licence": "MIT",
        "needs": Needs(cores=2, memory_mib=1024, disk_gib=8, components=("postgresql",)),
        "secrets": {"admin-password": SecretSpec(title="Password")},
        "config": (),
        "service": ServiceSpec(exec=("toy",), port=8000),
        "health": (HealthProbe(),),
        "accounts": (AccountSpec(kind="htpasswd"),),
        "state": (),
        "releases": (
            Release(version="2.0", pypi=("toy==2.0",), options="options.json"),
            Release(
                version="1.0",
                pypi=("toy==1.0",),
                options="options.json",
                notes=(Note(kind="security", text="It has a hole."),),
            ),
        ),
    }
    return Package.model_validate(fields | changes)


def desired(version: str = "2.0", network: str = "10.0.0.0/24", **changes: Any) -> Desired:
    toy = changes.pop("package", package())
    addresses = BackendProfile(kind="pool", settings={"network": network})
    fields: dict[str, Any] = {
        "deployment": "abcd1234",
        "name": "toy-1",
        "domain": "toy.home.example",
        "package": toy,
        "release": toy.release(version),
        "provider": ProviderProfile(
            name="home", zone="home.example", backends={Service.ADDRESSES: addresses}
        ),
        "values": {},
        "account": "admin",
    }
    return Desired(**fields | changes)


def outline(plan: Plan) -> list[str]:
    marks = {Effect.READ: " ", Effect.CREATE: "+", Effect.CHANGE: "~", Effect.DELETE: "-"}
    return [
        f"{marks[step.effect]} {step.kind} {step.subject} <- {' '.join(step.after)}".rstrip(" <-")
        for step in plan.steps
    ]


def test_deploy_plan() -> None:
    plan = plan_deploy(desired(), SCHEMA)
    assert outline(plan) == [
        "  preflight@1 home",
        "+ secrets.ensure@1 admin-password <- preflight",
        "+ address.allocate@1 from the pool of home <- preflight",
        "+ guest.ensure@1 toy-1: 2 cores, 1024 MiB, 8 GiB <- address.allocate secrets.ensure",
        "~ guest.start@1 guest toy-1 <- guest.ensure",
        "+ components.install@1 reverse proxy, PostgreSQL <- guest.start",
        "+ app.install@1 Toy 2.0 <- components.install",
        "+ app.configure@1 Toy 2.0 <- app.install",
        "~ app.start@1 Toy 2.0 <- app.configure",
        "+ accounts.ensure@1 account admin <- app.start",
        "+ certificate.issue@1 toy.home.example <- secrets.ensure",
        "+ app.publish@1 proxy for toy.home.example <- app.start certificate.issue",
        "+ dns.apply@1 A record toy.home.example <- app.publish",
        "  app.health@1 toy.home.example <- dns.apply accounts.ensure",
    ]
    args = {step.id: step.args for step in plan.steps}
    assert args["guest.ensure"] == {"cores": 2, "memory_mib": 1024, "disk_gib": 8}
    assert args["accounts.ensure"] == {"username": "admin"}
    record = {"name": "toy.home.example", "type": "A", "ttl": 300}
    assert args["dns.apply"] == {"records": [record]}


def test_deploy_plan_without_accounts_at_an_ipv6_provider() -> None:
    plan = plan_deploy(desired(network="fd00::/64", package=package(accounts=())), SCHEMA)
    steps = {step.id: step for step in plan.steps}
    assert "accounts.ensure" not in steps
    assert steps["dns.apply"].args["records"][0]["type"] == "AAAA"
    assert steps["app.health"].after == ("dns.apply",)


def test_an_old_release_is_warned_of() -> None:
    assert plan_deploy(desired("1.0"), SCHEMA).warnings == (
        "Toy 2.0 is newer than this release.",
        "It has a hole.",
    )


def test_reconfigure_plan() -> None:
    plan = plan_reconfigure(desired(values={"server": {"port": 81}}), {}, SCHEMA)
    assert plan.intent is Intent.RECONFIGURE
    assert outline(plan) == [
        "  preflight@1 home",
        "~ app.configure@1 Toy 2.0 <- preflight",
        "~ app.start@1 Toy 2.0 <- app.configure",
        "~ accounts.ensure@1 account admin <- app.start",
        "  app.health@1 toy.home.example <- accounts.ensure",
    ]
    assert plan.changes == (Change(path="server.port", old=None, new=81),)
    assert plan.warnings


def test_no_change_is_an_empty_plan() -> None:
    values = {"server": {"port": 81, "title": None}, "tags": {"a": "b"}}
    plan = plan_reconfigure(desired(values=values), values, SCHEMA)
    assert plan.is_empty
    assert plan.steps == ()


def test_an_unfinished_deployment_is_built_to_its_end_with_the_new_values() -> None:
    values = {"server": {"port": 81}}
    plan = plan_reconfigure(desired(values=values), {}, SCHEMA, is_built=False)
    assert plan.intent is Intent.DEPLOY
    assert plan.steps == plan_deploy(desired(values=values), SCHEMA).steps


def test_destroy_plan_names_all_that_goes() -> None:
    guest = Resource(
        deployment="abcd1234",
        provider="home",
        kind=ResourceKind.GUEST,
        key="main",
        external_id="9000",
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    plan = plan_destroy(desired(), [guest])
    assert outline(plan) == [
        "- dns.remove@1 A record toy.home.example",
        "- guest.destroy@1 guest toy-1 (9000) with all data on it <- dns.remove",
        "- address.release@1 address of toy-1 <- guest.destroy",
        "- certificate.remove@1 certificate and key for toy.home.example",
        "- secrets.remove@1 all secrets of toy-1 <- guest.destroy certificate.remove",
        "~ deployment.forget@1 deployment toy-1; its history is kept"
        " <- address.release secrets.remove",
    ]


def test_secrets_and_the_kinds_of_absence_in_changes() -> None:
    old = {"server": {"port": 80, "password": "secret:option.server.password"}}
    new = {"server": {"title": None, "password": "secret:option.server.password"}}
    changes = document_changes(SCHEMA, old, new, ["server.password"])
    assert changes == (
        Change(path="server.password", old="(secret)", new="(secret)"),
        Change(path="server.port", old=80, new=None),
        Change(path="server.title", old=None, new="(null)"),
    )


def test_true_is_not_one() -> None:
    assert document_changes(SCHEMA, {"tags": {"a": 1}}, {"tags": {"a": True}})
    assert not document_changes(SCHEMA, {"tags": {"a": 1}}, {"tags": {"a": 1.0}})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_document_does_not_differ_from_itself(value: Any) -> None:
    document = {"server": {"title": value}, "tags": {"a": value}}
    assert document_changes(SCHEMA, document, document) == ()


# hashes


def test_the_hash_is_for_ever() -> None:
    """Approvals are stored with operations: the hash of a plan must not depend on the program."""
    plan = plan_deploy(desired(values={"server": {"title": "Ä"}}), SCHEMA)
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again.hash == plan.hash
    bare = Plan(
        intent=Intent.DESTROY,
        deployment="abcd1234",
        name="toy",
        application="toy",
        release="1",
        provider="home",
        domain="toy.home.example",
    )
    assert bare.hash == "6f9b4532179bf28171e1f6b0e48e8364a0edfa656c5252de93f2a4ab19c98f69"


def test_a_plan_with_a_way_back_is_hashed_as_before_there_were_two_providers() -> None:
    plan = plan_deploy(desired(), SCHEMA)
    words = plan.model_dump(mode="json")
    for step in words["steps"]:
        del step["at"]
    for later in ("no_return", "rollback", "rollback_from", "forecast", "records"):
        del words[later]
    old = json.dumps(words, sort_keys=True, separators=(",", ":"))
    assert plan.hash == hashlib.sha256(old.encode()).hexdigest()
    elsewhere = [step.model_copy(update={"at": "away"}) for step in plan.steps]
    assert plan.model_copy(update={"steps": tuple(elsewhere)}).hash != plan.hash
    back = plan.model_copy(update={"rollback": plan, "rollback_from": "guest.start"})
    assert back.hash != back.model_copy(update={"no_return": "app.start"}).hash


@given(st.sampled_from(["name", "domain", "account"]), st.text(string.ascii_lowercase, min_size=1))
def test_every_difference_changes_the_hash(field: str, value: str) -> None:
    one = plan_deploy(desired(), SCHEMA)
    other = plan_deploy(desired(**{field: f"x{value}"}), SCHEMA)
    assert one.hash != other.hash


@given(st.text(max_size=20), st.integers(0, 10**6))
def test_deployment_ids_are_valid_and_repeatable(domain: str, count: int) -> None:
    made = deployment_id("inst1234", domain, count)
    assert made == deployment_id("inst1234", domain, count)
    assert len(made) == 8
    assert set(made) <= set(string.ascii_lowercase + string.digits)


def test_every_plan_can_be_put_in_order() -> None:
    for plan in (
        plan_deploy(desired(), SCHEMA),
        plan_reconfigure(desired(values={"server": {"port": 1}}), {}, SCHEMA),
        plan_destroy(desired(), []),
    ):
        sorted_graph(plan.steps)


# names


HOSTILE = [
    "",
    "-x",
    "x-",
    "a b",
    "a;reboot",
    "$(reboot)",
    "`id`",
    "a\nb",
    "a\x00b",
    "../etc",
    "a/b",
    "a'b",
    'a"b',
    "a%b",
    "{root}",
    "\x1b[2J",
    "Ⓐ",
    "a" * 300,
    "*",
    "_x",
    "a..b",
    ".",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_name(text, ())
    assert refused.value.do
    assert refused.value.why.isprintable()
    with pytest.raises(InvalidInput):
        check_account(text)


@pytest.mark.parametrize("text", [t for t in HOSTILE if t not in ("Ⓐ",)])
def test_hostile_domains_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_domain(f"{text}.home.example" if text else "", "home.example", ())
    assert refused.value.why.isprintable()


@given(st.text(max_size=80))
def test_an_accepted_domain_is_safe_and_inside_the_zone(text: str) -> None:
    try:
        domain = check_domain(text, "home.example", ())
    except InvalidInput:
        return
    assert domain.endswith(".home.example")
    assert set(domain) <= set(string.ascii_lowercase + string.digits + "-.")
    assert all(0 < len(label) <= 63 for label in domain.split("."))
    assert check_domain(domain, "home.example", ()) == domain


@given(st.text(max_size=80))
def test_an_accepted_name_is_a_label(text: str) -> None:
    try:
        assert check_name(text, ()) == text
    except InvalidInput:
        return
    assert set(text) <= set(string.ascii_lowercase + string.digits + "-")


def test_domains_are_brought_to_the_form_of_the_zone() -> None:
    assert check_domain("Cal.Home.Example.", "home.example", ()) == "cal.home.example"
    assert check_domain("cal", "home.example", ()) == "cal.home.example"
    assert check_domain("bücher.home.example", "home.example", ()) == "xn--bcher-kva.home.example"
    for outside in ("home.example", "cal.elsewhere.example", "calhome.example"):
        with pytest.raises(InvalidInput, match="domain"):
            check_domain(outside, "home.example", ())


def test_taken_names_are_refused_and_skipped() -> None:
    assert default_name("toy", {"toy-1", "toy-2"}) == "toy-3"
    assert len(default_name("x" * 40, ())) <= 31
    with pytest.raises(Conflict):
        check_name("toy-1", {"toy-1"})
    with pytest.raises(Conflict):
        check_domain("cal.home.example", "home.example", {"cal.home.example"})
