"""Adding a provider, or changing one: what has to be said, service by service, then the proof.

This page is where one comes back to: it shows how far it is and opens the next question. What is
said is kept at once, so leaving loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.screens.progress_text import error_lines
from tui.screens.provider_setup_text import (
    ABOUT,
    HELP,
    OTHER,
    PROOF,
    part_line,
    proof_line,
    service_line,
)
from tui.session import CallFailed
from tui.text import BLANK, Span, wrapped
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.provider_setup.outline import Outline, Outlined
    from engine.provider_setup.questions import Question


class SetupPage(Page):
    """name: of the provider. revises: there is one of this name, and it is being changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "again", "Answer a service's questions from the first one on"),
        Binding("x", "drop", "Drop all that was said here"),
    ]

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

    @dataclass
    class Dropped(Message):
        """The draft is gone."""

    def __init__(self, name: str, *, revises: bool = False) -> None:
        super().__init__()
        self._provider = name
        self._revises = revises
        self._outline: Outline | None = None
        self._trail: list[int] = []
        """Positions of the questions that Esc goes back to, of the service that is asked about."""
        self._error: dict[str, object] | None = None
        self._is_asking = False
        self._is_drop_next = False

    def body(self) -> ComposeResult:
        with Container(classes="body"):
            yield RowList([Row((Span("Reading what was said before...", "muted"),))])
            yield LineView(id="side", classes="side")

    def on_mount(self) -> None:
        self._title()
        name, revises = self._provider, self._revises

        def begin(homeport: Homeport) -> Outline:
            desk = homeport.provider_setup
            return desk.outline(desk.revise(name) if revises else desk.begin(name))

        self.ask(begin, self.Come, "begin")

    # what is shown

    def _title(self, right: str = "") -> None:
        word = "change" if self._revises else "add"
        self.title_bar(f"providers  {word} {self._provider}", right)

    def draw(self, *, onward: bool = False) -> None:
        """onward: the cursor goes to what is to be done next."""
        rows = self.query_one(RowList)
        outline = self._outline
        if outline is None:
            if self._error is not None:
                lines = error_lines(dict(self._error), row_width(rows))
                rows.show_rows([Row(BLANK), *(Row(content) for content in lines)])
            return
        at = None if onward else rows.key
        width = row_width(rows)
        draft = outline.draft
        shown = [Row(part_line("The provider", draft.zone, bool(draft.zone), width), ABOUT)]
        shown += [Row(service_line(one, width), one.service.value) for one in outline.services]
        ready = not draft.missing()
        shown.append(Row(proof_line(ready, width), PROOF))
        rows.show_rows(shown)
        keys = [row.key for row in shown]
        rows.move_to(keys.index(at) if at in keys else keys.index(self._next()))
        left = len(draft.missing())
        self._title("ready to be checked" if not left else f"{left} to answer")
        self._draw_side()

    def _next(self) -> str:
        """The first row that something is to be done about."""
        outline = self._outline
        if outline is None or not outline.draft.zone:
            return ABOUT
        open_ones = (one for one in outline.services if one.is_required and not one.is_answered)
        first = next(open_ones, None)
        return first.service.value if first is not None else PROOF

    def _draw_side(self) -> None:
        side, key = self.query_one("#side", LineView), self.query_one(RowList).key
        width = max(20, side.size.width - 1)
        lines = wrapped(HELP.get(str(key), OTHER), width)
        if self._error is not None:
            lines = error_lines(dict(self._error), width)
        side.show(lines)
        again = (("e", "from its first question"),) if self._is_service(key) else ()
        self.hints(("Enter", "open"), *again, ("x", "drop the draft"), BACK)

    def _is_service(self, key: object) -> bool:
        return self._outline is not None and key in [
            one.service.value for one in self._outline.services
        ]

    def on_row_list_highlighted(self) -> None:
        self._draw_side()

    # going through the questions

    def on_setup_page_come(self, come: Come) -> None:
        self._outline, self._error = come.outline, None
        self.app.farewell.draft = f"the description of provider {self._provider}"
        word = "edit" if self._revises else "add"
        self.app.farewell.again = f"homeport providers {word} {self._provider}"
        self.draw(onward=not come.service)
        if come.service:
            self._ask(come.service, come.position)

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        self._open(str(chosen.key), self._trail[-1:] or [0])

    def action_again(self) -> None:
        key = self.query_one(RowList).key
        if self._is_service(key):
            self._open(str(key), [0])

    def _open(self, key: str, trail: list[int]) -> None:
        outline = self._outline
        if outline is None or self._is_asking:
            return
        self._error = None
        if key == ABOUT:
            self._open_about(outline)
        elif key == PROOF:
            self._open_proof(outline)
        else:
            one = next(one for one in outline.services if one.service.value == key)
            self._trail = [] if one.is_answered or not one.kind else trail[:-1]
            if len(one.kinds) > 1 or not one.is_required:
                self._open_kinds(one)
            else:
                self._choose(key, one.kinds[0][0])

    def _open_about(self, outline: Outline) -> None:
        from tui.screens.provider_form import SetupForm

        draft = outline.draft
        self.app.push_screen(
            SetupForm(
                f"providers  {self._provider}",
                lambda homeport: homeport.provider_setup.about(draft),
                lambda homeport, _question, document: homeport.provider_setup.outline(
                    homeport.provider_setup.describe(draft, document)
                ),
                taken=lambda outline: self._back_with(outline, onward=True),
                left=self._back_with,
            )
        )

    def _open_proof(self, outline: Outline) -> None:
        from tui.screens.provider_proof import ProofPage

        if lacking := outline.draft.missing():
            self.say(f"! Not answered yet: {', '.join(lacking)}.", "warn")
            return
        self.app.push_screen(ProofPage(outline.draft))

    def _open_kinds(self, one: Outlined) -> None:
        from tui.screens.provider_kind import KindPage

        service = one.service.value
        crumbs = f"providers  {self._provider}  {service}"
        kinds = [*one.kinds, *([] if one.is_required else [("", "this provider has none")])]
        self.app.push_screen(
            KindPage(crumbs, kinds, one.kind, lambda kind: self._choose(service, kind))
        )

    def _choose(self, service: str, kind: str) -> None:
        outline = self._outline
        assert outline is not None
        draft = outline.draft
        begin = draft.backends.get(service)  # type: ignore[call-overload]
        position = self._trail[-1] if self._trail and begin and begin.kind == kind else 0

        def choose(homeport: Homeport) -> Outline:
            from engine.model.provider import Service

            desk = homeport.provider_setup
            return desk.outline(desk.choose(draft, Service(service), kind))

        self.ask(choose, lambda found: self.Come(found, service if kind else "", position), service)

    def _ask(self, service: str, position: int) -> None:
        outline = self._outline
        assert outline is not None
        draft = outline.draft
        self._is_asking = True
        self.say("Asking what comes next...")

        def question(homeport: Homeport) -> Question | None:
            from engine.model.provider import Service

            return homeport.provider_setup.question(draft, Service(service), position, aside=True)

        self.ask(question, lambda found: self.Asked(service, found), service, slowly=True)

    def on_setup_page_asked(self, asked: Asked) -> None:
        self._is_asking = False
        self.say("")
        question = asked.question
        if question is None:
            self._change(asked.service, lambda desk, draft, service: desk.finish(draft, service))
        elif question.asked.value == "compare" and all(
            shown.is_believed for shown in question.certificates
        ):
            self._change(
                asked.service,
                lambda desk, draft, service: desk.believe(draft, service, question),
                question.position + 1,
            )
        else:
            self._show(asked.service, question)

    def _show(self, service: str, question: Question) -> None:
        from tui.screens.provider_form import SetupForm
        from tui.screens.provider_steps import CommandsPage, ComparePage

        crumbs = f"providers  {self._provider}  {service}"
        outline = self._outline
        assert outline is not None
        draft = outline.draft
        position = question.position
        back = self._going_back(service, position)
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
                again=lambda: self._ask(service, position),
                left=back,
            )
        else:

            def commit(homeport: Homeport, asked: Question, document: dict[str, object]) -> Outline:
                from engine.model.provider import Service

                desk = homeport.provider_setup
                return desk.outline(desk.answer(draft, Service(service), asked, document))

            def keep(homeport: Homeport, asked: Question, document: dict[str, object]) -> Outline:
                from engine.model.provider import Service

                desk = homeport.provider_setup
                return desk.outline(desk.note(draft, Service(service), asked, document))

            page = SetupForm(
                f"{crumbs}: {question.title}",
                lambda _: question,
                commit,
                keep=keep,
                taken=lambda outline: self._on(service, question, outline),
                left=lambda outline: back(outline),
            )
        self.app.push_screen(page)

    def _on(self, service: str, question: Question, outline: Outline | None = None) -> None:
        """A question is done with: the next one, or back here after the last."""
        if question.is_last and outline is not None:
            self._trail = []
            self._back_with(outline, onward=True)
            return
        self._trail.append(question.position)
        self._back_with(outline)
        self._ask(service, question.position + 1)

    def _believe(self, service: str, question: Question) -> None:
        self._change(
            service,
            lambda desk, draft, of: desk.believe(draft, of, question),
            question.position + 1,
        )

    def _going_back(self, service: str, position: int) -> Callable[..., None]:
        def back(outline: Outline | None = None) -> None:
            self._back_with(outline)
            if self._trail:
                self._ask(service, self._trail.pop())

        return back

    def _back_with(self, outline: Outline | None = None, *, onward: bool = False) -> None:
        """onward: the row under the cursor is done with."""
        self._outline = outline or self._outline
        self.draw(onward=onward)

    def _change(
        self, service: str, change: Callable[..., object], position: int | None = None
    ) -> None:
        outline = self._outline
        assert outline is not None
        draft = outline.draft

        def changed(homeport: Homeport) -> Outline:
            from engine.model.provider import Service

            desk = homeport.provider_setup
            return desk.outline(change(desk, draft, Service(service)))  # type: ignore[arg-type]

        if position is None:
            self._trail = []
        self.ask(
            changed,
            lambda found: self.Come(found, service if position is not None else "", position or 0),
            service,
        )

    # what goes wrong, and leaving

    def failed(self, failure: CallFailed) -> None:
        self._is_asking = False
        self.say("")
        self._error = failure.error
        self.draw() if self._outline is None else self._draw_side()

    def action_drop(self) -> None:
        if not self._is_drop_next:
            self._is_drop_next = True
            kept = "The provider stays as it is. " if self._revises else ""
            self.say(f"{kept}x again drops what was said here. Any other key keeps it.", "warn")
            return
        name = self._provider
        self.ask(
            lambda homeport: homeport.provider_setup.drop(name), lambda _: self.Dropped(), "drop"
        )

    def on_setup_page_dropped(self) -> None:
        self.app.farewell.draft = ""
        self.app.farewell.again = "homeport"
        self.dismiss()

    def key_typed(self, key: str) -> None:
        super().key_typed(key)
        if key != "x":
            self._is_drop_next = False
