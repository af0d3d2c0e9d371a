"""What is done outside of Homeport while a provider is set up: commands that are run at a
service, and a certificate that is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.page import BACK, Page
from tui.text import BLANK, Line, Span, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList

if TYPE_CHECKING:
    from engine.provider_setup.questions import Question

_ABOUT = "Run this at the service, as its administrator. It gives Homeport the rights that it "
_ABOUT_2 = "needs, and no others."
_PAIRS_A_LINE = 16


class _Step(Page):
    """left: called when Esc closes the page."""

    def __init__(self, crumbs: str, left: Callable[[], None]) -> None:
        super().__init__()
        self._crumbs = crumbs
        self._left = left

    def action_back(self) -> None:
        self.app.pop_screen()
        self._left()

    def close_and(self, then: Callable[[], None]) -> None:
        self.app.pop_screen()
        then()


class CommandsPage(_Step):
    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("Enter", "it was run: go on"),
        ("y", "copy all"),
        ("w", "write to a file"),
        ("Up Down", "read"),
        BACK,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy the commands to the clipboard"),
        Binding("w", "write", "Write the commands to a file"),
    ]

    def __init__(
        self, crumbs: str, commands: str, done: Callable[[], None], left: Callable[[], None]
    ) -> None:
        super().__init__(crumbs, left)
        self._commands = commands
        self._done = done

    def body(self) -> ComposeResult:
        yield LineView(id="about-commands", classes="about")
        yield RowList(
            [
                Row((Span(text, "muted" if text.startswith("#") else "plain"),), number)
                for number, text in enumerate(self._commands.splitlines(), 1)
            ]
        )

    def on_mount(self) -> None:
        self.title_bar(f"{self._crumbs}: least rights")
        self.query_one(RowList).focus()

    def draw(self) -> None:
        view = self.query_one("#about-commands", LineView)
        view.show(wrapped(_ABOUT + _ABOUT_2, max(20, self.size.width - 2), "strong")[:2])

    def on_row_list_chosen(self) -> None:
        self.close_and(self._done)

    def action_copy(self) -> None:
        """By OSC 52, which not every terminal knows."""
        self.app.copy_to_clipboard(self._commands)
        self.say("Copied, if this terminal can: paste it there. w writes it to a file instead.")

    def action_write(self) -> None:
        from tui.screens.save_as import SaveAs

        self.app.push_screen(SaveAs("the commands", "homeport-rights.sh"), self._write)

    def _write(self, name: str | None) -> None:
        from engine.errors import InvalidInput
        from tui.screens.save_as import write_new

        if not name:
            return
        try:
            self.say(f"+ Written to {write_new(name, self._commands.encode())}", "good")
        except InvalidInput as error:
            self.complain(error.describe())


class ComparePage(_Step):
    """yes: a person says that they are the right ones. again: look once more."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "They are the same: trust this certificate"),
        Binding("r", "again", "Look once more"),
    ]

    def __init__(
        self,
        crumbs: str,
        question: Question,
        *,
        yes: Callable[[], None],
        again: Callable[[], None],
        left: Callable[[], None],
    ) -> None:
        super().__init__(crumbs, left)
        self._question = question
        self._yes = yes
        self._again = again

    @property
    def _can_be_compared(self) -> bool:
        return all(shown.fingerprint for shown in self._question.certificates)

    def body(self) -> ComposeResult:
        yield LineView(id="compare")

    def on_mount(self) -> None:
        self.title_bar(f"{self._crumbs}: is it the right host?")
        yes = (("y", "they are the same"),) if self._can_be_compared else ()
        self.hints(*yes, ("r", "look again"), BACK)

    def draw(self) -> None:
        view = self.query_one("#compare", LineView)
        width = max(20, view.size.width - 2)
        lines: list[Line] = [BLANK]
        for shown in self._question.certificates:
            lines.append((Span(f" {shown.host}", "strong"),))
            if shown.is_believed:
                lines += [(Span(" + its certificate is trusted", "good"),), BLANK]
                continue
            lines += wrapped(f"! {shown.problem}", width, "warn", " ")
            lines += _fingerprint(shown.fingerprint)
            lines.append(BLANK)
        if self._can_be_compared:
            compare = self._question.compare or "Compare it with what its own host says."
            lines += wrapped(compare, width, indent=" ")
            lines.append(BLANK)
            text = "Are they the same? y trusts this certificate from now on, and no other. If "
            text += "they differ, somebody is in between: nothing was sent yet."
            lines += wrapped(text, width, "strong", " ")
        else:
            text = "Nothing was sent. See that it is on and reached from here, then press r; Esc "
            text += "goes back to its address."
            lines += wrapped(text, width, indent=" ")
        view.show(lines)

    def action_yes(self) -> None:
        if self._can_be_compared:
            self.close_and(self._yes)
        else:
            self.say("There is no certificate to compare yet.")

    def action_again(self) -> None:
        self.close_and(self._again)


def _fingerprint(text: str) -> list[Line]:
    """In halves, which fit beside another window."""
    if not text:
        return []
    pairs = text.split(":")
    halves = [pairs[:_PAIRS_A_LINE], pairs[_PAIRS_A_LINE:]]
    return [
        (Span("   It shows the SHA-256 fingerprint", "muted"),),
        *((Span(f"     {':'.join(half)}", "accent"),) for half in halves),
    ]
