"""Finding options in a form: words to search for, and filters by what was done to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.screens.form_base import FormBase
from tui.screens.searching import Searching

if TYPE_CHECKING:
    from forms import Filter, Path
    from forms import Row as OptionRow

FILTERS = {
    "all": "",
    "mine": "only what is set",
    "changed": "only changes",
    "invalid": "only wrong",
    "advanced": "only advanced",
}
"""Which rows a filter shows, as the title line says it."""
LOOK_AT = 100
"""Rows among which the best match of a search is looked for."""


class FormSearch(FormBase, Searching):
    """Search line and filters narrow each other; Esc takes both away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,f3", "next_match", "Go to the next option that was searched for"),
        Binding("f", "next_filter", "Show all, or only: set, changed, wrong, advanced"),
        Binding("m", "filter('mine')", "Show only what I set, or all"),
        Binding("i", "filter('invalid')", "Show only what is wrong or needed, or all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sought = ""
        """The words of the last search, for going to the next match after it."""
        self._filter = "all"

    @property
    def is_open(self) -> bool:
        return self.form is not None

    def wanted(self) -> Filter:
        """The rows that search and filters leave."""
        from forms import Filter

        return Filter(
            text=self._words,
            changed=self._filter == "changed",
            mine=self._filter == "mine",
            invalid=self._filter == "invalid",
            advanced=self._filter == "advanced",
        )

    def filters_said(self) -> list[str]:
        """What narrows the rows, in words."""
        words = f"search {self._words!r}" if self._words else ""
        return [said for said in (words, FILTERS[self._filter]) if said]

    def show_rows(self, row_id: int | None = None) -> None:
        """Show the rows that search and filters leave, with the cursor on that one."""
        if self.form is None:
            return
        grid = self.grid
        grid.show_options(self.form.rows(self.wanted()), grid.key if row_id is None else row_id)
        self.redraw()

    # search

    def action_search(self) -> None:
        super().action_search()
        if self.form is not None:
            self.call_after_refresh(self.form.prepare_search)

    def words_typed(self) -> None:
        self._sought = self._words
        if self._words and self.form is not None:
            # the cursor goes to the best match, wherever it was: its row is not looked up
            self.grid.show_options(self.form.rows(self.wanted()))
            self._to_first_match()
            self.redraw()
        else:
            self.show_rows()

    def _to_first_match(self) -> None:
        """To the first option that is called so, or else the first that says so."""
        grid = self.grid
        rows = [grid.row_at(at) for at in range(min(grid.line_count, LOOK_AT))]
        called = (at for at, row in enumerate(rows) if self._is_called(row.path))
        first = next(called, None)
        if first is None:
            first = next((at for at, row in enumerate(rows) if not row.foldable), 0)
        grid.move_to(first)

    def _is_called(self, path: Path) -> bool:
        label = f"{path[-1] if path else ''}".casefold()
        return all(word in label for word in self._words.casefold().split())

    def action_next_match(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or not self._sought:
            self.say("Search first: / and some words.")
            return
        from forms import Filter

        matches = [
            match.path for match in form.rows(Filter(text=self._sought)) if not match.foldable
        ]
        form.rows(self.wanted())
        if not matches:
            self.say(f"No option has {self._sought!r}.")
            return
        self.go_to(_after(matches, row.path if row else (), list(form.paths())))

    # filters

    def action_next_filter(self) -> None:
        names = list(FILTERS)
        self.action_filter(names[(names.index(self._filter) + 1) % len(names)])

    def action_filter(self, name: str) -> None:
        if self.form is not None:
            self._filter = "all" if self._filter == name else name
            self.show_rows()

    def show_all(self) -> bool:
        """Take search and filters away; False where there were none."""
        search = self.search_line
        if not (self._words or self._filter != "all" or search.display):
            return False
        row = self.grid.row
        self._filter = "all"
        self.forget_search()
        if row is not None and self.form is not None:
            self.form.rows()
            self.show_rows(self.form.reveal(row.path))
        else:
            self.show_rows()
        return True

    def fold(self, row: OptionRow, folded: bool) -> None:
        if self.filters_said():
            self.say("Everything stands open while a search or filter is on. Esc shows all.")
        elif self.form is not None:
            self.form.fold(row.id, folded)
            self.redraw(row.id)

    def go_to(self, path: Path) -> None:
        if self.form is None:
            return
        at = self.form.row(path).id
        rows = self.form.rows(self.wanted())
        if rows.position(at) is None and rows.filtered:
            self.show_all()
        self.show_rows(self.form.reveal(path))


def _after(matches: list[Path], here: Path, order: list[Path]) -> Path:
    """The first match behind a row, or else the first of all."""
    places = {path: place for place, path in enumerate(order)}
    at = places.get(here, -1)
    return next((match for match in matches if places.get(match, -1) > at), matches[0])
