"""What is asked about a service, in order. Answers change what is asked next, so each question
is made when it is its turn: the arguments of a DNS provider are known once its class is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field

from engine.backends.setup import Choice, DriverSetup, Ground, Stage
from engine.backends.setup_schema import Option, form_schema
from engine.backends.shown import ShownCertificate, shown_by
from engine.errors import HomeportError
from engine.model.base import Model
from engine.model.provider import Service
from engine.provider_setup.draft import SetupDraft, answers_in, held_in

if TYPE_CHECKING:
    from forms import FormModel


class Asked(StrEnum):
    """COMMANDS: something has to be run at the service first. FORM: options are filled in.
    COMPARE: a person compares the certificate that the service shows."""

    COMMANDS = "commands"
    FORM = "form"
    COMPARE = "compare"


class Question(Model):
    """One question, with all that it takes to show it; plain values, so that another process
    can make it. form, document, held, options: of a form. commands: to be pasted.
    certificates, compare: to be compared, and where their owner sees them.
    note: what could not be found out, and why.
    """

    asked: Asked
    position: int
    title: str
    is_last: bool
    about: str = ""
    form: dict[str, Any] = Field(default_factory=dict)
    document: dict[str, Any] = Field(default_factory=dict)
    held: tuple[str, ...] = ()
    options: dict[str, Option] = Field(default_factory=dict)
    commands: str = ""
    certificates: tuple[ShownCertificate, ...] = ()
    compare: str = ""
    note: str = ""


def form_of(question: Question) -> FormModel:
    """The form to be filled in."""
    from forms import FormModel

    held = [(name,) for name in question.held]
    return FormModel(
        question.form,
        dict(question.document),
        held=held,
        secret_note="This is a secret: it is kept in the sealed file of this installation.",
    )


def question_at(
    setup: DriverSetup,
    draft: SetupDraft,
    service: Service,
    position: int,
    read_secret: Callable[[str], str],
) -> Question | None:
    """The question at a position, from 0; None after the last. May ask the service."""
    settings = draft.settings(service)
    known = _order(setup, settings)
    if position >= len(known):
        return None
    asked, stage = known[position]
    base = {
        "asked": asked,
        "position": position,
        "title": stage.title,
        "is_last": position == len(known) - 1,
    }
    if asked is Asked.COMMANDS:
        return Question(**base, commands=setup.commands(settings))
    if asked is Asked.COMPARE:
        return Question(**base, certificates=_certificates(setup, settings), compare=setup.compare)
    ground = Ground(draft.name, draft.zone, read_secret)
    offered, note = _offered(setup, stage, settings, ground)
    return Question(
        **base,
        about=stage.about,
        form=form_schema(stage.options, offered),
        document=answers_in(stage.options, settings) if stage.options else dict(settings),
        held=tuple(held_in(stage.options, settings)),
        options=dict(stage.options),
        note=note,
    )


def _order(setup: DriverSetup, settings: Mapping[str, Any]) -> list[tuple[Asked, Stage]]:
    found: list[tuple[Asked, Stage]] = []
    for stage in setup.stages(settings):
        if stage.commands:
            found.append((Asked.COMMANDS, stage))
        found.append((Asked.FORM, stage))
        if stage.connects:
            found.append((Asked.COMPARE, stage))
    return found


def _certificates(setup: DriverSetup, settings: Mapping[str, Any]) -> tuple[ShownCertificate, ...]:
    pins = settings.get("fingerprint") or ()
    pins = (pins,) if isinstance(pins, str) else tuple(pins)
    ca_pem = str(settings.get("ca_pem") or "")
    return tuple(shown_by(host, ca_pem, pins) for host in setup.hosts(settings))


def _offered(
    setup: DriverSetup, stage: Stage, settings: Mapping[str, Any], ground: Ground
) -> tuple[dict[str, list[tuple[Any, str]]], str]:
    """What can be chosen; where the service does not say, why not."""
    if not stage.offers:
        return {}, ""
    try:
        found: Mapping[str, list[Choice]] = setup.choices(settings, ground)
    except HomeportError as error:
        return {}, f"{error.what}: {error.why}" if error.why else error.what
    return {
        name: [(choice.value, choice.title) for choice in choices]
        for name, choices in found.items()
    }, ""
