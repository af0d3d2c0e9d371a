"""The review of a configuration in a file, with the files that values and decisions go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.upgrade import ReviewPage
from tui.session import CallFailed
from tui.widgets.bars import Hint

if TYPE_CHECKING:
    from engine.review_desk import ReviewDesk, Written
    from forms.upgrade import Review


class ReviewFilePage(ReviewPage):
    """Writes the values where the command line says, or asks for a file.

    What pages ask is asked of a ReviewDesk here, not of the engine.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,ctrl+s", "plan", "Write the files, when nothing is left to decide"),
        Binding("a", "write_answers", "Write the decisions as they are to the answers file"),
    ]
    GO_ON: ClassVar[Hint] = ("s", "write")
    GOES_ON: ClassVar[str] = "s writes the new values"
    BACK: ClassVar[Hint] = ("Esc", "leave")

    @dataclass
    class Saved(Message):
        """Files were written."""

        written: Written

    @dataclass
    class Named(Message):
        """The file for the values is known now."""

    def __init__(self, name: str, proposal: str) -> None:
        super().__init__(f"review  {name}")
        self._about = name
        self._proposal = proposal
        self._has_target = self._has_answers = True
        self._over_next = False
        self._opened_once = False

    def open_review(self, source: Any) -> ReviewPage.Opened:
        desk: ReviewDesk = source
        self._has_target, self._has_answers = desk.has_target, desk.has_answers
        review, refused = desk.review()
        draft = None if self._opened_once else desk.draft()
        self._opened_once = True
        return self.Opened(review, draft, refused)

    def draft_said(self) -> str:
        return f"nothing was written; what you decided for {self._about}"

    def write_draft(self, draft: dict[str, Any]) -> None:
        self.ask(lambda desk: _desk(desk).keep_draft(draft), lambda _: self.Kept(), "draft")

    def drop(self) -> None:
        self.app.farewell.draft = ""
        self.ask(lambda desk: _desk(desk).drop_draft(), lambda _: self.Kept(), "draft")

    # writing

    def go_on(self, review: Review) -> None:
        if self._has_target:
            self._write(review)
            return
        from tui.screens.save_as import SaveAs

        self.app.push_screen(SaveAs("the new values", self._proposal), self._name_target)

    def _name_target(self, name: str | None) -> None:
        if name:
            self.ask(lambda desk: _desk(desk).name_target(name), lambda _: self.Named(), "write")
        elif self._has_answers and self.review is not None:
            self._write(self.review)
        else:
            self.say("Nothing was written.")

    def on_review_file_page_named(self) -> None:
        self._has_target = True
        if self.review is not None:
            self._write(self.review)

    def action_write_answers(self) -> None:
        if self.review is None:
            return
        if self._has_answers:
            self._write(self.review)
        else:
            self.say("No file is named for the decisions: start it with --answers FILE.")

    def _write(self, review: Review) -> None:
        over, self._over_next = self._over_next, False
        self.ask(lambda desk: _desk(desk).write(review, over=over), self.Saved, "write")

    def on_review_file_page_saved(self, saved: Saved) -> None:
        written = saved.written
        every = (written.values, written.answers, written.report)
        files = [file for file in every if file is not None]
        said = f"Written: {', '.join(file.name for file in files)}"
        if written.kept_as is not None:
            said += f"; what was there before is {written.kept_as.name}"
        if written.report_kept_as is not None:
            said += f"; the report that was there is {written.report_kept_as.name}"
        left = len(self.review.queue) if self.review is not None else 0
        if written.values is not None:
            self.carried_out()
            self.app.farewell.done = f"the new values are in {written.values}."
        self.say(f"+ {said}. {f'{left} left to decide.' if left else 'q leaves.'}", "good")

    # what goes wrong, and leaving

    def failed(self, failure: CallFailed) -> None:
        if failure.asked == "review":
            self.app.exit(return_code=2)
            self.app.farewell.error = failure.error
            return
        super().failed(failure)
        if failure.error.get("code") == "conflict" and self._has_target:
            self._over_next = True
            said = "! Somebody else has changed the file. s again writes yours, and keeps theirs."
            self.say(said, "warn")

    def action_back(self) -> None:
        if not self.show_all():
            self.action_leave()


def _desk(desk: Any) -> ReviewDesk:
    found: ReviewDesk = desk
    return found
