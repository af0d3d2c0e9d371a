"""What every mail backend must do, on a real Postfix with a real Dovecot: one whose accounts lie in
files that Homeport writes by SSH, and one whose accounts Modoboa keeps."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.backends.exercise import exercise_mail
from engine.backends.protocols import Mail
from engine.errors import Conflict, InvalidInput
from tests.conformance.mail_world import DOMAIN, MASTER, PostWorld, mail_world, new_password
from tests.conformance.modoboa_world import modoboa_world
from tests.conformance.opened_mail import NAME, OWNER, opened_for
from tests.deployed import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.real]

ADA = f"ada@{DOMAIN}"
POST = f"postmaster@{DOMAIN}"
PASSWORD = "Canary-0123456789"


@pytest.fixture(scope="module", params=[mail_world, modoboa_world], ids=["dovecot", "modoboa"])
def world(request: pytest.FixtureRequest) -> Iterator[PostWorld]:
    with request.param() as started:
        yield started


@pytest.fixture
def service(world: PostWorld) -> Iterator[Mail]:
    """Leaves the server as it was found, whatever the test did by this owner."""
    before = world.seen()
    opened = opened_for(world)
    yield opened
    opened.drop(OWNER)
    assert world.seen() == before


def arrives(world: PostWorld, address: str, password: str, subject: str) -> None:
    wait_until(lambda: subject in world.subjects(address, password), 60)


def test_mail_goes_from_a_deployments_account_to_a_mailbox(world: PostWorld, service: Mail) -> None:
    own, theirs = new_password(), new_password()
    assert service.ensure_mailbox(OWNER, ADA, theirs, quota_mib=50)
    assert service.ensure_alias(OWNER, POST, [ADA])
    assert service.ensure_relay(OWNER, NAME, own)
    access = service.access(NAME)
    world.send(access.username, own, ADA, "to a mailbox")
    arrives(world, ADA, theirs, "to a mailbox")
    world.send(access.username, own, POST, "to an alias")
    arrives(world, ADA, theirs, "to an alias")
    world.send(access.username, own, access.sender, "returned")
    arrives(world, MASTER, world.master_password, "returned")

    # it sends as nobody else, and to nobody that the server does not know
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        world.send(access.username, own, ADA, "as Ada", sender=ADA)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        world.send(access.username, own, f"nobody@{DOMAIN}", "to nobody")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        world.send(access.username, theirs, ADA, "by a wrong password")

    assert service.find(OWNER) == (ADA, access.username, POST)
    made = world.seen()
    assert not any(password in str(made) for password in (own, theirs))
    assert not service.ensure_mailbox(OWNER, ADA, theirs, quota_mib=50)
    assert not service.ensure_alias(OWNER, POST, [ADA])
    assert not service.ensure_relay(OWNER, NAME, own)
    assert world.seen() == made

    # a new password takes the place of the old; the mail that is there stays
    assert service.ensure_mailbox(OWNER, ADA, own, quota_mib=50)
    assert "to an alias" in world.subjects(ADA, own)
    assert service.drop(OWNER)
    assert service.refuses_login(access.username, own)
    assert not service.drop(OWNER)


def test_what_can_be_tried_without_harm_holds(service: Mail) -> None:
    assert [text for text in exercise_mail(service, OWNER) if text] == []


def test_tls_from_the_first_byte(world: PostWorld, service: Mail) -> None:
    password = new_password()
    service.ensure_relay(OWNER, NAME, password)
    wrapped = opened_for(world, port=world.ports["smtps"], tls="tls")
    assert wrapped.access(NAME).tls
    assert not wrapped.refuses_login(wrapped.access(NAME).username, password)


def test_what_is_anothers_is_never_taken_over(world: PostWorld, service: Mail) -> None:
    """Whatever its owner made, wherever it is kept."""
    for place in world.kept:
        with world.anothers(place, ADA):
            kept = world.seen()
            for attempt in (
                lambda: service.ensure_mailbox(OWNER, ADA, PASSWORD),
                lambda: service.ensure_alias(OWNER, ADA, [MASTER]),
            ):
                with pytest.raises(Conflict, match="not this deployment's"):
                    attempt()
            assert not service.drop(OWNER)
            assert world.seen() == kept


def test_what_the_same_deployment_has_at_another_provider_is_anothers(
    world: PostWorld, service: Mail
) -> None:
    neighbour = opened_for(world, "away")
    neighbour.ensure_alias(OWNER, ADA, [MASTER])
    try:
        with pytest.raises(Conflict, match="at away"):
            service.ensure_mailbox(OWNER, ADA, PASSWORD)
        assert not service.drop(OWNER)
    finally:
        assert neighbour.drop(OWNER)


def test_many_at_once_and_their_owner_lose_nothing(world: PostWorld) -> None:
    before = world.seen()
    names = [f"hp-many-{number}" for number in range(5)]
    opened = opened_for(world)

    def make(name: str) -> bool:
        return opened.ensure_relay(f"{OWNER}-{name}", name, PASSWORD)

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(make, names))
    assert [opened.find(f"{OWNER}-{name}") for name in names] == [
        (opened.access(name).username,) for name in names
    ]
    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(lambda name: opened.drop(f"{OWNER}-{name}"), names))
    assert world.seen() == before


def test_names_that_would_mean_something_else_are_refused(service: Mail) -> None:
    for address in ("Ada@test.lab", "a:b@test.lab", "a b@test.lab", "#a@test.lab", "a@test"):
        with pytest.raises(InvalidInput):
            service.ensure_mailbox(OWNER, address, PASSWORD)
        with pytest.raises(InvalidInput):
            service.ensure_alias(OWNER, ADA, [address])
    for name in ("", "-x", "A", "a\nb", "x" * 41):
        with pytest.raises(InvalidInput):
            service.ensure_relay(OWNER, name, PASSWORD)
