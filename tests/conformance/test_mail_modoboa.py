"""What is particular to a mail server whose accounts Modoboa keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.backends.mail.modoboa.rights import set_up_commands
from engine.backends.protocols import Mail
from engine.backends.tls import shown_fingerprint
from engine.errors import (
    Conflict,
    Denied,
    InvalidInput,
    NoCapacity,
    NotFound,
    NotReady,
    RemoteFailure,
    Unreachable,
)
from engine.model.provider import Check, CheckStatus
from tests.conformance.dns_worlds import free_port
from tests.conformance.mail_world import DOMAIN, MASTER, new_password
from tests.conformance.modoboa_world import OTHER_DOMAIN, ModoboaWorld, modoboa_world
from tests.conformance.openbao_world import make_tls
from tests.conformance.opened_mail import NAME, OWNER, opened_for

pytestmark = [pytest.mark.integration, pytest.mark.real]

ADA = f"ada@{DOMAIN}"
PASSWORD = "Canary-0123456789"


@pytest.fixture(scope="module")
def world() -> Iterator[ModoboaWorld]:
    with modoboa_world() as started:
        yield started


@pytest.fixture
def service(world: ModoboaWorld) -> Iterator[Mail]:
    """Leaves the server as it was found, whatever the test did by this owner."""
    before = world.seen()
    opened = opened_for(world)
    yield opened
    opened.drop(OWNER)
    assert world.seen() == before


def execute(world: ModoboaWorld, statement: str, *values: str | int) -> None:
    """What somebody does by Modoboa's own interface, or another administrator."""
    with closing(sqlite3.connect(world.directory / "modoboa/modoboa.db", 60)) as database:
        database.execute(statement, values)
        database.commit()


def failed(service: Mail) -> list[Check]:
    return [line for line in service.check() if line.status is CheckStatus.FAIL]


def test_an_administrator_of_the_domain_is_enough(world: ModoboaWorld, service: Mail) -> None:
    assert failed(service) == []
    role = "SELECT g.name FROM auth_group g JOIN core_user_groups ug ON ug.group_id = g.id JOIN "
    role += "core_user u ON u.id = ug.user_id WHERE u.username = 'homeport'"
    assert world.rows(role) == [("DomainAdmins",)]
    assert world.in_shell(set_up_commands(DOMAIN)) == world.token
    assert failed(service) == []


def test_what_was_changed_of_ours_is_put_right(world: ModoboaWorld, service: Mail) -> None:
    service.ensure_mailbox(OWNER, ADA, PASSWORD, quota_mib=50)
    service.ensure_alias(OWNER, f"post@{DOMAIN}", [ADA, MASTER])
    made = world.seen()
    for spoiled in (
        "UPDATE core_user SET is_active = 0 WHERE username = 'ada@test.lab'",
        "UPDATE admin_mailbox SET quota = 7 WHERE address = 'ada'",
        "UPDATE admin_mailbox SET is_send_only = 1 WHERE address = 'ada'",
    ):
        execute(world, spoiled)
        assert service.ensure_mailbox(OWNER, ADA, PASSWORD, quota_mib=50)
        assert not service.ensure_mailbox(OWNER, ADA, PASSWORD, quota_mib=50)
    execute(world, "UPDATE admin_alias SET enabled = 0 WHERE address = 'post@test.lab'")
    assert service.ensure_alias(OWNER, f"post@{DOMAIN}", [ADA, MASTER])
    assert service.ensure_alias(OWNER, f"post@{DOMAIN}", [ADA])
    assert service.ensure_alias(OWNER, f"post@{DOMAIN}", [ADA, MASTER])

    def shown(rows: list[object]) -> list[str]:
        return [str(row) for row in rows if "{SHA512" not in str(row)]

    assert shown(world.seen()) == shown(made)


def test_an_account_that_its_user_gave_a_name_is_theirs(world: ModoboaWorld, service: Mail) -> None:
    service.ensure_mailbox(OWNER, ADA, PASSWORD)
    named = "UPDATE core_user SET first_name = ?, last_name = ? WHERE username = ?"
    execute(world, named, "Ada", "L.", ADA)
    try:
        assert service.find(OWNER) == ()
        assert not service.drop(OWNER)
        with pytest.raises(Conflict, match="not this deployment's"):
            service.ensure_mailbox(OWNER, ADA, PASSWORD)
    finally:
        execute(world, named, "homeport:", f"{OWNER} at home", ADA)


def test_mail_stays_where_modoboa_removes_it_with_its_mailbox(
    world: ModoboaWorld, service: Mail
) -> None:
    service.ensure_mailbox(OWNER, ADA, PASSWORD)
    parameters = {"custom_dns_server": "", "dkim_keys_storage_dir": ""}
    world.owner_asks("PUT", "parameters/global/admin/", parameters | {"handle_mailboxes": True})
    try:
        assert service.drop(OWNER)
        assert world.rows("SELECT type, argument FROM admin_mailboxoperation") == []
    finally:
        world.owner_asks("PUT", "parameters/global/admin/", parameters)


