"""The review of an upgrade: a row for every option, old and new, and a person's decisions.

The review model decides what is certain, says what is not, and owns decisions and their undo;
this page turns keys into its commands and shows what came of them. A draft of the decisions is
kept, so that the page can be left at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.screens.keeping import Keeping
from tui.screens.upgrade_sections import ReviewSections
from tui.screens.upgrade_text import counts_said
from tui.session import CallFailed
from tui.text import Span, wrapped
from tui.widgets.lines import LineView
from tui.widgets.review_grid import ReviewGrid
from tui.widgets.row_editor import RowEditor
from tui.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forms.upgrade import NotTaken, Review


class ReviewPage(ReviewSections, Keeping):
    """The base of the pages that review an upgrade; they say where the review comes from, and
    what is done with it when nothing is left to decide."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,f5", "plan", "Go on, when nothing is left to decide"),
        Binding("r", "report", "Write a report of what was decided to a file"),
    ]

    @dataclass
    class Opened(Message):
        """The review was made."""

        review: Review
        draft: dict[str, Any] | None = None
        """Decisions that were kept before, to be taken up."""
        refused: Sequence[NotTaken] = field(default_factory=tuple)
        """Prepared answers that did not apply."""
        note: str = ""

    @dataclass
    class Reported(Message):
        """The report is in this file."""

        file: str

    def __init__(self, crumbs: str) -> None:
        super().__init__(crumbs)
        self._kept_answers: list[Any] = []
        self._is_plan_wanted = False
        self._is_done = False
        """It was done what the review is for, and nothing was decided since."""
        self.deployment = ""
        """Whose upgrade it is; empty for values in a file."""

    # what the pages built on this one say

    def open_review(self, source: Any) -> Opened:
        """Make the review; runs in the engine's thread."""
        raise NotImplementedError

    def draft_said(self) -> str:
        """What a draft holds, for the sentence "... is kept as a draft"."""
        raise NotImplementedError

    def write_draft(self, draft: dict[str, Any]) -> None:
        """Keep what `Review.dump` gave; post `Kept` when it is kept."""
        raise NotImplementedError

    def drop(self) -> None:
        """Forget the draft."""
        raise NotImplementedError

    def go_on(self, review: Review) -> None:
        """Nothing is left to decide: do with it what the review is for."""
        raise NotImplementedError

    # what is shown

    def body(self) -> ComposeResult:
        yield self.search_field()
        yield LineView(id="columns")
        with Container(classes="body stacked"):
            yield ReviewGrid()
            yield LineView(
                [(Span("Comparing the releases...", "muted"),)], id="side", classes="side"
            )
        yield RowEditor()

    def on_mount(self) -> None:
        self.search_line.display = False
        self.title_bar(self._crumbs)
        self.grid.focus()
        # behind the first paint: comparing releases with many options takes a while
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        self.ask(self.open_review, lambda opened: opened, "review")

    def on_review_page_opened(self, opened: Opened) -> None:
        self.review = review = opened.review
        refused = list(opened.refused)
        if opened.draft is not None:
            refused += self._take_up(review, opened.draft)
        self._kept_answers = review.dump()["answers"]
        self._filter = "changed" if review.ready else "asks"
        self._section = ()
        self.draw()
        self.show_rows(review.next())
        if not self.grid.line_count and self._filter == "changed":
            self._filter = "all"
            self.show_rows()
        if refused:
            self.say(f"! {refusals_said(refused)}", "warn")
        elif opened.note:
            self.say(opened.note, "warn")
        elif review.ready and not self.message:
            said = "Nothing needs you" if not review.undoable else "Nothing is left to decide"
            counts = counts_said(review)
            self.say(f"{said}: {self.GOES_ON}.{f' ({counts})' if counts else ''}", "good")
        if self._is_plan_wanted:  # asked for while the releases were compared
            self.action_plan()

    def _take_up(self, review: Review, draft: dict[str, Any]) -> Sequence[NotTaken]:
        try:
            refused = review.load(draft)
        except ValueError as failure:
            self.say(f"! The draft cannot be taken up: {failure}", "warn")
            return ()
        count = len(draft.get("answers") or ())
        secrets = draft.get("left_out") or ()
        again = f" Type again: {', '.join(map(str, secrets))}." if secrets else ""
        if count or secrets:
            said = f"Here again: {counted(count, 'decision')} made before."
            self.say(f"{said}{again} x drops them.", "warn" if again else "plain")
        return refused

    def failed(self, failure: CallFailed) -> None:
        super().failed(failure)
        if failure.asked == "review":
            side = self.query_one("#side", LineView)
            side.show(wrapped(failure.error.get("do") or "Esc goes back.", side.size.width - 1))
        elif failure.asked == "draft":
            self.app.farewell.draft = ""
            self._kept_answers = []  # to be written with the next decision

    def keep(self) -> None:
        """Write the draft, where the decisions are not those that were kept or taken up last."""
        if self.review is None:
            return
        if self._is_done:
            self.post_message(self.Kept())
            return
        draft = self.review.dump()
        self.app.farewell.draft = self.draft_said() if draft["answers"] else ""
        if draft["answers"] == self._kept_answers:
            self.post_message(self.Kept())
        else:
            self._kept_answers = draft["answers"]
            self.write_draft(draft)

    def changed(self) -> None:
        self._is_done = False
        self.redraw()
        self.keep_later()

    # going on

    def action_plan(self) -> None:
        review = self.review
        self._is_plan_wanted = review is None
        if review is None:
            return
        if review.ready:
            self.say("")
            self.go_on(review)
            return
        key = review.next()
        assert key is not None
        self.go_to(key)
        row, left = review.row(key), len(review.queue)
        why = row.problem or row.note
        self.say(f"x {left} to decide before that; the first is {row.path}: {why}.", "bad")

    def action_report(self) -> None:
        review = self.review
        if review is None:
            return
        from tui.screens.save_as import SaveAs

        name = f"upgrade-{review.application}-{review.releases[-1].version}.html"
        self.app.push_screen(SaveAs("the report (.html, .json or text)", name), self._report)

    def _report(self, file: str | None) -> None:
        review, deployment = self.review, self.deployment
        if not file or review is None:
            return

        def write(_engine: Any) -> str:
            from engine.upgrade_report import report_for
            from tui.screens.save_as import write_new

            return write_new(file, report_for(file, review, deployment=deployment).encode())

        self.ask(write, self.Reported, "report")

    def on_review_page_reported(self, reported: Reported) -> None:
        self.say(f"+ The report is in {reported.file}", "good")

    def carried_out(self) -> None:
        """It is done what the review was for: the decisions are no draft any more."""
        self._stop_keeping()
        self._is_done = True
        self._kept_answers = []
        self.drop()

    def begin_again(self) -> None:
        self.review = None
        self.drop()
        self._open()

    def action_back(self) -> None:
        if not self.show_all():
            self.back_when_kept()


def refusals_said(refused: Sequence[NotTaken]) -> str:
    """What became of answers that did not apply, on one line."""
    first, *more = refused
    rest = f"; and {len(more)} more" if more else ""
    return f"Not taken: {first.option}: {first.why}{rest}"
