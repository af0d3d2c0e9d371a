"""Filling in a form: a grid of options, one editor, and the help of the option under the cursor.

The form model owns values, undo, search and messages; this page turns keys into its commands
and shows what came of them. What is typed is checked at once, its section when it is taken
over, and the whole a while later and before the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.timer import Timer

from tui.screens.form_checks import FormChecks
from tui.screens.form_commands import FormCommands
from tui.screens.form_text import help_lines, hints_for
from tui.screens.keeping import Keeping
from tui.screens.page import BACK
from tui.session import CallFailed
from tui.text import Span, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.option_grid import OptionGrid
from tui.widgets.row_editor import RowEditor
from tui.words import counted

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from forms import FormModel

HELP_SECONDS = 0.08
"""How long the cursor rests before the help follows it: while a key is held down, it waits."""


class FormPage(FormCommands, FormChecks, Keeping):
    """The base of the pages that fill in a form; they say where it comes from and goes to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "help", "All that is known of the option"),
    ]

    BACK: ClassVar[Hint] = BACK
    """The way out, for the line of hints."""

    @dataclass
    class Opened(Message):
        """Schema and document were read and the form model made."""

        form: FormModel
        draft: dict[str, Any] | None = None
        """A draft that was kept before, to be taken up."""
        note: str = ""
        """What to know about it, where there is something."""

    def __init__(self, crumbs: str) -> None:
        super().__init__()
        self._crumbs = crumbs
        self._help: Timer | None = None

    # what the pages built on this one say

    def open_form(self, homeport: Homeport) -> Opened:
        """Make the form; runs in the engine's thread."""
        raise NotImplementedError

    def drop(self) -> None:
        """Forget what has been filled in, the draft included."""
        raise NotImplementedError

    def carried_out(self) -> None:
        """The plan is being applied: what was filled in is no draft any more."""
        self._stop_keeping()
        self.stop_checking()
        self.form = None
        self.drop()

    # what is shown

    def body(self) -> ComposeResult:
        yield self.search_field()
        with Container(classes="body"):
            yield OptionGrid()
            yield LineView([(Span("Reading the options...", "muted"),)], id="side", classes="side")
        yield RowEditor()

    def on_mount(self) -> None:
        self.search_line.display = False
        self.title_bar(self._crumbs)
        self.grid.focus()
        # behind the first paint: reading a large schema would hold it up
        self.call_after_refresh(self.ask, self.open_form, lambda opened: opened, "form")

    def on_form_page_opened(self, opened: Opened) -> None:
        self.form = opened.form
        if opened.draft is not None:
            self._take_up(opened.form, opened.draft)
        if opened.note:
            self.say(opened.note, "warn")
        self.show_rows()
        self.plan_if_wanted()

    def failed(self, failure: CallFailed) -> None:
        super().failed(failure)
        if failure.asked == "form":
            side = self.query_one("#side", LineView)
            side.show(wrapped(failure.error.get("do") or "Esc goes back.", side.size.width - 1))

    def _take_up(self, form: FormModel, draft: dict[str, Any]) -> None:
        try:
            form.load(draft)
        except ValueError as failure:
            self.say(f"! The draft cannot be taken up: {failure}", "warn")
            return
        secrets = draft.get("left_out") or ()
        again = f" Type again: {', '.join(map(str, secrets))}." if secrets else ""
        self.say(f"This is your draft.{again} x drops it.", "warn" if again else "plain")

    def changed(self, row_id: int | None = None) -> None:
        self.redraw(row_id)
        self.check_later()
        self.keep_later()

    def redraw(self, row_id: int | None = None) -> None:
        if self.form is None:
            return
        self.grid.options_changed(row_id)
        wrong = len(self.form.problems())
        said = [*self.filters_said(), counted(self.grid.line_count, "row")]
        if wrong:
            said.append(f"x {wrong} to correct")
        self.title_bar(self._crumbs, ", ".join(said))
        self.show_help()

    # help

    def on_row_list_highlighted(self) -> None:
        if self._help is not None:
            self._help.stop()
        self._help = self.set_timer(HELP_SECONDS, self.show_help)

    def draw(self) -> None:
        if self.editor.is_open:
            self.place_editor()
        self.show_help()

    def show_help(self) -> None:
        """Help and keys for the row under the cursor."""
        side = self.query_one("#side", LineView)
        if self.form is None:
            return
        row = self.grid.row
        if row is None:
            side.show([(Span("No option matches. Esc shows all of them again.", "muted"),)])
        else:
            lines = help_lines(self.form.help(row.path), side.size.width - 1)
            if len(lines) > side.size.height > 0:
                lines[side.size.height - 1 :] = [(Span("... h shows the rest", "muted"),)]
            side.show(lines)
        if not self.editor.is_open:
            filtered = bool(self.filters_said())
            self.hints(*hints_for(row, filtered=filtered, go_on=self.GO_ON, back=self.BACK))

    def action_help(self) -> None:
        from tui.screens.option_help import OptionHelp

        if self.form is not None and (row := self.grid.row) is not None:
            known = self.form.help(row.path)
            name = known.path or known.label
            self.app.push_screen(OptionHelp(name, lambda width: help_lines(known, width)))

    # leaving

    def action_back(self) -> None:
        if not self.show_all():
            self.back_when_kept()

    def begin_again(self) -> None:
        self.carried_out()
        self.ask(self.open_form, lambda opened: opened, "form")
