"""Asking for the file that something public is to be written to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.text import BLANK, Span, wrapped
from tui.widgets.bars import Foot
from tui.widgets.lines import LineView
from tui.widgets.text_line import TextLine


class SaveAs(ModalScreen[str]):
    """The path that was typed; empty where nothing is to be saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close: nothing is written"),
    ]

    def __init__(self, what: str, proposal: str) -> None:
        super().__init__()
        self._what = what
        self._proposal = proposal

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield LineView(id="question")
            yield TextLine(self._proposal)
            yield Foot((("Enter", "save"), ("Esc", "close")), ask_keys=False)

    def on_line_view_resized(self) -> None:
        view = self.query_one("#question", LineView)
        about = "A name without a path is a file where homeport was started; ~ is your home."
        width = view.size.width
        view.show(
            [
                (Span(f"Save {self._what} as", "strong"),),
                BLANK,
                *wrapped(about, width, "muted"),
            ]
        )

    def on_input_submitted(self, submitted: TextLine.Submitted) -> None:
        if submitted.value.strip():
            self.dismiss(submitted.value.strip())

    def action_leave(self) -> None:
        self.dismiss("")


def write_new(file: str, content: bytes) -> str:
    """Write a file that is not there yet; the full path of it.

    A file with just this content is left as it is. InvalidInput: there is another one, or
    the place cannot be written to.
    """
    from engine.errors import InvalidInput

    path = Path(os.path.abspath(Path(file).expanduser()))
    try:
        with path.open("xb") as written:
            written.write(content)
    except FileExistsError:
        if path.is_file() and path.read_bytes() == content:
            return str(path)
        raise InvalidInput(
            "the file was not written", on=str(path), why="there is one already", do="Name another."
        ) from None
    except OSError as failure:
        raise InvalidInput(
            "the file was not written",
            on=str(path),
            why=str(failure.strerror),
            do="Name a directory that exists and that you may write to.",
        ) from failure
    return str(path)