@pytest.mark.parametrize("kept", ["accounts", "aliases"])
def test_what_is_not_shown_to_homeport_is_not_taken_over_either(
    world: ModoboaWorld, service: Mail, kept: str
) -> None:
    """Another administrator of the domain made it."""
    [(last,)] = world.rows("SELECT max(id) FROM core_objectaccess")
    [(own,)] = world.rows("SELECT id FROM core_user WHERE username = 'homeport'")
    with world.anothers(kept, ADA):
        hide = "DELETE FROM core_objectaccess WHERE user_id = ? AND id > ?"
        execute(world, hide, own, last)
        for attempt in (
            lambda: service.ensure_mailbox(OWNER, ADA, PASSWORD),
            lambda: service.ensure_alias(OWNER, ADA, [MASTER]),
        ):
            with pytest.raises(Conflict, match="not this deployment's"):
                attempt()


def test_what_modoboa_does_not_take_is_said(world: ModoboaWorld, service: Mail) -> None:
    with pytest.raises(InvalidInput, match="at least 1 uppercase letter") as weak:
        service.ensure_mailbox(OWNER, ADA, "canary-0123456789")
    assert "canary" not in str(weak.value.describe())

    limits = "UPDATE limits_userobjectlimit SET max_value = ?"
    execute(world, limits, 0)
    try:
        with pytest.raises(NoCapacity, match="limit reached"):
            service.ensure_mailbox(OWNER, ADA, PASSWORD)
        [line] = failed(service)
        assert "limit reached" in line.found
        assert "max_value=-1" in line.do
    finally:
        execute(world, limits, -1)

    nobody = opened_for(world, returns_to=f"nobody@{DOMAIN}")
    with pytest.raises(NotFound, match=f"Local recipient nobody@{DOMAIN} not found"):
        nobody.ensure_relay(OWNER, NAME, PASSWORD)
    assert nobody.find(OWNER) == ()
    [line] = failed(nobody)
    assert line.title == "Who gets what returns"
    assert failed(opened_for(world, returns_to="ada@example.org")) == []


def test_missing_rights_are_named(world: ModoboaWorld, service: Mail) -> None:
    unknown = opened_for(world, secret="0" * 40)
    with pytest.raises(Denied, match="does not accept") as refused:
        unknown.find(OWNER)
    assert "Token.objects" in refused.value.do

    theirs = opened_for(world, domain=OTHER_DOMAIN)
    with pytest.raises(Denied, match=f"has to administrate the domain {OTHER_DOMAIN}"):
        theirs.ensure_relay(OWNER, NAME, PASSWORD)
    assert theirs.find(OWNER) == ()
    with pytest.raises(NotReady, match="no such domain"):
        service.ensure_mailbox(OWNER, "ada@nowhere.lab", PASSWORD)

    role = "UPDATE core_user_groups SET group_id = (SELECT id FROM auth_group WHERE name = ?) "
    role += "WHERE user_id = (SELECT id FROM core_user WHERE username = 'homeport')"
    execute(world, role, "SimpleUsers")
    try:
        with pytest.raises(Denied, match="denies this") as denied:
            service.ensure_alias(OWNER, ADA, [MASTER])
        assert "add_admin" in denied.value.do
        found = [line.title for line in failed(service)]
        assert found == ["Modoboa denies this to Homeport's account"]
    finally:
        execute(world, role, "DomainAdmins")


def test_a_modoboa_that_is_away_or_another_is_told_apart(
    world: ModoboaWorld, service: Mail, tmp_path: Path
) -> None:
    with pytest.raises(Denied, match="cannot prove"):
        opened_for(world, ca_pem=make_tls(tmp_path)).find(OWNER)
    own = shown_fingerprint(f"{world.host}:{world.web_port}", 10)
    assert opened_for(world, ca_pem="", fingerprint=own).find(OWNER) == ()
    with pytest.raises(Denied, match="cannot prove"):
        opened_for(world, ca_pem="", fingerprint=own[:-2] + "00").find(OWNER)
    with pytest.raises(Unreachable, match="no connection"):
        opened_for(world, url=f"https://{world.host}:{free_port()}").find(OWNER)
    with pytest.raises(RemoteFailure, match="not one of Modoboa"):
        opened_for(world, url=f"{world.url}/somewhere").find(OWNER)
    world.stop_web()
    try:
        with pytest.raises(Unreachable):
            service.ensure_relay(OWNER, NAME, PASSWORD)
        assert [line.title for line in failed(service)] == ["Modoboa cannot be reached"]
    finally:
        world.start_web()


def test_nobody_answers_where_mail_is_sent_and_accounts_are_made_all_the_same(
    world: ModoboaWorld, service: Mail
) -> None:
    password = new_password()
    world.stop()
    try:
        assert service.ensure_relay(OWNER, NAME, password)
        assert service.ensure_relay(OWNER, NAME, password)  # it may have been another password
    finally:
        world.start()
    assert not service.ensure_relay(OWNER, NAME, password)
