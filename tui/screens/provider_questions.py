"""Going through the questions about a provider's services, forth and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from tui.provider_drafts import (
    answered,
    believed,
    chosen,
    described,
    finished,
    noted,
    question_at,
)
from tui.screens.page import Page
from tui.screens.provider_setup_text import ABOUT, PROOF

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.provider_setup.draft import SetupDraft
    from engine.provider_setup.outline import Outline, Outlined
    from engine.provider_setup.questions import Question


class SetupQuestions(Page):
    """For a page that shows how far the setup is, and is come back to after each question."""

    @dataclass
    class Come(Message):
        """How far it is. service, position: the question to go on with; "" for none."""

        outline: Outline
        service: str = ""
        position: int = 0

    @dataclass
    class Asked(Message):
        """The question was made; None: there is no further one."""

        service: str
        question: Question | None

    def __init__(self, name: str) -> None:
        super().__init__()
        self._provider = name
        self._outline: Outline | None = None
        self._trail: list[int] = []
        """Positions of the questions that Esc goes back to, of the service that is asked about."""
        self._asked_of = ""
        self._is_asking = False

    def show_outline(self, *, onward: bool = False) -> None:
        """onward: the row under the cursor is done with."""
        raise NotImplementedError

    @property
    def _draft(self) -> SetupDraft:
        assert self._outline is not None
        return self._outline.draft

    # which one

    def open_part(self, key: str, *, anew: bool = False) -> None:
        """A row was chosen. Where going through its questions broke off, it goes on there.
        anew: from the first one on."""
        outline = self._outline
        if outline is None or self._is_asking:
            return
        if key == ABOUT:
            self._open_about()
        elif key == PROOF:
            self._open_proof()
        else:
            one = next(one for one in outline.services if one.service.value == key)
            if anew or one.is_answered or key != self._asked_of:
                self._trail = []
            if len(one.kinds) > 1 or not one.is_required:
                self._open_kinds(one)
            else:
                self._choose(key, one.kinds[0][0])

    def _open_about(self) -> None:
        from tui.screens.provider_form import SetupForm

        draft = self._draft
        self.app.push_screen(
            SetupForm(
                f"providers  {self._provider}",
                lambda homeport: homeport.provider_setup.about(draft),
                described(draft),
                taken=lambda outline: self._back_with(outline, onward=True),
                left=self._back_with,
            )
        )

    def _open_proof(self) -> None:
        from tui.screens.provider_proof import ProofPage

        if lacking := self._draft.missing():
            self.say(f"! Not answered yet: {', '.join(lacking)}.", "warn")
            return
        self.app.push_screen(ProofPage(self._draft))

    def _open_kinds(self, one: Outlined) -> None:
        from tui.screens.provider_kind import KindPage

        service = one.service.value
        crumbs = f"providers  {self._provider}  {service}"
        kinds = [*one.kinds, *([] if one.is_required else [("", "this provider has none")])]
        self.app.push_screen(
            KindPage(crumbs, kinds, one.kind, lambda kind: self._choose(service, kind))
        )

    def _choose(self, service: str, kind: str) -> None:
        begun = self._draft.backends.get(service)  # type: ignore[call-overload]
        if begun is None or begun.kind != kind:
            self._trail = []
        position = self._trail.pop() if self._trail else 0
        self.ask(
            chosen(self._draft, service, kind),
            lambda found: self.Come(found, service if kind else "", position),
            service,
        )

    # asking it

    def ask_at(self, service: str, position: int) -> None:
        self._asked_of, self._is_asking = service, True
        self.say("Asking what comes next...")
        self.ask(
            question_at(self._draft, service, position),
            lambda found: self.Asked(service, found),
            service,
            slowly=True,
        )

    def on_setup_questions_asked(self, asked: Asked) -> None:
        self._is_asking = False
        self.say("")
        question = asked.question
        if question is None:
            self._change(asked.service, finished(self._draft, asked.service))
        elif question.asked.value == "compare" and all(
            shown.is_believed for shown in question.certificates
        ):
            self._believe(asked.service, question)
        else:
            self._show(asked.service, question)

    def _show(self, service: str, question: Question) -> None:
        from tui.screens.provider_form import SetupForm
        from tui.screens.provider_steps import CommandsPage, ComparePage

        crumbs = f"providers  {self._provider}  {service}"
        back = self._going_back(service)
        page: Page
        if question.asked.value == "commands":
            page = CommandsPage(
                crumbs, question.commands, lambda: self._on(service, question), back
            )
        elif question.asked.value == "compare":
            page = ComparePage(
                crumbs,
                question,
                yes=lambda: self._believe(service, question),
                again=lambda: self.ask_at(service, question.position),
                left=back,
            )
        else:
            page = SetupForm(
                f"{crumbs}: {question.title}",
                lambda _: question,
                answered(self._draft, service),
                keep=noted(self._draft, service),
                taken=lambda outline: self._on(service, question, outline),
                left=back,
            )
        self.app.push_screen(page)

    # what comes of it

    def _on(self, service: str, question: Question, outline: Outline | None = None) -> None:
        """A question is done with: the next one, or back here after the last."""
        if question.is_last and outline is not None:
            self._trail = []
            self._back_with(outline, onward=True)
            return
        self._trail.append(question.position)
        self._back_with(outline)
        self.ask_at(service, question.position + 1)

    def _believe(self, service: str, question: Question) -> None:
        call = believed(self._draft, service, question)
        self._change(service, call, question.position + 1)

    def _going_back(self, service: str) -> Callable[..., None]:
        def back(outline: Outline | None = None) -> None:
            self._back_with(outline)
            if self._trail:
                self.ask_at(service, self._trail.pop())

        return back

    def _back_with(self, outline: Outline | None = None, *, onward: bool = False) -> None:
        self._outline = outline or self._outline
        self.show_outline(onward=onward)

    def _change(
        self, service: str, call: Callable[[Homeport], Outline], position: int | None = None
    ) -> None:
        if position is None:
            self._trail = []
        self.ask(
            call,
            lambda found: self.Come(found, service if position is not None else "", position or 0),
            service,
        )
