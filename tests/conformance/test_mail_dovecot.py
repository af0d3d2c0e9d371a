"""What is particular to a mail server whose accounts lie in files that Homeport writes by SSH."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.protocols import Mail
from engine.errors import (
    Conflict,
    Denied,
    HostKeyMismatch,
    InvalidInput,
    NotFound,
    RemoteFailure,
    Unreachable,
)
from engine.model.provider import CheckStatus
from tests.conformance.dns_worlds import HOST, ZONE, DnsWorld, bind, free_port
from tests.conformance.mail_world import DOMAIN, FILES, TAKEN, MailWorld, mail_world, new_password
from tests.conformance.openbao_world import make_tls
from tests.conformance.opened_mail import NAME, OWNER, opened_for

pytestmark = [pytest.mark.integration, pytest.mark.real]

ADA = f"ada@{DOMAIN}"


@pytest.fixture(scope="module")
def world() -> Iterator[MailWorld]:
    with mail_world() as started:
        yield started


@pytest.fixture
def service(world: MailWorld) -> Iterator[Mail]:
    """Leaves the server as it was found, whatever the test did by this owner, and nothing lies
    beside the files."""
    before = world.seen()
    opened = opened_for(world)
    yield opened
    opened.drop(OWNER)
    assert world.seen() == before
    found = sorted(path.name for path in world.own.iterdir())
    assert found == sorted([*FILES, "mailboxes.db", "aliases.db"])


def test_an_address_in_a_map_of_the_owners_is_never_taken_over(service: Mail) -> None:
    with pytest.raises(Conflict, match=r"it is in hash:.*/others"):
        service.ensure_mailbox(OWNER, TAKEN, "x" * 20)


def test_what_was_half_made_is_finished(world: MailWorld, service: Mail) -> None:
    """A kill came between two files, and before Postfix was told."""
    before, password = world.seen(), new_password()
    service.ensure_mailbox(OWNER, ADA, password)
    whole = world.seen()
    (world.own / "mailboxes.db").unlink()
    (world.own / "users").write_text(before["users"])
    assert service.ensure_mailbox(OWNER, ADA, password)
    assert {name: len(text) for name, text in world.seen().items()} == {
        name: len(text) for name, text in whole.items()
    }
    assert (world.own / "mailboxes.db").exists()


def test_missing_rights_and_files_are_named(world: MailWorld, service: Mail) -> None:
    before = world.own.stat()
    os.chown(world.own, 0, 0)
    try:
        with pytest.raises(Denied) as refused:
            service.ensure_relay(OWNER, NAME, "x" * 20)
        assert f"chown -R homeport:dovecot {world.own}" in refused.value.do
    finally:
        os.chown(world.own, before.st_uid, before.st_gid)
    with pytest.raises(NotFound):
        opened_for(world, directory=str(world.directory)).ensure_relay(OWNER, NAME, "x" * 20)
    with pytest.raises(RemoteFailure, match="cannot be changed"):
        opened_for(world, postfix_config="/nonexistent").ensure_alias(OWNER, ADA, [f"b@{DOMAIN}"])


def test_a_server_that_is_away_or_another_is_told_apart(
    world: MailWorld, service: Mail, tmp_path: Path
) -> None:
    other = Path(__file__).with_name("other_host_key.pub").read_text()
    with pytest.raises(HostKeyMismatch, match="mail server"):
        opened_for(world, ssh_host_keys=[other]).find(OWNER)
    with pytest.raises(Unreachable, match="by SSH"):
        opened_for(world, ssh_port=free_port()).find(OWNER)
    stranger = opened_for(world, secret=_new_key())
    with pytest.raises(Denied) as refused:
        stranger.find(OWNER)
    assert "authorized_keys there: ssh-ed25519 " in refused.value.do

    with pytest.raises(InvalidInput) as refused_key:
        opened_for(world, secret="no key").find(OWNER)
    assert "ssh-keygen" in refused_key.value.do

    address = service.access(NAME).username
    with pytest.raises(Denied, match="cannot prove"):
        opened_for(world, ca_pem=make_tls(tmp_path)).refuses_login(address, "x")
    world.stop()
    try:
        with pytest.raises(Unreachable, match="takes mail"):
            service.refuses_login(address, "x")
        service.ensure_relay(OWNER, NAME, "x" * 20)
        failed = [line for line in service.check() if line.status is CheckStatus.FAIL]
        assert [line.title for line in failed] == [
            "the mail server cannot be reached where it takes mail"
        ]
        failed = [line for line in stranger.check() if line.status is CheckStatus.FAIL]
        assert [line.title for line in failed] == [
            "the mail server does not let Homeport in",
            "the mail server cannot be reached where it takes mail",
        ]
    finally:
        world.start()


def test_the_chain_of_records_is_checked_where_the_world_asks(
    world: MailWorld, service: Mail
) -> None:
    """What is missing is shown as a line to add; added, it is not missed any more."""
    with bind() as names:
        opened = opened_for(
            world,
            resolver=f"{names.settings['authoritative'][0]}",
            domain=ZONE,
            host=f"mail.{ZONE}",
            addresses=["192.0.2.7", "198.51.100.7"],
            dkim_selector="hp",
            dkim_public_key="QUJD" * 98,
            mta_sts_id="20261127",
            ssh_host=HOST,
        )
        names.somebody_adds(ZONE, "TXT", '"v=spf1 include:other.example -all"', '"else"')
        names.somebody_adds(f"mail.{ZONE}", "A", "192.0.2.7")
        names.somebody_adds(f"_dmarc.{ZONE}", "TXT", '"v=DMARC1;p=reject"')
        lines = {line.title: line for line in opened.check()}
        assert lines[f"MX of {ZONE}"].found == "it is missing"
        assert f"{ZONE}. 300 IN MX 10 mail.{ZONE}." in lines[f"MX of {ZONE}"].do
        spf = lines[f"SPF of {ZONE}"].do.splitlines()[-1]
        ours = "ip4:192.0.2.7 ip4:198.51.100.7"
        assert spf == f'{ZONE}. 300 IN TXT "v=spf1 include:other.example {ours} -all"'
        assert lines[f"DMARC of _dmarc.{ZONE}"].found == "it differs: v=DMARC1;p=reject"
        assert "has no address" in lines[f"MTA-STS policy at mta-sts.{ZONE}"].found
        assert "nobody answers" in lines["PTR of 7.100.51.198.in-addr.arpa"].found

        mended = (
            *(f"MX of {ZONE}", f"DKIM of hp._domainkey.{ZONE}", f"SPF of {ZONE}"),
            "PTR of 7.2.0.192.in-addr.arpa",
        )
        for title in mended:
            assert lines[title].status is CheckStatus.WARN
            _add(names, lines[title].do.splitlines()[-1])
        lines = {line.title: line for line in opened.check()}
        for title in mended:
            assert lines[title].status is CheckStatus.PASS, lines[title]


def _add(names: DnsWorld, line: str) -> None:
    name, _, _, rdtype, value = line.split(" ", 4)
    names.somebody_adds(name.rstrip("."), rdtype, value)


def _new_key() -> str:
    import asyncssh

    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
