"""Setting up a provider by questions: what is asked, what is kept, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.backends.setup import DriverSetup, Part, kinds, setup_of
from engine.backends.setup_schema import Option, help_in, options_of
from engine.errors import Conflict, InvalidInput, NotFound, NotReady
from engine.homeport import DeployRequest, Homeport
from engine.model.provider import BackendProfile, Check, CheckStatus, ProviderProfile, Service
from engine.paths import Paths
from engine.provider_setup.desk import SetupDesk
from engine.provider_setup.draft import SetupDraft, with_answers
from engine.provider_setup.questions import Asked, Question, form_of
from tests.unit.step_context import MemoryAddresses, MemorySecrets

TOKEN = "canary-5d1c-token"
FINE = [Check(service="any", title="It answers", status=CheckStatus.PASS)]
BAD = [Check(service="any", title="It answers", status=CheckStatus.FAIL, found="it is off")]


@pytest.fixture
def homeport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Homeport]:
    monkeypatch.setattr("engine.operations.control.ensure_worker", lambda paths: None)
    with Homeport.open(Paths.from_environment({"HOMEPORT_HOME": str(tmp_path)})) as opened:
        yield opened


@pytest.fixture
def desk(homeport: Homeport) -> SetupDesk:
    return homeport.provider_setup


def answered(desk: SetupDesk, draft: SetupDraft, service: Service, **answers: Any) -> SetupDraft:
    """Every question about a service, its forms filled in with those of the answers they ask."""
    position = 0
    while (question := desk.question(draft, service, position)) is not None:
        position += 1
        if question.asked is Asked.FORM:
            mine = {key: value for key, value in answers.items() if key in question.options}
            draft = desk.answer(draft, service, question, {**question.document, **mine})
    return desk.finish(draft, service)


def described(desk: SetupDesk, name: str = "home") -> SetupDraft:
    """All that a provider needs; nobody answers for any of it."""
    draft = desk.describe(desk.begin(name), {"zone": "example.org"})
    draft = desk.choose(draft, Service.HYPERVISOR, "proxmox")
    hypervisor = {
        "hosts": ["127.255.255.1"],
        "fingerprint": [":".join(["AB"] * 32)],
        "token": TOKEN,
        "storage": "local-lvm",
        "image": "local:import/debian.qcow2",
    }
    draft = answered(desk, draft, Service.HYPERVISOR, **hypervisor)
    draft = desk.choose(draft, Service.ADDRESSES, "pool")
    draft = answered(desk, draft, Service.ADDRESSES, network="192.0.2.0/24")
    draft = desk.choose(draft, Service.DNS, "octodns")
    dns = {"class": "octodns_powerdns.PowerDnsProvider", "host": "127.255.255.2", "api_key": TOKEN}
    draft = answered(desk, draft, Service.DNS, **dns)
    draft = answered(desk, desk.choose(draft, Service.SECRETS, "sealed"), Service.SECRETS)
    draft = desk.choose(draft, Service.CERTIFICATES, "acme")
    return answered(desk, draft, Service.CERTIFICATES, directory="https://127.255.255.3/directory")


# what is asked


def test_every_driver_of_ours_is_set_up_by_questions() -> None:
    for service in Service:
        for kind, setup in kinds(service.value).items():
            assert setup.model is not None, f"{service}.{kind}"
            places = [
                option.place[0]
                for stage in setup.stages({})
                for option in stage.options.values()
                if setup.model.model_fields
            ]
            assert len(places) == len(set(places)), f"{service}.{kind} asks twice"
    proxmox = setup_of("hypervisor", "proxmox")
    asked = {o.place[0] for stage in proxmox.stages({}) for o in stage.options.values()}
    assert proxmox.model is not None
    assert asked == set(proxmox.model.model_fields)


def test_a_mail_server_is_asked_for_and_opened_by_homeports_own_key(desk: SetupDesk) -> None:
    draft = desk.choose(described(desk), Service.MAIL, "dovecot")
    answers = {"host": "mail.example.org", "domain": "example.org"}
    draft = answered(desk, draft, Service.MAIL, **answers, ssh_host_keys=["ssh-ed25519 AAAA"])
    told = draft.profile().backends[Service.MAIL]
    assert "ssh_key_ref" not in told.settings
    commands = setup_of("mail", "dovecot").commands(told.settings | {"directory": "/srv/mail"})
    assert "install -d -o homeport -g dovecot -m 2750 /srv/mail" in commands


def test_a_new_field_is_asked_for_without_anybody_naming_it() -> None:
    model = setup_of("hypervisor", "proxmox").model
    assert model is not None
    partly = DriverSetup("some", model, Part("first", ("hosts",)), Part("second", ("token_ref",)))
    first, second = partly.stages({})
    assert list(first.options) == ["hosts"]
    assert {"token", "storage", "template"} <= set(second.options)


def test_options_are_what_people_can_fill_in() -> None:
    options = options_of(setup_of("addresses", "pool").model)  # type: ignore[arg-type]
    assert options["network"].required
    assert "anyOf" in options["gateway"].schema  # either kind of address, and no null
    assert "default" not in options["gateway"].schema
    token = options_of(setup_of("hypervisor", "proxmox").model)["token_ref"]  # type: ignore[arg-type]
    assert (token.name, token.is_secret, token.place) == ("token", True, ("token_ref",))


def test_help_is_found_in_docstrings() -> None:
    text = "About it.\n\nhost, port: where it listens, and\non. key: the secret; e.g.: abc"
    known = help_in(text, ["host", "port", "key", "other"])
    assert known["host"] == known["port"] == "Where it listens, and on."
    assert known["key"] == "The secret; e.g.: abc"


def test_arguments_of_an_octodns_provider_become_options() -> None:
    stages = setup_of("dns", "octodns").stages({"class": "octodns_powerdns.PowerDnsProvider"})
    options = stages[1].options
    assert options["host"].place == ("args", "host")
    assert options["api_key"] == Option(
        "api_key",
        {"type": "string", "x-secret": True, "description": ""},
        ("secret_args", "api_key"),
        True,
    )
    assert options["port"].schema["default"] == 8081
    assert options["ssl_verify"].schema["type"] == "boolean"  # of the class it is built on
    assert options["nameserver_values"].schema["type"] == "array"
    files = setup_of("dns", "octodns").stages({"class": "octodns_bind.ZoneFileProvider"})
    assert "location of zone files" in files[1].options["directory"].schema["description"]


def test_installed_octodns_providers_are_offered(desk: SetupDesk) -> None:
    draft = desk.choose(
        desk.describe(desk.begin("home"), {"zone": "x.org"}), Service.DNS, "octodns"
    )
    question = desk.question(draft, Service.DNS, 0)
    assert question is not None
    offered = [choice for choice, _ in form_of(question).choices(("class",))]
    assert {"octodns_bind.Rfc2136Provider", "octodns_powerdns.PowerDnsProvider"} <= set(offered)
    assert not form_of(question).parse(("class",), "octodns_other.Own").problem


def test_another_dns_class_asks_for_its_own_arguments_alone(desk: SetupDesk) -> None:
    draft = described(desk)
    question = desk.question(draft, Service.DNS, 0)
    assert question is not None
    draft = desk.answer(draft, Service.DNS, question, {"class": "octodns_bind.Rfc2136Provider"})
    assert "args" not in draft.settings(Service.DNS)
    assert draft.settings(Service.DNS)["zone"] == "example.org"


def test_least_rights_are_shown_before_the_token_is_asked_for(desk: SetupDesk) -> None:
    draft = desk.choose(
        desk.describe(desk.begin("home"), {"zone": "x.org"}), Service.HYPERVISOR, "proxmox"
    )
    asked = []
    while (question := desk.question(draft, Service.HYPERVISOR, len(asked))) is not None:
        asked.append(question)
        if question.asked is Asked.FORM and len(asked) == 1:
            document = {"hosts": ["127.255.255.1"]}
            draft = desk.answer(draft, Service.HYPERVISOR, question, document)
    form, compare, commands = Asked.FORM, Asked.COMPARE, Asked.COMMANDS
    assert [one.asked for one in asked] == [form, compare, commands, form, form]
    assert "does not answer" in asked[1].certificates[0].problem
    assert "pveum role add Homeport" in asked[2].commands
    assert "pveum acl modify /pool/homeport" in asked[2].commands
    assert "Datastore.AllocateSpace" in asked[2].commands
    assert max(map(len, asked[2].commands.splitlines())) < 80
    assert asked[4].note  # what can be chosen is not known: nobody answers
    assert asked[4].form["properties"]["storage"]["type"] == "string"


def test_settings_that_do_not_fit_together_name_the_option(desk: SetupDesk) -> None:
    draft = desk.choose(desk.describe(desk.begin("home"), {"zone": "x"}), Service.ADDRESSES, "pool")
    question = desk.question(draft, Service.ADDRESSES, 0)
    assert question is not None
    with pytest.raises(InvalidInput) as caught:
        desk.answer(draft, Service.ADDRESSES, question, {"network": "not a network"})
    assert caught.value.on == "network"
    assert Service.ADDRESSES not in desk.draft("home").answered


# what is kept


def test_secrets_are_sealed_and_never_in_the_draft(desk: SetupDesk, homeport: Homeport) -> None:
    draft = described(desk)
    assert TOKEN not in draft.model_dump_json()
    assert TOKEN not in homeport.paths.database.read_bytes().decode(errors="replace")
    store = homeport._workplace.installation_secrets()
    assert store.get("drafts/providers/home/hypervisor-token") == TOKEN
    question = desk.question(draft, Service.HYPERVISOR, 3)
    assert question is not None
    assert question.held == ("token",)
    assert not form_of(question).row(("token",)).missing


def test_what_was_said_is_there_the_next_time_and_goes_with_its_secrets(
    desk: SetupDesk, homeport: Homeport
) -> None:
    draft = described(desk)
    assert desk.drafts() == ["home"]
    assert desk.begin("home") == draft
    assert homeport.providers() == []
    desk.drop("home")
    assert desk.drafts() == []
    assert homeport._workplace.installation_secrets().list("") == []
    with pytest.raises(NotFound):
        desk.draft("home")


def test_nothing_is_kept_before_anything_is_said(desk: SetupDesk) -> None:
    desk.begin("home")
    assert desk.drafts() == []
    with pytest.raises(InvalidInput):
        desk.begin("Not A Name")


def test_an_option_that_was_emptied_leaves_the_settings() -> None:
    options = {
        "a": Option("a", {"type": "string"}, ("a",)),
        "deep": Option("deep", {"type": "string"}, ("args", "deep")),
        "key": Option("key", {"type": "string", "x-secret": True}, ("key_ref",)),
    }
    before = {"a": "1", "args": {"deep": "2"}, "key_ref": "secret:x", "other": 3}
    assert with_answers(options, before, {}) == {"args": {}, "key_ref": "secret:x", "other": 3}
    assert before["args"] == {"deep": "2"}


# what is saved


def test_only_what_was_seen_working_is_saved_unless_somebody_wants_it_so(
    desk: SetupDesk, homeport: Homeport
) -> None:
    draft = described(desk)
    for checks in (BAD, []):
        with pytest.raises(NotReady):
            desk.save(draft, checks)
    assert homeport.providers() == []
    desk.save(draft, BAD, unproven=True)
    assert any("unproven" in one["what"] for one in homeport._inventory.audit.entries())


def test_a_saved_provider_has_its_secrets_at_their_own_place(
    desk: SetupDesk, homeport: Homeport
) -> None:
    profile = desk.save(described(desk), FINE)
    assert homeport.provider("home") == profile
    settings = profile.backends[Service.HYPERVISOR].settings
    assert settings["token_ref"] == "secret:providers/home/hypervisor-token"
    store = homeport._workplace.installation_secrets()
    assert set(store.list("")) == {"providers/home/hypervisor-token", "providers/home/dns-api_key"}
    assert desk.drafts() == []
    with pytest.raises(Conflict):
        desk.begin("home")


def test_what_is_not_answered_is_named(desk: SetupDesk) -> None:
    draft = desk.describe(desk.begin("home"), {"zone": "example.org"})
    with pytest.raises(InvalidInput) as caught:
        desk.check(draft)
    assert "hypervisor, addresses, dns, secrets, certificates" in caught.value.why


def test_a_change_touches_the_provider_only_when_it_is_saved(
    desk: SetupDesk, homeport: Homeport
) -> None:
    before = desk.save(described(desk), FINE)
    store = homeport._workplace.installation_secrets()
    draft = desk.revise("home")
    draft = answered(desk, draft, Service.HYPERVISOR, token="another", storage="fast")
    assert homeport.provider("home") == before
    assert store.get("providers/home/hypervisor-token") == TOKEN
    desk.save(draft, FINE)
    assert homeport.provider("home").backends[Service.HYPERVISOR].settings["storage"] == "fast"
    assert store.get("providers/home/hypervisor-token") == "another"
    assert store.get("providers/home/dns-api_key") == TOKEN


def test_a_change_never_strands_what_lives_there(desk: SetupDesk, homeport: Homeport) -> None:
    desk.save(described(desk), FINE)
    fakes = SimpleNamespace(secrets=MemorySecrets(), addresses=MemoryAddresses())
    homeport.__dict__["_workplace"] = dataclasses.replace(
        homeport._workplace, open_backends=lambda profile, environment: fakes
    )
    plan = homeport.plan_deploy(DeployRequest("radicale", "home", "cal.example.org"))
    homeport.apply(plan, plan.hash)
    draft = desk.describe(desk.revise("home"), {"zone": "other.org"})
    with pytest.raises(Conflict) as caught:
        desk.save(draft, FINE)
    assert "the zone" in caught.value.what
    assert "radicale" in caught.value.why
    assert homeport.provider("home").zone == "example.org"
    titled = desk.describe(draft, {"zone": "example.org", "title": "Under the stairs"})
    assert desk.save(titled, FINE).title == "Under the stairs"


def test_a_driver_without_a_setup_is_asked_for_as_it_is(
    desk: SetupDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    drivers = {"hypervisor.own": SimpleNamespace(name="hypervisor.own", load=lambda: None)}
    monkeypatch.setattr(
        "engine.backends.setup.installed",
        lambda group: drivers if group == "homeport.backends" else {},
    )
    assert list(kinds("hypervisor")) == ["own"]
    draft = desk.choose(
        desk.describe(desk.begin("home"), {"zone": "x.org"}), Service.HYPERVISOR, "own"
    )
    question = desk.question(draft, Service.HYPERVISOR, 0)
    assert question is not None
    form = form_of(question)
    form.add_item((), "host")
    form.set(("host",), "h")
    assert desk.answer(draft, Service.HYPERVISOR, question, form.document()).settings(
        Service.HYPERVISOR
    ) == {"host": "h"}


def test_a_profile_from_a_file_can_be_changed_by_questions(
    desk: SetupDesk, homeport: Homeport
) -> None:
    saved = desk.save(described(desk), FINE)
    by_hand = ProviderProfile(
        name="hand",
        zone="example.org",
        backends=saved.backends
        | {
            Service.ADDRESSES: BackendProfile(
                kind="pool", settings={"network": "192.0.2.0/24", "first": "192.0.2.9"}
            )
        },
    )
    homeport.save_provider(by_hand, {})
    question: Question | None = desk.question(desk.revise("hand"), Service.ADDRESSES, 0)
    assert question is not None
    assert question.document == {"network": "192.0.2.0/24", "first": "192.0.2.9"}
