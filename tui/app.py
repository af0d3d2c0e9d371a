"""The Textual application: its pages, its keys, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.scrollbar import ScrollBar

from tui.crash import EndsPlainly
from tui.farewell import Farewell
from tui.last_seen import FILE, LastSeen
from tui.screens.dashboard import Dashboard
from tui.session import Session
from tui.theme import choose_theme
from tui.widgets.scrollbar import ConsoleScrollBar

if TYPE_CHECKING:
    from engine.homeport import Homeport

SMALLEST = (60, 16)
"""Columns and lines below which pages cannot be read, so keys are not taken either."""


def _now() -> datetime:
    return datetime.now(UTC)


class HomeportApp(EndsPlainly[str]):
    """One interface on one terminal. `run` gives the line to leave on it.

    state: the directory in which the dashboard is remembered from one start to the next.
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

    def __init__(
        self,
        opener: Callable[[], Homeport],
        *,
        initial: str | None = None,
        state: Path | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        super().__init__()
        self.session = Session(opener)
        self.farewell = Farewell()
        self.clock = clock
        self.last_seen = LastSeen(state / FILE if state else None)
        self._initial = initial
        ScrollBar.renderer = ConsoleScrollBar
        self.theme = choose_theme(self)

    def get_default_screen(self) -> Screen[None]:
        return Dashboard(self._initial)

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

    def action_catalog(self) -> None:
        from tui.screens.catalog import CatalogPage

        self.push_screen(CatalogPage())

    def action_providers(self) -> None:
        from tui.screens.providers import ProvidersPage

        self.push_screen(ProvidersPage())

    def action_operations(self) -> None:
        from tui.screens.operations import OperationsPage

        self.push_screen(OperationsPage())

    def action_deploy(self) -> None:
        from tui.screens.deploy import start_deploying

        start_deploying(self)

    def open_deployment(self, name: str) -> None:
        from tui.screens.deployment import DeploymentPage

        self.push_screen(DeploymentPage(name))

    def open_operation(self, operation_id: str) -> None:
        from tui.screens.progress import ProgressPage

        self.push_screen(ProgressPage(operation_id))

    def action_home(self) -> None:
        """Close every page above the dashboard."""
        while not isinstance(self.screen, Dashboard):
            self.pop_screen()

    def action_leave(self) -> None:
        self.exit(self.farewell.text())
