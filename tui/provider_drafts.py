"""What the pages of a provider's setup ask the engine; each call gives how far it is by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.provider_setup.desk import SetupDesk
    from engine.provider_setup.draft import SetupDraft
    from engine.provider_setup.outline import Outline
    from engine.provider_setup.questions import Question

Call = Callable[["Homeport"], "Outline"]
Take = Callable[["Homeport", "Question", dict[str, Any]], "Outline"]


def begun(name: str, *, revises: bool) -> Call:
    def begin(homeport: Homeport) -> Outline:
        desk = homeport.provider_setup
        return desk.outline(desk.revise(name) if revises else desk.begin(name))

    return begin


def described(draft: SetupDraft) -> Take:
    """With what belongs to no service."""

    def describe(homeport: Homeport, _: Question, document: dict[str, Any]) -> Outline:
        desk = homeport.provider_setup
        return desk.outline(desk.describe(draft, document))

    return describe


def chosen(draft: SetupDraft, service: str, kind: str) -> Call:
    """kind: of the service's driver; "" for none."""
    return _changed(draft, service, lambda desk, of: desk.choose(draft, of, kind))


def believed(draft: SetupDraft, service: str, question: Question) -> Call:
    return _changed(draft, service, lambda desk, of: desk.believe(draft, of, question))


def finished(draft: SetupDraft, service: str) -> Call:
    return _changed(draft, service, lambda desk, of: desk.finish(draft, of))


def answered(draft: SetupDraft, service: str) -> Take:
    def answer(homeport: Homeport, asked: Question, document: dict[str, Any]) -> Outline:
        change = _changed(draft, service, lambda desk, of: desk.answer(draft, of, asked, document))
        return change(homeport)

    return answer


def noted(draft: SetupDraft, service: str) -> Take:
    """Half done."""

    def note(homeport: Homeport, asked: Question, document: dict[str, Any]) -> Outline:
        change = _changed(draft, service, lambda desk, of: desk.note(draft, of, asked, document))
        return change(homeport)

    return note


def question_at(
    draft: SetupDraft, service: str, position: int
) -> Callable[[Homeport], Question | None]:
    """None behind the last one. Its libraries do not stay in this process."""

    def question(homeport: Homeport) -> Question | None:
        from engine.model.provider import Service

        return homeport.provider_setup.question(draft, Service(service), position, aside=True)

    return question


def _changed(
    draft: SetupDraft, service: str, change: Callable[[SetupDesk, Any], SetupDraft]
) -> Call:
    def changed(homeport: Homeport) -> Outline:
        from engine.model.provider import Service

        desk = homeport.provider_setup
        return desk.outline(change(desk, Service(service)))

    return changed
