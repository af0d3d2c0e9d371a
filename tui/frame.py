"""What every application of the interface has: its look, its keys, and its ways to end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.scrollbar import ScrollBar

from tui.crash import EndsPlainly
from tui.farewell import Farewell
from tui.session import Session
from tui.theme import choose_theme
from tui.widgets.scrollbar import ConsoleScrollBar

SMALLEST = (60, 16)
"""Columns and lines below which pages cannot be read, so keys are not taken either."""


class Frame(EndsPlainly[str]):
    """One application on one terminal. `run` gives the line to leave on it.

    opener: makes what pages ask, in the thread that asks.
    """

    TITLE = "Homeport"
    CSS_PATH = Path(__file__).parent / "styles" / "homeport.tcss"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "keys", "The keys of this page", key_display="?"),
        Binding("ctrl+p", "palette", "Find an action by name", key_display="Ctrl+p"),
        Binding("q", "leave", "Leave Homeport"),
        Binding("ctrl+q,ctrl+c", "leave", "Leave Homeport", show=False),
    ]

    def __init__(self, opener: Callable[[], Any], farewell: Farewell) -> None:
        super().__init__()
        self.session = Session(opener)
        self.farewell = farewell
        self._left = False
        ScrollBar.renderer = ConsoleScrollBar
        self.theme = choose_theme(self)

    def on_resize(self, event: events.Resize) -> None:
        from tui.screens.too_small import TooSmall

        too_small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        if too_small and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall(*SMALLEST))
        elif not too_small and isinstance(self.screen, TooSmall):
            self.pop_screen()

    # the pages; imported when they are opened, so that the first paint does not wait for them

    def action_keys(self) -> None:
        from tui.screens.keys import KeysPage

        if not isinstance(self.screen, KeysPage):
            self.push_screen(KeysPage(self.screen))

    def action_palette(self) -> None:
        from tui.screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(self.screen))

    def action_leave(self) -> None:
        self._left = True
        self.exit(self.farewell.text())

    async def on_event(self, event: events.Event) -> None:
        """Keys that were typed behind the one that leaves have no page to go to any more."""
        if not (self._left and isinstance(event, events.Key)):
            await super().on_event(event)
