"""The keys of the page below, in words."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.screens.page import BACK, Page
from tui.text import Line, Span, fit
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList

NAMES = {
    "question_mark": "?",
    "escape": "Esc",
    "slash": "/",
    "space": "Space",
    "enter": "Enter",
    "tab": "Tab",
    "up": "Up",
    "down": "Down",
    "left": "Left",
    "right": "Right",
    "pageup": "Page Up",
    "pagedown": "Page Down",
    "home": "Home",
    "end": "End",
    "backspace": "Backspace",
    "delete": "Delete",
    "plus": "+",
    "minus": "-",
}


class KeysPage(Page):
    """Lists what is bound on the page it was opened from; any key list fits on the screen."""

    CRUMBS = "keys of this page"
    HINTS: ClassVar[tuple[Hint, ...]] = (BACK,)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,enter,q", "back", "Close the list of keys", show=False)
    ]

    def __init__(self, page: Screen[Any]) -> None:
        super().__init__()
        self._lines = describe_keys(page)

    def body(self) -> ComposeResult:
        yield RowList([Row(content, index) for index, content in enumerate(self._lines)])


def key_name(key: str) -> str:
    """A key as it is printed on the keyboard."""
    modifier, plus, rest = key.partition("+")
    if plus and rest:
        return f"{modifier.capitalize()}+{key_name(rest)}"
    return NAMES.get(key, key.upper() if key.startswith("f") and key[1:].isdigit() else key)


def describe_keys(page: Screen[Any]) -> list[Line]:
    """Every key that does something on the page, with what it does; the page's own first."""
    actions: dict[tuple[str, str], list[str]] = {}
    for _node, binding, enabled, _tooltip in page.active_bindings.values():
        if enabled and binding.description and not binding.system:
            keys = actions.setdefault((binding.action, binding.description), [])
            keys.append(key_name(binding.key))
    return [
        (Span(fit(" ".join(keys), 22), "key"), Span(description))
        for (_action, description), keys in actions.items()
    ]
