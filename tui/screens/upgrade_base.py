"""What the parts of the review's page share: the review, its rows, filters, and what is said of
the row under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.timer import Timer

from tui.screens.form_base import reason
from tui.screens.page import BACK
from tui.screens.searching import Searching
from tui.screens.upgrade_text import (
    detail_lines,
    empty_lines,
    hints_for,
    place_in_queue,
    title,
    whole_lines,
)
from tui.text import Span
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.review_grid import ReviewGrid, heading
from tui.widgets.row_editor import RowEditor

if TYPE_CHECKING:
    from forms import Path
    from forms.upgrade import Filter, Key, Review, Rows

FILTERS = {
    "asks": "what needs you",
    "mine": "what you set",
    "changed": "what changes",
    "all": "",
}
"""Which rows a filter shows, as the title line says it."""
DETAIL_SECONDS = 0.2
"""How long the cursor rests before the detail follows it: while a key is held down, it waits."""


class ReviewBase(Searching):
    """`review` is None until the engine has given it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,g", "next(False)", "Go to the next option that needs you"),
        Binding("N", "next(True)", "Go to the one before that needs you"),
        Binding("f", "next_filter", "Show: what needs you, what you set, what changes, all"),
        Binding("m", "filter('mine')", "Show only what you set, or all"),
        Binding("i", "filter('asks')", "Show only what needs you, or all"),
        Binding("h", "help", "All that is known of the option, and why"),
    ]

    GO_ON: ClassVar[Hint] = ("p", "plan")
    GOES_ON: ClassVar[str] = "p shows the plan"
    BACK: ClassVar[Hint] = BACK
    MAY_DECIDE: ClassVar[bool] = True

    review: Review | None = None

    def __init__(self, crumbs: str) -> None:
        super().__init__()
        self._crumbs = crumbs
        self._filter = "all"
        self._section: Path = ()
        self._shown: Rows | None = None
        self._detail: Timer | None = None

    @property
    def grid(self) -> ReviewGrid:
        return self.query_one(ReviewGrid)

    @property
    def editor(self) -> RowEditor:
        return self.query_one(RowEditor)

    @property
    def is_open(self) -> bool:
        return self.review is not None

    # which rows

    def wanted(self) -> Filter:
        """The rows that search, filter and section leave."""
        from forms.upgrade import Filter, Status

        as_before = {Status.SAME, Status.CUSTOM, Status.SECRET}
        changed = frozenset(Status) - as_before if self._filter == "changed" else frozenset()
        return Filter(
            text=self._words,
            asks=self._filter == "asks",
            statuses=changed,
            mine=self._filter == "mine",
            section=self._section,
        )

    def narrowed(self) -> list[str]:
        """What narrows the rows, in words."""
        from forms import path_text

        words = f"search {self._words!r}" if self._words else ""
        section = f"in {path_text(self._section)}" if self._section else ""
        return [said for said in (words, section, FILTERS[self._filter]) if said]

    def words_typed(self) -> None:
        self.show_rows()

    def show_rows(self, key: Key | None = None) -> None:
        """Show what is wanted, with the cursor on that row, or else where it was."""
        if self.review is not None:
            before = self.grid.key
            self._shown = self.review.rows(self.wanted())
            self.grid.show_options(self._shown, key or before)
            self.redraw()

    @property
    def is_searching(self) -> bool:
        """Do words or a section narrow the rows? Esc takes these away first."""
        return bool(self._words or self._section or self.search_line.display)

    def show_all(self) -> bool:
        """Take search and section away; False where there were none."""
        if self.review is None or not self.is_searching:
            return False
        self._section = ()
        self.forget_search()
        self.show_rows()
        return True

    def go_to(self, key: Key) -> None:
        """Put the cursor on a row, whatever hides it."""
        if self.review is None:
            return
        if self.review.rows(self.wanted()).position(key) is None:
            self._filter, self._section = "all", ()
            self.forget_search()
        self.show_rows(key)

    def action_next_filter(self) -> None:
        names = list(FILTERS)
        self.action_filter(names[(names.index(self._filter) + 1) % len(names)])

    def action_filter(self, name: str) -> None:
        if self.review is not None:
            self._filter = "all" if self._filter == name else name
            self.show_rows()

    def action_next(self, back: bool) -> None:
        if self.review is None:
            return
        key = self.review.next(self.grid.key, back=back)
        if key is None:
            self.say(f"Nothing is left to decide: {self.GOES_ON}.")
        else:
            self.go_to(key)

    # what is drawn

    def redraw(self, key: Key | None = None) -> None:
        """Draw what decisions changed."""
        review = self.review
        if review is None:
            return
        self._leave_out_gone(review)
        self.grid.options_changed(key)
        self.title_bar(self._crumbs, title(review, self.narrowed()))
        self.show_detail()

    def _leave_out_gone(self, review: Review) -> None:
        """An option that turned out to be another one has no row of its own any more."""
        from forms.upgrade import Rows

        there = set(review.rows().keys)
        if self._shown is not None and not there.issuperset(self._shown.keys):
            left = [key for key in self._shown.keys if key in there]
            self._shown = Rows(left, review.row)
            self.grid.show_options(self._shown)

    def draw(self) -> None:
        side = self.query_one("#side", LineView)
        wanted = max(9, (self.size.height - 5) * 2 // 5)
        if side.styles.height is None or side.styles.height.value != wanted:
            side.styles.height = wanted
        if self.review is not None:
            first, last = self.review.releases[0].version, self.review.releases[-1].version
            self.query_one("#columns", LineView).show([heading(self.grid.width, first, last)])
        if self.editor.is_open:
            self.editor.place_on(self.grid)
        self.show_detail()

    def on_row_list_highlighted(self) -> None:
        if self._detail is not None:
            self._detail.stop()
        self._detail = self.set_timer(DETAIL_SECONDS, self.show_detail)

    def show_detail(self) -> None:
        """What is known of the row under the cursor, and the keys for it."""
        review, row = self.review, self.grid.row
        if review is None:
            return
        side = self.query_one("#side", LineView)
        searching = self.is_searching
        width = side.size.width - 1
        if row is None:
            side.show(empty_lines(review, searching, self.GOES_ON, width))
        else:
            lines = detail_lines(review.detail(row.key), place_in_queue(review, row), width)
            if len(lines) > side.size.height > 0:
                lines[side.size.height - 1 :] = [(Span("... h shows the rest", "muted"),)]
            side.show(lines)
        if not self.editor.is_open:
            go_on = self.GO_ON if self.MAY_DECIDE else None
            hints = hints_for(row, review, searching=searching, go_on=go_on, back=self.BACK)
            self.hints(*hints)

    def action_help(self) -> None:
        from tui.screens.option_help import OptionHelp

        if self.review is not None and (row := self.grid.row) is not None:
            known = self.review.detail(row.key)
            self.app.push_screen(OptionHelp(row.path, lambda width: whole_lines(known, width)))

    def refuse(self, failure: Exception) -> None:
        """Say why something cannot be decided."""
        self.say(f"x {reason(failure)}", "bad")
