"""`homeport providers add --plain`: the questions of a setup, line by line."""

from __future__ import annotations

import argparse
import sys

from engine.cli import output
from engine.cli.checks import has_failed, print_checks
from engine.cli.form_prompts import read_line
from engine.errors import HomeportError, InvalidInput
from engine.model.provider import Service
from engine.provider_setup.desk import SetupDesk
from engine.provider_setup.draft import REQUIRED, SetupDraft
from engine.provider_setup.questions import Asked, Question, form_of
from forms.plain import Dialogue

_NONE = "none"


def ask_all(desk: SetupDesk, options: argparse.Namespace) -> int:
    """Until it is saved or somebody leaves; the exit status: 2 where it is left as a draft."""
    name: str = options.subject or ""
    try:
        if not name:
            name = read_line("Name of the provider, such as home: ", False).strip()
        draft = desk.revise(name) if options.what == "edit" else desk.begin(name)
        draft = _Asking(desk).walk(desk.keep(draft))
        return _prove(desk, draft, unproven=options.unproven)
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
    except _Left:
        pass
    output.line(f"What was answered is kept. Go on: homeport providers {options.what} {name}")
    return InvalidInput.exit_status


class _Left(Exception):
    """Somebody left before the end."""


class _Asking:
    def __init__(self, desk: SetupDesk) -> None:
        self._desk = desk

    def walk(self, draft: SetupDraft) -> SetupDraft:
        """Every question that is not answered yet; of those that are, whoever wants to may
        change them."""
        draft = self._about(draft)
        for service in Service:
            draft = self.service(draft, service)
        return draft

    def _about(self, draft: SetupDraft) -> SetupDraft:
        _head(f"{draft.name}: the provider itself")
        document = self._fill_in(self._desk.about(draft))
        return self._desk.describe(draft, document)

    def service(self, draft: SetupDraft, service: Service) -> SetupDraft:
        _head(f"{draft.name}: {service.value}")
        if service in draft.answered:
            kind = draft.backends[service].kind
            if not _agreed(f"It is {kind}, and all is answered. Change it? [y/N] "):
                return draft
        kind = self._kind(draft, service)
        draft = self._desk.choose(draft, service, kind)
        if not kind:
            return draft
        while True:
            try:
                return self._questions(draft, service)
            except HomeportError as error:
                output.report_error(error, as_json=False)
                draft = self._desk.draft(draft.name)
                if not _agreed("Answer these again? [y/N] "):
                    raise _Left from error

    def _kind(self, draft: SetupDraft, service: Service) -> str:
        known = self._desk.kinds(service)
        names = [*known, *([] if service in REQUIRED else [_NONE])]
        if len(names) == 1:
            return names[0]
        for number, name in enumerate(names, 1):
            about = known[name].title if name in known else "this provider has no such service"
            output.line(f"  {number}) {name}: {about}")
        while True:
            said = read_line("Which? ", False).strip()
            if said.isdigit() and 0 < int(said) <= len(names):
                said = names[int(said) - 1]
            if said in names:
                return "" if said == _NONE and said not in known else said
            output.line("Give a number or a name of the list.")

    def _questions(self, draft: SetupDraft, service: Service) -> SetupDraft:
        position = 0
        while (question := self._desk.question(draft, service, position)) is not None:
            draft = self._answered(draft, service, question)
            position += 1
        return self._desk.finish(draft, service)

    def _answered(self, draft: SetupDraft, service: Service, question: Question) -> SetupDraft:
        if question.asked is Asked.COMMANDS:
            output.line("Run this at the service first; it gives Homeport the least rights:\n")
            output.line(question.commands)
            read_line("Enter goes on when it was run. ", False)
            return draft
        if question.asked is Asked.COMPARE:
            _compare(question)
            return self._desk.believe(draft, service, question)
        _head(question.title)
        if question.note:
            output.line(f"What can be chosen is not known: {question.note}")
        return self._desk.answer(draft, service, question, self._fill_in(question))

    def _fill_in(self, question: Question) -> dict[str, object]:
        form = form_of(question)
        if question.about:
            output.line(question.about)
        taken: list[dict[str, object]] = []

        def take(_: str) -> str:
            taken.append(form.document())
            return "Taken over."

        dialogue = Dialogue(form, read_line, output.line, take, once=True)
        dialogue.ask_missing()
        output.line("w takes these over and goes on.")
        dialogue.run()
        if not taken:
            raise _Left
        return taken[-1]


def _compare(question: Question) -> None:
    """Raises _Left where nobody says that the certificates are the right ones."""
    for shown in question.certificates:
        if shown.is_believed:
            output.line(f"{shown.host} proves itself by a certificate that is trusted.")
            continue
        output.line(f"{shown.host}: {shown.problem}")
        if not shown.fingerprint:
            raise _Left
        output.line(f"  It shows: {shown.fingerprint}")
        output.line(f"  {question.compare or 'Compare it with what its own host says.'}")
        if read_line("Is it the same? Only yes goes on: ", False).strip() != "yes":
            output.line("Nothing was sent to it. If they differ, somebody is in between.")
            raise _Left


def _prove(desk: SetupDesk, draft: SetupDraft, *, unproven: bool) -> int:
    """Check, and save what was seen working, or what the user wants all the same."""
    from engine.cli.provider_setup import tell_saved

    asking = _Asking(desk)
    while True:
        _head("Does it work?")
        checks = desk.check(draft)
        print_checks(checks)
        if not has_failed(checks) or unproven:
            desk.save(draft, checks, unproven=unproven)
            tell_saved(draft.name, checks)
            return 1 if has_failed(checks) else 0
        said = read_line(
            "r checks again, a service's name changes its answers, u saves it unproven, q keeps "
            "the draft: ",
            False,
        ).strip()
        if said == "q":
            raise _Left
        unproven = said == "u"
        if said in set(Service):
            draft = asking.service(draft, Service(said))


def _agreed(question: str) -> bool:
    return read_line(question, False).strip().lower() in ("y", "yes")


def _head(title: str) -> None:
    output.line(f"\n== {title}")
