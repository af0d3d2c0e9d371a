"""The recovery sheet on the screen, for as long as somebody looks at it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.text import BLANK, Line, Span, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView


class SheetPage(Page):
    """It holds the repository's password: nothing of it is kept when the page is left."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Up Down", "read"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "Scroll up", show=False),
        Binding("down", "scroll(1)", "Scroll down", show=False),
        Binding("pageup", "scroll(-12)", "Page up", show=False),
        Binding("pagedown,space", "scroll(12)", "Page down", show=False),
    ]

    class Read(Message):
        """The sheet was asked for. Its text is in no representation of this message."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def __rich_repr__(self) -> Any:
            yield "sheet", "hidden"

    def __init__(self, repository: str) -> None:
        super().__init__()
        self._repository = repository
        self._text = ""

    def body(self) -> ComposeResult:
        yield LineView([(Span(" Making the sheet...", "muted"),)], id="sheet")

    def on_mount(self) -> None:
        where = f"repositories  {self._repository}  recovery sheet"
        self.title_bar(where, "secret: it is recorded who looks")

    def on_screen_resume(self) -> None:
        """Each time it is come to: what was shown is forgotten whenever it is left."""
        name = self._repository
        self.ask(
            lambda homeport: homeport.repositories.sheet(name), self.Read, "sheet", slowly=True
        )

    def on_sheet_page_read(self, read: Read) -> None:
        self._text = read.text
        self.draw()
        self.say(f"To print it, in a shell: homeport repositories sheet {self._repository}")

    def draw(self) -> None:
        view = self.query_one("#sheet", LineView)
        if self._text:
            width = max(20, view.size.width - 2)
            view.show(
                [line for part in self._text.splitlines() for line in sheet_lines(part, width)]
            )

    def on_screen_suspend(self) -> None:
        self._text = ""
        self.query_one("#sheet", LineView).show([])

    def action_scroll(self, lines: int) -> None:
        view = self.query_one("#sheet", LineView)
        view.scroll_to(y=view.scroll_offset.y + lines, animate=False, force=True)


def sheet_lines(text: str, width: int) -> list[Line]:
    """A line of the sheet, what is too long going on below, further in."""
    indent = len(text) - len(text.lstrip())
    first, *rest = wrapped(text.strip(), width - indent - 2) or [BLANK]
    lead, further = Span(" " * (indent + 1)), Span(" " * (indent + 3))
    return [(lead, *first), *((further, *part) for part in rest)]
