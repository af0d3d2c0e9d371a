"""Rows of a model that stay in the model: a list asks for those that it shows and for no others,
so that their number makes no difference.

It changes nothing: keys become messages for the page.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from tui.text import Line
from tui.widgets.keys_in_order import act_for_page
from tui.widgets.rows import RowList

Option = TypeVar("Option")
Shown = TypeVar("Shown", covariant=True)


class Rows(Protocol[Shown]):
    """Rows in their order, each with a key that stays."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Shown: ...

    def position(self, key: Any, /) -> int | None:
        """Where the row of that key is; None if it is not shown."""


class LazyRows(RowList, Generic[Option]):
    """The rows built on this one say how a row looks and what its key is. Rows that are equal
    must be drawn alike."""

    def __init__(self) -> None:
        self._options: Rows[Option] | None = None
        self._painted: dict[int, Line] = {}
        super().__init__()

    def key_of(self, row: Option) -> Any:
        raise NotImplementedError

    def line_of(self, row: Option) -> Line:
        raise NotImplementedError

    @property
    def value_column(self) -> int:
        """The cell at which the value begins that a row's editor is put over."""
        raise NotImplementedError

    def show_options(self, options: Rows[Option], key: Any = None) -> None:
        """Show other rows, with the cursor on the one with that key, or else where it was."""
        self._options = options
        self._put_cursor(key)
        self.refresh()

    def options_changed(self, key: Any) -> None:
        """Paint again what a command changed; the cursor follows its row."""
        if self._options is None:
            return
        self._put_cursor(key)
        for y, content in enumerate(self._visible(self.scroll_offset.y)):
            if self._painted.get(y) != content:
                self.refresh(Region(0, y, self.size.width, 1))

    def _put_cursor(self, key: Any) -> None:
        assert self._options is not None
        at = self._options.position(key) if key is not None else None
        self.cursor = max(0, min(self.cursor if at is None else at, len(self._options) - 1))
        self.measure()
        self._scroll_to_cursor()
        self.post_message(self.Highlighted(self, self.key))

    async def _on_key(self, event: events.Key) -> None:
        await act_for_page(self, event)

    @property
    def line_count(self) -> int:
        return 0 if self._options is None else len(self._options)

    @property
    def row(self) -> Option | None:
        """The row under the cursor."""
        if self._options is None or not 0 <= self.cursor < len(self._options):
            return None
        return self._options[self.cursor]

    def row_at(self, index: int) -> Option:
        """IndexError where there is none."""
        if self._options is None:
            raise IndexError(index)
        return self._options[index]

    def selectable(self, index: int) -> bool:
        return 0 <= index < self.line_count

    def key_at(self, index: int) -> Any:
        return None if self._options is None else self.key_of(self._options[index])

    def content(self, index: int) -> Line:
        return self.line_of(self.row_at(index))

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        self._painted[y] = self.line_at(index) if index < self.line_count else ()
        return super().render_line(y).simplify()
