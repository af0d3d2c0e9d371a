"""What every mail backend must do, on a real Postfix with a real Dovecot."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.backends.exercise import exercise_mail
from engine.backends.mail.dovecot import DovecotMail, open_backend
from engine.backends.registry import BackendEnvironment
from engine.errors import (
    Conflict,
    Denied,
    HostKeyMismatch,
    InvalidInput,
    NotFound,
    RemoteFailure,
    Unreachable,
)
from engine.model.provider import CheckStatus, ProviderProfile
from engine.paths import Paths
from tests.conformance.dns_worlds import HOST, ZONE, DnsWorld, bind, free_port
from tests.conformance.doubles import MemoryLeases
from tests.conformance.mail_world import (
    DOMAIN,
    REFERENCE,
    TAKEN,
    MailWorld,
    mail_world,
    new_password,
)
from tests.conformance.openbao_world import make_tls
from tests.deployed import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.real]

OWNER = "hp-ab12cd34-dep00001"
NAME = "hp-synapse-dep00001-x1y2"
ADA = f"ada@{DOMAIN}"


@pytest.fixture(scope="module")
def world() -> Iterator[MailWorld]:
    with mail_world() as started:
        yield started


@pytest.fixture
def service(world: MailWorld) -> Iterator[DovecotMail]:
    """Leaves the server as it was found, whatever the test did by this owner."""
    before = world.files()
    opened = opened_for(world)
    yield opened
    opened.drop(OWNER)
    assert world.files() == before


def opened_for(world: MailWorld, provider: str = "home", **other: Any) -> DovecotMail:
    nowhere = Path("/nonexistent")
    environment = BackendEnvironment(
        ProviderProfile(name=provider, zone="test.lab", backends={}),
        "ab12cd34",
        Paths(nowhere, nowhere, nowhere),
        {REFERENCE: other.pop("key", world.ssh.private_key)}.__getitem__,
        MemoryLeases(),
    )
    return open_backend(environment, {**world.settings, **other})


def arrives(world: MailWorld, address: str, password: str, subject: str) -> None:
    wait_until(lambda: subject in world.subjects(address, password), 60)


def test_mail_goes_from_a_deployments_account_to_a_mailbox(
    world: MailWorld, service: DovecotMail
) -> None:
    own, theirs = new_password(), new_password()
    assert service.ensure_mailbox(OWNER, ADA, theirs, quota_mib=50)
    assert service.ensure_alias(OWNER, f"postmaster@{DOMAIN}", [ADA])
    assert service.ensure_relay(OWNER, NAME, own)
    access = service.access(NAME)
    world.send(access.username, own, ADA, "to a mailbox")
    arrives(world, ADA, theirs, "to a mailbox")
    world.send(access.username, own, f"postmaster@{DOMAIN}", "to an alias")
    arrives(world, ADA, theirs, "to an alias")
    world.send(access.username, own, access.sender, "returned")
    arrives(world, ADA, theirs, "returned")

    # it sends as nobody else, and to nobody that the server does not know
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        world.send(access.username, own, ADA, "as Ada", sender=ADA)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        world.send(access.username, own, f"nobody@{DOMAIN}", "to nobody")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        world.send(access.username, theirs, ADA, "by a wrong password")

    assert service.find(OWNER) == (ADA, access.username, f"postmaster@{DOMAIN}")
    made = world.files()
    assert not any(own in text or theirs in text for text in made.values())
    assert not service.ensure_mailbox(OWNER, ADA, theirs, quota_mib=50)
    assert not service.ensure_alias(OWNER, f"postmaster@{DOMAIN}", [ADA])
    assert not service.ensure_relay(OWNER, NAME, own)
    assert world.files() == made

    # a new password takes the place of the old; the mail that is there stays
    assert service.ensure_mailbox(OWNER, ADA, own, quota_mib=50)
    assert "to an alias" in world.subjects(ADA, own)
    assert service.drop(OWNER)
    assert service.refuses_login(access.username, own)
    assert not service.drop(OWNER)


def test_what_can_be_tried_without_harm_holds(service: DovecotMail) -> None:
    assert [text for text in exercise_mail(service, OWNER) if text] == []


def test_tls_from_the_first_byte(world: MailWorld, service: DovecotMail) -> None:
    password = new_password()
    service.ensure_relay(OWNER, NAME, password)
    wrapped = opened_for(world, port=world.ports["smtps"], tls="tls")
    assert wrapped.access(NAME).tls
    assert not wrapped.refuses_login(wrapped.access(NAME).username, password)


@pytest.mark.parametrize("name", ["users", "mailboxes", "aliases"])
def test_what_is_anothers_is_never_taken_over(
    world: MailWorld, service: DovecotMail, name: str
) -> None:
    """Somebody's own line, and that of the same deployment at another provider."""
    line = f"{ADA}:x::::::" if name == "users" else f"{ADA} somebody@{DOMAIN}"
    before = world.files()
    world.add(name, line)
    kept = world.files()
    try:
        for attempt in (
            lambda: service.ensure_mailbox(OWNER, ADA, "x" * 20),
            lambda: service.ensure_alias(OWNER, ADA, [f"other@{DOMAIN}"]),
        ):
            with pytest.raises(Conflict, match="not this deployment's"):
                attempt()
        assert not service.drop(OWNER)
        assert world.files() == kept
    finally:
        (world.own / name).write_text(before[name])
        if name != "users":
            world.postmap(world.own / name)
    with pytest.raises(Conflict, match=r"it is in hash:.*/others"):
        service.ensure_mailbox(OWNER, TAKEN, "x" * 20)
    neighbour = opened_for(world, "away")
    neighbour.ensure_alias(OWNER, ADA, [f"other@{DOMAIN}"])
    try:
        with pytest.raises(Conflict, match="at away"):
            service.ensure_mailbox(OWNER, ADA, "x" * 20)
    finally:
        neighbour.drop(OWNER)


