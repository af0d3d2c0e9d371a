"""One form of the setup of a provider: its options come from the driver's settings, what can be
chosen from the service itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.form import FormPage
from tui.session import CallFailed
from tui.widgets.bars import Hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.homeport import Homeport
    from engine.provider_setup.outline import Outline
    from engine.provider_setup.questions import Question
    from tui.provider_drafts import Take


class SetupForm(FormPage):
    """commit: takes a whole document over. keep: keeps half of one; by default nothing is.

    taken, left: called when the page is gone, with how far it is by then.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,ctrl+s,f5", "plan", "Check these and go on"),
    ]
    GO_ON: ClassVar[Hint] = ("s", "go on")
    TO_GO_ON: ClassVar[str] = "before it goes on"

    @dataclass
    class Taken(Message):
        """The document was taken over."""

        outline: Outline

    @dataclass
    class Noted(Message):
        """What was filled in so far is in the draft."""

        outline: Outline

    def __init__(
        self,
        crumbs: str,
        question: Callable[[Homeport], Question],
        commit: Take,
        *,
        keep: Take | None = None,
        taken: Callable[[Outline], None],
        left: Callable[[Outline | None], None],
    ) -> None:
        super().__init__(crumbs)
        self._make = question
        self._take_over = commit
        self._keep_half = keep
        self._taken = taken
        self._left = left
        self._question: Question | None = None
        self._outline: Outline | None = None

    def open_form(self, homeport: Homeport) -> FormPage.Opened:
        from engine.provider_setup.questions import form_of

        self._question = question = self._make(homeport)
        note = f"! What can be chosen is not known. {question.note}" if question.note else ""
        return self.Opened(form_of(question), note=note or question.about)

    def on_form_page_opened(self, opened: FormPage.Opened) -> None:
        if self._question is not None and not self._question.note:
            self.say(opened.note)

    def go_on(self, document: Any) -> None:
        self._stop_keeping()
        question, take_over = self._question, self._take_over
        assert question is not None
        self.say("Taking it over...")
        self.ask(lambda homeport: take_over(homeport, question, document), self.Taken, "answer")

    def on_setup_form_taken(self, done: Taken) -> None:
        self.stop_checking()
        self.app.pop_screen()
        self._taken(done.outline)

    def failed(self, failure: CallFailed) -> None:
        super().failed(failure)
        form, error = self.form, failure.error
        if failure.asked == "answer" and form is not None:
            try:
                self.go_to(form.find(str(error.get("on", ""))))
            except (KeyError, ValueError):
                return
            self.say(f"x {error.get('why') or error.get('what')}", "bad")

    # half done

    def keep(self) -> None:
        question, keep = self._question, self._keep_half
        if self.form is None or question is None or keep is None:
            self.post_message(self.Kept())
            return
        document = self.form.document()
        self.ask(lambda homeport: keep(homeport, question, document), self.Noted, "draft")

    def on_setup_form_noted(self, noted: Noted) -> None:
        self._outline = noted.outline
        self.post_message(self.Kept())

    def drop(self) -> None:
        self.post_message(self.Kept())

    def action_back(self) -> None:
        if self.show_all():
            return
        self.stop_checking()
        if self.form is None or not self.form.dirty or self._keep_half is None:
            self.go_back()
        else:
            self.back_when_kept()

    def go_back(self) -> None:
        self._stop_keeping()
        self.app.pop_screen()
        self._left(self._outline)
