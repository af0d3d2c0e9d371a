"""Describing a provider, trying it, and only then saving it.

What is answered is kept at once, its secrets sealed under a path of the draft's own: a token that
a service shows only once must not be lost with the terminal. A provider that there is already is
not touched before its change is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.backends.exercise import exercise
from engine.backends.registry import check_backends
from engine.backends.setup import DriverSetup, kinds, setup_of
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model.provider import (
    BackendProfile,
    Check,
    CheckStatus,
    GuestAccess,
    ProviderProfile,
    Service,
)
from engine.operations.workplace import Workplace
from engine.provider_setup.draft import (
    ABOUT_SCHEMA,
    REFERENCE,
    SetupDraft,
    with_answers,
)
from engine.provider_setup.outline import Outline, outline_of
from engine.provider_setup.questions import Asked, Question, question_at
from engine.provider_setup.saving import refuse_to_strand, refuse_unproven, settled

_KEY = "provider-setup:"


class SetupDesk:
    """save_provider: `Homeport.save_provider`."""

    def __init__(
        self,
        workplace: Workplace,
        save_provider: Callable[[ProviderProfile, Mapping[str, str]], None],
    ) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory
        self._save_provider = save_provider

    # drafts

    def drafts(self) -> list[str]:
        """Names of the providers that were left half described."""
        return [key.removeprefix(_KEY) for key in self._inventory.drafts.keys(_KEY)]

    def begin(self, name: str) -> SetupDraft:
        """A new provider, or the draft of it. Conflict where there is one of this name."""
        if kept := self._kept(name):
            return kept
        if any(known.name == name for known in self._inventory.providers.all()):
            raise Conflict(
                "there is such a provider already",
                on=name,
                left="nothing was changed",
                do=f"Change it: homeport providers edit {name}",
            )
        try:
            return SetupDraft(name=name)
        except ValueError:
            raise InvalidInput(
                "a provider cannot have this name",
                on=name,
                why="it begins with a small letter; small letters, digits and - can be in it, "
                "31 at most",
                do="Give it another name.",
            ) from None

    def revise(self, name: str) -> SetupDraft:
        """A change to a provider, or the draft of it; NotFound where there is no provider."""
        profile = self._inventory.providers.get(name)
        return self._kept(name) or SetupDraft.of(profile)

    def draft(self, name: str) -> SetupDraft:
        """NotFound where nothing was begun."""
        if kept := self._kept(name):
            return kept
        known = ", ".join(self.drafts())
        raise NotFound(
            "there is no draft of such a provider",
            on=name,
            why=f"there are: {known}" if known else "nothing was left half described",
            do=f"Begin it: homeport providers add {name}",
        )

    def keep(self, draft: SetupDraft) -> SetupDraft:
        self._inventory.drafts.save(_KEY + draft.name, draft.model_dump(mode="json"))
        return draft

    def drop(self, name: str) -> None:
        """The draft and its secrets; a provider that there is stays as it is."""
        self._inventory.drafts.drop(_KEY + name)
        self._workplace.installation_secrets().delete(_own_place(name))

    def _kept(self, name: str) -> SetupDraft | None:
        found = self._inventory.drafts.get(_KEY + name)
        return SetupDraft.model_validate(found) if found is not None else None

    def outline(self, draft: SetupDraft) -> Outline:
        """How far it is, service by service."""
        return outline_of(draft, {service: kinds(service.value) for service in Service})

    # questions and answers

    def about(self, draft: SetupDraft) -> Question:
        """What belongs to no service: its zone, its title, how guests are reached."""
        told = draft.model_dump(mode="json", include={"title", "zone"}, exclude_defaults=True)
        access = draft.access.model_dump(exclude_defaults=True)
        return Question(
            asked=Asked.FORM,
            position=0,
            title="the provider itself",
            is_last=True,
            form=dict(ABOUT_SCHEMA),
            document=told | ({"access": access} if access else {}),
        )

    def describe(self, draft: SetupDraft, document: Mapping[str, Any]) -> SetupDraft:
        """Take the document of `about` over."""
        told = {
            "title": document.get("title", ""),
            "zone": document.get("zone", ""),
            "access": GuestAccess.model_validate(document.get("access") or {}),
        }
        return self.keep(draft.model_copy(update=told))

    def kinds(self, service: Service) -> dict[str, DriverSetup]:
        """What can serve it, by kind."""
        return kinds(service.value)

    def choose(self, draft: SetupDraft, service: Service, kind: str) -> SetupDraft:
        """Let another kind serve it; what was answered for the one before is forgotten. "" for
        none, where a provider can do without."""
        if kind and service in draft.backends and draft.backends[service].kind == kind:
            return draft
        others = {known: backend for known, backend in draft.backends.items() if known != service}
        answered = tuple(known for known in draft.answered if known != service)
        if kind:
            proposal = setup_of(service.value, kind).proposal(draft.zone)
            others[service] = BackendProfile(kind=kind, settings=proposal)
        return self.keep(draft.model_copy(update={"backends": others, "answered": answered}))

    def question(
        self, draft: SetupDraft, service: Service, position: int, *, aside: bool = False
    ) -> Question | None:
        """The question at a position, from 0; None after the last. The draft has to be kept.

        May ask the service: seconds. aside: by a process of its own (see `engine.aside`).
        """
        if aside:
            from engine.aside import setup_question

            return setup_question(draft.name, service, position)
        read = self._workplace.environment(_bare(draft)).read_secret
        return question_at(self._setup(draft, service), draft, service, position, read)

    def note(
        self,
        draft: SetupDraft,
        service: Service,
        question: Question,
        document: Mapping[str, Any],
    ) -> SetupDraft:
        """Keep the document of a question's form, done or half done; its secrets go into the
        sealed file."""
        given = dict(document)
        store = self._workplace.installation_secrets()
        for name, option in question.options.items():
            value = given.get(name)
            if option.is_secret and value is not None and not str(value).startswith(REFERENCE):
                path = f"{_own_place(draft.name)}/{service.value}-{name}"
                store.put(path, str(value))
                given[name] = REFERENCE + path
        before = draft.settings(service)
        settings = self._setup(draft, service).revised(
            before, with_answers(question.options, before, given)
        )
        return self.keep(draft.with_settings(service, settings))

    def answer(
        self,
        draft: SetupDraft,
        service: Service,
        question: Question,
        document: Mapping[str, Any],
    ) -> SetupDraft:
        """Keep it as what was answered. After the last question all settings are checked
        together: InvalidInput, `on` naming the option; what was answered is kept all the same."""
        kept = self.note(draft, service, question, document)
        return self.finish(kept, service) if question.is_last else kept

    def believe(self, draft: SetupDraft, service: Service, question: Question) -> SetupDraft:
        """A person has compared these certificates with those of the hosts themselves."""
        seen = [shown.fingerprint for shown in question.certificates if shown.fingerprint]
        pins = [shown.fingerprint for shown in question.certificates if not shown.is_believed]
        settings = dict(draft.settings(service))
        if pins:
            settings.pop("ca_pem", None)  # it did not sign them, and would go before the pins
            settings["fingerprint"] = list(dict.fromkeys(seen))
        kept = self.keep(draft.with_settings(service, settings))
        return self.finish(kept, service) if question.is_last else kept

    def finish(self, draft: SetupDraft, service: Service) -> SetupDraft:
        """All questions about the service are answered. InvalidInput where they do not fit."""
        for name, why in self._setup(draft, service).problems(draft.settings(service)):
            raise InvalidInput(
                f"the settings of {service.value} do not fit", on=name or service.value, why=why
            )
        if service in draft.answered:
            return draft
        return self.keep(draft.model_copy(update={"answered": (*draft.answered, service)}))

    def _setup(self, draft: SetupDraft, service: Service) -> DriverSetup:
        return setup_of(service.value, draft.backends[service].kind)

    # proof, and saving

    def check(self, draft: SetupDraft, *, aside: bool = False) -> list[Check]:
        """What `homeport doctor --provider` finds; changes nothing but what it tries out and
        removes. InvalidInput where something is not answered."""
        profile = draft.profile()
        if aside:
            from engine.aside import check_setup

            return check_setup(draft.name)
        backends = self._workplace.backends(profile)
        return check_backends(backends) + exercise(backends, self._inventory.installation.id())

    def save(
        self, draft: SetupDraft, checks: Sequence[Check], *, unproven: bool = False
    ) -> ProviderProfile:
        """The provider can be used from now on. checks: of this very draft. NotReady where one
        failed, unless the user wants it unproven; Conflict for a change that what lives there
        would not survive."""
        failed = [check for check in checks if check.status is CheckStatus.FAIL]
        refuse_unproven(draft, checks, unproven=unproven)
        if draft.revises:
            before = self._inventory.providers.get(draft.name)
            refuse_to_strand(before, draft, self._inventory.living_at(draft.name))
        elif any(known.name == draft.name for known in self._inventory.providers.all()):
            raise Conflict("there is such a provider already", on=draft.name, do="Drop the draft.")
        profile, moved = settled(draft, _own_place(draft.name))
        store = self._workplace.installation_secrets()
        self._save_provider(profile, {new: store.get(old) for old, new in moved.items()})
        if failed:
            titles = "; ".join(check.title for check in failed)
            self._inventory.audit.record(f"provider {draft.name} was saved unproven", titles)
        self.drop(draft.name)
        return profile


def _own_place(name: str) -> str:
    """Where the secrets of a draft lie until it is saved."""
    return f"drafts/providers/{name}"


def _bare(draft: SetupDraft) -> ProviderProfile:
    """A profile that names the provider, for what reads secrets before there is one."""
    return ProviderProfile(name=draft.name, zone=draft.zone or "invalid", backends={})
