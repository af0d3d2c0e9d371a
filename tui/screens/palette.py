"""Every action of a page by name: for whoever does not remember a letter."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen

from tui.screens.keys import key_name
from tui.text import Cell, columns
from tui.widgets.bars import Foot
from tui.widgets.rows import Row, RowList
from tui.widgets.text_line import TextLine

_ANYWHERE = (
    ("app.deploy", "Deploy an application"),
    ("app.catalog", "Open the catalog of applications"),
    ("app.providers", "Open the providers"),
    ("app.operations", "Open the list of operations"),
    ("app.repositories", "Open the repositories that backups lie in"),
    ("app.home", "Go to the deployments"),
    ("app.leave", "Leave Homeport"),
)


class Palette(ModalScreen[None]):
    """Type a part of a name, choose with the arrows, run with Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+p", "dismiss", "Close without running anything"),
        Binding("up", "move(-1)", "Action above"),
        Binding("down", "move(1)", "Action below"),
        Binding("enter", "run", "Run the action", priority=True),
    ]

    def __init__(self, page: Screen[Any]) -> None:
        super().__init__()
        self._page = page
        self._actions = named_actions(page)

    def compose(self) -> ComposeResult:
        with Vertical(id="palette"):
            yield TextLine(placeholder="(type a part of an action's name)")
            yield RowList(self._rows(""))
            yield Foot((("Enter", "run"), ("Up Down", "choose"), ("Esc", "close")), ask_keys=False)

    def _rows(self, text: str) -> list[Row]:
        words = text.lower().split()
        return [
            Row(columns((Cell(description, 44), Cell(key, 8, "key"))), action)
            for action, description, key in self._actions
            if all(word in description.lower() for word in words)
        ]

    def on_input_changed(self, change: TextLine.Changed) -> None:
        self.query_one(RowList).show_rows(self._rows(change.value))

    def action_move(self, by: int) -> None:
        self.query_one(RowList).action_move(by)

    async def action_run(self) -> None:
        if action := self.query_one(RowList).key:
            await self.dismiss()
            await self._page.run_action(action)

    def on_row_list_chosen(self) -> None:
        self.call_next(self.action_run)


def named_actions(page: Screen[Any]) -> list[tuple[str, str, str]]:
    """Action, description and key: of the page first, then what can be done anywhere."""
    found: dict[str, tuple[str, str, str]] = {}
    for node, binding, enabled, _tooltip in page.active_bindings.values():
        own = node is page or node is page.app
        if own and enabled and binding.show and binding.description:
            prefix = "app." if node is page.app else ""
            action = prefix + binding.action.removeprefix("screen.")
            found.setdefault(action, (action, binding.description, key_name(binding.key)))
    for action, description in _ANYWHERE:
        if not hasattr(page.app, action.replace("app.", "action_")):
            continue
        found.setdefault(action, (action, description, ""))
    hidden = ("app.palette", "back")
    return [entry for name, entry in found.items() if name not in hidden]
