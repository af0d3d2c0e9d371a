"""Sections of a review: showing one of them, and deciding several of its options at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.screens.upgrade_deciding import ReviewDeciding
from tui.words import counted

if TYPE_CHECKING:
    from forms import Path


class ReviewSections(ReviewDeciding):
    """Both keys open a list to choose from; nothing is done before something is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "several", "Decide several at once, in this section or in all"),
        Binding("o", "sections", "Show one section only"),
    ]

    def action_several(self) -> None:
        """Offer what can be decided at once, each with its count; nothing is done before one
        of them is chosen."""
        review = self.review
        if review is None:
            return
        sections = dict.fromkeys((*self._sections_here(), ()))
        bulks = {one.label: one for section in sections for one in review.bulks(section)}
        if not bulks:
            self.say("Nothing is left that could be decided at once.")
            return

        def commit(label: str) -> None:
            self.close_editor()
            review.do_all(bulks[label])
            self.changed()
            self.say(f"+ Done: {label}. u takes it back.", "good")

        self.open_choices([(label, "") for label in bulks], "", commit)

    def _sections_here(self) -> list[Path]:
        """The sections that the row under the cursor lies in, the innermost first."""
        from forms import parse_path

        row = self.grid.row
        if self._section or row is None:
            return [self._section]
        path = parse_path(row.path)
        return [path[:length] for length in range(len(path) - 1, 0, -1)]

    def action_sections(self) -> None:
        review = self.review
        if review is None:
            return
        from forms import parse_path
        from forms.upgrade import Filter

        rows = review.rows(Filter())
        paths = [parse_path(row.path) for row in rows]
        counts = Counter(str(path[0]) for path in paths if len(path) > 1)
        open_in = Counter(str(parse_path(review.row(key).path)[0]) for key in review.queue)
        choices = [("all sections", counted(len(rows), "option"))]
        for name, count in counts.items():
            asks = f", {open_in[name]} to decide" if open_in[name] else ""
            choices.append((name, counted(count, "option") + asks))

        def commit(name: str) -> None:
            self.close_editor()
            self._section = (name,) if name in counts else ()
            self._filter = "all" if self._section else self._filter
            self.show_rows()

        current = str(self._section[0]) if self._section else "all sections"
        self.open_choices(choices, current, commit)
