"""One line of text being typed: Textual's Input without blinking, borders and control bytes."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from tui.text import printable
from tui.widgets.keys_in_order import act_at_once


class TextLine(Input):
    """A compact input. What is pasted cannot smuggle in control characters or lines."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        password: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            password=password,
            id=id,
            classes=classes,
            compact=True,
            select_on_focus=False,
        )
        self.cursor_blink = False

    async def _on_key(self, event: events.Key) -> None:
        await act_at_once(self, event)

    def _on_paste(self, event: events.Paste) -> None:
        if event.text:
            self.insert_text_at_cursor(printable(event.text.splitlines()[0].replace("\x1b", "")))
        event.prevent_default()
        event.stop()
