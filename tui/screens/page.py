"""What every page has: a title line, a body, a message line, a line of hints, and a way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from tui.session import CallFailed
from tui.text import Role
from tui.widgets.bars import Foot, Hint, TitleBar

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from tui.app import HomeportApp

Answer = TypeVar("Answer")

BACK: Hint = ("Esc", "back")


class Page(Screen[None], inherit_bindings=False):
    """One screen of the interface.

    Textual calls the handlers of every class of a page, this one's last: a page extends
    `on_mount` by its own, without calling this one.
    """

    app: HomeportApp

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "One step back"),
        Binding("tab", "app.focus_next", "Next part of the page", show=False),
        Binding("shift+tab", "app.focus_previous", "Part of the page before", show=False),
    ]

    CRUMBS: ClassVar[str] = ""
    """Where the user is, for the title line."""
    HINTS: ClassVar[tuple[Hint, ...]] = (BACK,)

    _drawing = False

    def body(self) -> ComposeResult:
        """The widgets between title and hints."""
        yield from ()

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield from self.body()
        yield Foot(self.HINTS)

    def on_mount(self) -> None:
        if self.CRUMBS:
            self.title_bar(self.CRUMBS)

    def draw(self) -> None:
        """Show what is known, in the space there is; called whenever that changes."""

    def on_line_view_resized(self) -> None:
        if not self._drawing:
            self._drawing = True
            self.call_later(self._draw_once)

    def _draw_once(self) -> None:
        self._drawing = False
        self.draw()

    def title_bar(self, crumbs: str, right: str = "") -> None:
        self.query_one(TitleBar).set_text(f"Homeport  {crumbs}" if crumbs else "Homeport", right)

    def hints(self, *hints: Hint) -> None:
        self.query_one(Foot).set_hints(hints)

    def say(self, message: str, role: Role = "plain") -> None:
        """Put a message above the hints; it stays until the next one or the next key."""
        self.query_one(Foot).say(message, role)

    def complain(self, error: dict[str, Any]) -> None:
        """Say an error in one line."""
        why = f": {error['why']}" if error.get("why") else ""
        self.say(f"x {error.get('what', 'something failed')}{why}", "bad")

    @property
    def message(self) -> str:
        """What is said above the hints."""
        return self.query_one(Foot).message

    @property
    def is_current(self) -> bool:
        """The user sees this page. Textual says so of the page below the one that is seen, too,
        and would paint all of the upper one whenever the lower one changes."""
        return self.app.screen_stack[-1:] == [self]

    @property
    def is_wide(self) -> bool:
        return self.size.width >= 110

    def ask(
        self,
        call: Callable[[Homeport], Answer],
        answered: Callable[[Answer], Message],
        name: str = "",
        *,
        slowly: bool = False,
    ) -> None:
        """Ask the engine; the answer comes back to this page as a message."""
        session = self.app.session
        (session.ask_slowly if slowly else session.ask)(self, call, answered, name)

    def on_call_failed(self, failure: CallFailed) -> None:
        self.failed(failure)

    def failed(self, failure: CallFailed) -> None:
        """What to do about a question that the engine could not answer."""
        self.complain(failure.error)

    def on_key(self, event: events.Key) -> None:
        self.key_typed(event.key)

    def key_typed(self, key: str) -> None:
        """A key reached the page, or acts for it: the last message has been read."""
        if self.message:
            self.say("")

    def action_back(self) -> None:
        self.dismiss()