def test_many_at_once_and_their_owner_lose_nothing(world: MailWorld) -> None:
    before = world.files()
    names = [f"hp-many-{number}" for number in range(5)]
    opened = opened_for(world)

    def make(name: str) -> bool:
        return opened.ensure_relay(f"{OWNER}-{name}", name, "p" * 24)

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(make, names))
    assert [opened.find(f"{OWNER}-{name}") for name in names] == [
        (opened.access(name).username,) for name in names
    ]
    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(lambda name: opened.drop(f"{OWNER}-{name}"), names))
    assert world.files() == before
    assert sorted(path.name for path in world.own.iterdir()) == sorted(
        ["users", "mailboxes", "aliases", "mailboxes.db", "aliases.db"]
    )


def test_what_was_half_made_is_finished(world: MailWorld, service: DovecotMail) -> None:
    """A kill came between two files, and before Postfix was told."""
    password = new_password()
    service.ensure_mailbox(OWNER, ADA, password)
    whole = world.files()
    (world.own / "mailboxes.db").unlink()
    (world.own / "users").write_text("# the owner's own words\n")
    assert service.ensure_mailbox(OWNER, ADA, password)
    assert {name: len(text) for name, text in world.files().items()} == {
        name: len(text) for name, text in whole.items()
    }
    assert (world.own / "mailboxes.db").exists()


def test_missing_rights_and_files_are_named(world: MailWorld, service: DovecotMail) -> None:
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
    world: MailWorld, service: DovecotMail, tmp_path: Path
) -> None:
    other = Path(__file__).with_name("other_host_key.pub").read_text()
    with pytest.raises(HostKeyMismatch, match="mail server"):
        opened_for(world, ssh_host_keys=[other]).find(OWNER)
    with pytest.raises(Unreachable, match="by SSH"):
        opened_for(world, ssh_port=free_port()).find(OWNER)
    stranger = opened_for(world, key=_new_key())
    with pytest.raises(Denied) as refused:
        stranger.find(OWNER)
    assert "authorized_keys there: ssh-ed25519 " in refused.value.do

    with pytest.raises(InvalidInput) as refused_key:
        opened_for(world, key="no key").find(OWNER)
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
    world: MailWorld, service: DovecotMail
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


def test_names_that_would_mean_something_else_are_refused(service: DovecotMail) -> None:
    for address in ("Ada@test.lab", "a:b@test.lab", "a b@test.lab", "#a@test.lab", "a@test"):
        with pytest.raises(InvalidInput):
            service.ensure_mailbox(OWNER, address, "x" * 20)
        with pytest.raises(InvalidInput):
            service.ensure_alias(OWNER, ADA, [address])
    for name in ("", "-x", "A", "a\nb", "x" * 41):
        with pytest.raises(InvalidInput):
            service.ensure_relay(OWNER, name, "x" * 20)


def _new_key() -> str:
    import asyncssh

    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
