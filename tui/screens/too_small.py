"""What is shown on a terminal that is too small to show anything else."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from tui.text import wrapped
from tui.widgets.lines import LineView


class TooSmall(ModalScreen[None]):
    """Takes no keys, so that none is typed blindly into a page that cannot be seen."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__()
        self._smallest = (columns, lines)

    def compose(self) -> ComposeResult:
        yield LineView()

    def on_screen_resume(self) -> None:
        """A page above this one was closed after the terminal had become larger again."""
        columns, lines = self._smallest
        if self.app.size.width >= columns and self.app.size.height >= lines:
            self.call_later(self.app.pop_screen)

    def on_resize(self, event: events.Resize) -> None:
        columns, lines = self._smallest
        text = (
            f"This terminal has {event.size.width} columns and {event.size.height} lines. "
            f"Homeport needs {columns} columns and {lines} lines. Make it larger; nothing is lost."
        )
        self.query_one(LineView).show(wrapped(text, event.size.width - 1))
