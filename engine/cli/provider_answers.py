"""`homeport providers add NAME --answers FILE`: the questions of a setup, answered beforehand."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.documents import read_answers_of
from engine.errors import Denied, InvalidInput
from engine.model.provider import Service
from engine.provider_setup.desk import SetupDesk
from engine.provider_setup.draft import REQUIRED, SetupDraft
from engine.provider_setup.questions import Asked, Question, form_of
from forms import FormModel, path_text
from forms.answers import Answer, apply_answers
from forms.values import ABSENT


def answered(desk: SetupDesk, draft: SetupDraft, options: argparse.Namespace) -> SetupDraft:
    """The draft with all that the file says. InvalidInput names every answer that cannot be
    taken; Denied a certificate that nobody has compared. What was taken is kept."""
    left = read_answers_of(options.answers) + _from_files(options.secret_file)
    own = [one for one in left if one.path.partition(".")[0] not in set(Service)]
    draft = desk.describe(draft, _filled(form_of(desk.about(draft)), own, draft.name))
    for service in Service:
        mine = [one for one in left if one.path == service.value]
        given = [one for one in left if one.path.startswith(f"{service.value}.")]
        if not (mine or given) and (service in draft.answered or service not in REQUIRED):
            continue
        draft = desk.choose(draft, service, _kind(desk, draft, service, mine))
        draft = _service(desk, draft, service, given)
    return draft


def _kind(desk: SetupDesk, draft: SetupDraft, service: Service, given: list[Answer]) -> str:
    for answer in reversed(given):
        return answer.text if answer.value is ABSENT else str(answer.value)
    if service in draft.backends:
        return draft.backends[service].kind
    known = list(desk.kinds(service))
    if len(known) == 1:
        return known[0]
    raise InvalidInput(
        f"nothing is said about {service.value}",
        on=service.value,
        why=f"it can be: {', '.join(known)}",
        left="what was answered is kept as a draft",
        do=f"Add a line to the answers, such as: {service.value} = {known[0]}",
    )


def _service(
    desk: SetupDesk, draft: SetupDraft, service: Service, given: list[Answer]
) -> SetupDraft:
    position, prefix, used = 0, f"{service.value}.", set[str]()
    while (question := desk.question(draft, service, position)) is not None:
        position += 1
        if question.asked is Asked.COMPARE:
            _refuse_unless_believed(question, service)
        if question.asked is not Asked.FORM:
            continue
        mine = [
            Answer(one.place, one.path.removeprefix(prefix), one.text, one.value)
            for one in given
            if not question.options or _option(one, prefix) in question.options
        ]
        used |= {prefix + one.path for one in mine}
        draft = desk.answer(
            draft, service, question, _filled(form_of(question), mine, service.value)
        )
    unknown = [one.path for one in given if one.path not in used]
    if unknown:
        raise InvalidInput(
            "there are no such options",
            on=service.value,
            why=", ".join(unknown),
            left="what was answered is kept as a draft",
            do="Correct these lines of the answers.",
        )
    return desk.finish(draft, service)


def _option(answer: Answer, prefix: str) -> str:
    return answer.path.removeprefix(prefix).partition(".")[0].partition("[")[0]


def _filled(form: FormModel, answers: list[Answer], on: str) -> dict[str, object]:
    """The document with these answers; InvalidInput names what is wrong with them."""
    refused = apply_answers(form, answers)
    wrong = [f"{one.path} ({one.place}): {one.why}" for one in refused]
    wrong += [
        f"{path_text(problem.path) or 'answers'}: {problem.message}"
        + (f"; {problem.hint}" if problem.hint else "")
        for problem in form.check(form.document())
    ]
    if wrong:
        raise InvalidInput(
            "the answers do not fit",
            on=on,
            why="\n".join(wrong),
            left="what was answered before is kept as a draft",
            do="Correct these answers and run the same command again.",
        )
    document: dict[str, object] = form.document()
    return document


def _refuse_unless_believed(question: Question, service: Service) -> None:
    for shown in question.certificates:
        if shown.is_believed:
            continue
        do = "See that it answers, and run the same command again."
        if shown.fingerprint:
            do = (
                f"{question.compare} If it is {shown.fingerprint}, add this line to the "
                f"answers: {service.value}.fingerprint = {shown.fingerprint}"
            )
        raise Denied(
            "nobody has compared the certificate of this host",
            on=shown.host,
            why=shown.problem,
            left="no secret was sent to it; what was answered is kept as a draft",
            do=do.strip(),
        )


def _from_files(arguments: list[str]) -> list[Answer]:
    """ "hypervisor.token=FILE": a secret that should stand in no file of answers."""
    found = []
    for argument in arguments:
        path, _, file = argument.partition("=")
        try:
            found.append(Answer(file, path, value=Path(file).read_text().rstrip("\n")))
        except OSError as error:
            raise InvalidInput("the secret cannot be read", on=file, why=str(error)) from error
    return found
