"""The line for words to search for, above a list: how it is opened, typed into and left."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from tui.screens.page import Page
from tui.widgets.rows import RowList
from tui.widgets.text_line import TextLine


class Searching(Page):
    """The pages built on this one have the line in their body, and show what has the words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search options by name, help or value"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._words = ""

    @property
    def grid(self) -> RowList:
        """The list that is searched."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Is there something to search in?"""
        raise NotImplementedError

    def words_typed(self) -> None:
        """Show what has `_words` in it."""
        raise NotImplementedError

    @staticmethod
    def search_field() -> TextLine:
        """For the page's body."""
        return TextLine(placeholder="words in name, help or value", id="search")

    @property
    def search_line(self) -> TextLine:
        return self.query_one("#search", TextLine)

    def action_search(self) -> None:
        if self.is_open:
            self.search_line.display = True
            self.set_focus(self.search_line)

    def on_input_changed(self, change: TextLine.Changed) -> None:
        if change.input is self.search_line and self.is_open:
            self._words = change.value.strip()
            self.words_typed()

    def on_input_submitted(self) -> None:
        self.leave_search()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("down", "up", "tab") and self.focused is self.search_line:
            event.stop()
            event.prevent_default()
            self.leave_search()

    def leave_search(self) -> None:
        self.grid.focus()
        self.search_line.display = bool(self._words)

    def forget_search(self) -> None:
        """Take the words away; what they hid is to be shown by whoever asks for this."""
        self._words = ""
        with self.search_line.prevent(TextLine.Changed):
            self.search_line.value = ""
        self.leave_search()
