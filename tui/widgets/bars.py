"""The first line of a page (where am I) and its last two (what happened, what works here).

The last line is made of hints in order of importance; on a narrow terminal it drops hints
from the end, but never the way out and `? keys`. Textual's Footer is not used: it is rebuilt
with every change of focus.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tui.text import Line, Role, Span, fit
from tui.widgets.lines import LineView

Hint = tuple[str, str]
"""A key as it is printed on the keyboard, and what it does here in a word or two."""

HELP: Hint = ("?", "keys")
WAYS_OUT = ("Esc", "q")


class TitleBar(LineView):
    """Breadcrumbs on the left, one fact on the right."""

    def __init__(self) -> None:
        super().__init__()
        self._left = ""
        self._right = ""

    def set_text(self, left: str, right: str = "") -> None:
        self._left, self._right = left, right
        self.show([self._content()])

    def on_resize(self) -> None:
        self.show([self._content()])

    def _content(self) -> Line:
        width = self.size.width
        right = f" {self._right} " if self._right else " "
        left = fit(f" {self._left}", max(0, width - cell_len(right)))
        return (Span(left, "bar"), Span(fit(right, width - cell_len(left)), "bar"))


class Foot(LineView):
    """A rule that carries the last message, and the hints below it."""

    def __init__(self, hints: Sequence[Hint], *, ask_keys: bool = True) -> None:
        super().__init__()
        self._hints = tuple(hints)
        self._always = (HELP,) if ask_keys else ()
        self._message = ""
        self._role: Role = "plain"

    def set_hints(self, hints: Sequence[Hint]) -> None:
        self._hints = tuple(hints)
        self._draw()

    def say(self, message: str, role: Role) -> None:
        self._message, self._role = message, role
        self._draw()

    @property
    def message(self) -> str:
        return self._message

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        self.show([self._rule(width), hint_line(self._hints, width, self._always)])

    def _rule(self, width: int) -> Line:
        if not self._message:
            return (Span("─" * width, "muted"),)
        return (Span(fit(f" {self._message}", width), self._role),)


def hint_line(hints: Sequence[Hint], width: int, always: Sequence[Hint] = (HELP,)) -> Line:
    """As many hints as fit, the way out among them, and behind them those that are always there."""
    out = [hint for hint in hints if hint[0] in WAYS_OUT]
    free = width - sum(map(_size, (*out, *always)))
    dropped: set[Hint] = set()
    for hint in hints:
        if hint in out:
            continue
        free -= _size(hint)
        if free < 0:
            dropped.add(hint)
    spans: list[Span] = []
    for key, word in (*(hint for hint in hints if hint not in dropped), *always):
        spans += [Span(f" {key}", "key"), Span(f" {word} ", "plain")]
    return tuple(spans)


def _size(hint: Hint) -> int:
    return cell_len(hint[0]) + cell_len(hint[1]) + 3
