"""Filling in a form: a grid of options, one editor, and the help of the option under the cursor.

The form model owns values, undo, search and messages; this page turns keys into its commands
and shows what came of them. What is typed is checked at once, its section when it is taken
over, and the whole before the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.timer import Timer

from tui.screens.form_commands import FormCommands
from tui.screens.form_text import help_lines
from tui.screens.page import BACK
from tui.text import Span
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.option_grid import OptionGrid
from tui.widgets.row_editor import RowEditor
from tui.widgets.text_line import TextLine
from tui.words import counted

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from forms import FormModel, Problem

KEEP_SECONDS = 1.0
"""How long after a change the draft is written."""
HELP_SECONDS = 0.08
"""How long the cursor rests before the help follows it: while a key is held down, it waits."""

HINTS: tuple[Hint, ...] = (
    ("Enter", "edit"),
    ("p", "plan"),
    ("/", "search"),
    ("d", "default"),
    ("u", "undo"),
    ("m", "only changed"),
    BACK,
)


class FormPage(FormCommands):
    """The base of the pages that fill in a form; they say where it comes from and goes to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,f5", "plan", "Check everything and make the plan"),
        Binding("slash", "search", "Search options by name, help or value"),
        Binding("m", "only_changed", "Show only what I changed, or all"),
        Binding("i", "only_invalid", "Show only what is wrong or missing, or all"),
        Binding("g", "next_problem", "Go to the next option that is wrong"),
    ]
    HINTS: ClassVar[tuple[Hint, ...]] = HINTS

    @dataclass
    class Opened(Message):
        """Schema and document were read and the form model made."""

        form: FormModel
        draft: dict[str, Any] | None

    @dataclass
    class Checked(Message):
        """The whole document was checked; nothing of it was changed meanwhile if it matches."""

        problems: Sequence[Problem]
        document: Any

    @dataclass
    class Kept(Message):
        """The draft was written."""

    def __init__(self, crumbs: str) -> None:
        super().__init__()
        self._crumbs = crumbs
        self.form: FormModel | None = None
        self._words = ""
        self._only_changed = False
        self._only_invalid = False
        self._help: Timer | None = None
        self._keeping: Timer | None = None

    # what the pages built on this one say

    def open_form(self, homeport: Homeport) -> Opened:
        """Make the form; runs in the engine's thread."""
        raise NotImplementedError

    def keep(self) -> None:
        """Write what has been filled in as a draft."""
        raise NotImplementedError

    def go_on(self, document: Any) -> None:
        """The document is valid: make a plan of it."""
        raise NotImplementedError

    # what is shown

    def body(self) -> ComposeResult:
        yield TextLine(placeholder="words in name, help or value", id="search")
        with Container(classes="body"):
            yield OptionGrid()
            yield LineView([(Span("Reading the options...", "muted"),)], id="side", classes="side")
        yield RowEditor()

    def on_mount(self) -> None:
        self.query_one("#search").display = False
        self.title_bar(self._crumbs)
        self.query_one(OptionGrid).focus()
        self.ask(self.open_form, lambda opened: opened, "form")

    def on_form_page_opened(self, opened: Opened) -> None:
        self.form = opened.form
        if opened.draft is not None:
            self._take_up(opened.draft)
        self.show_rows()

    def _take_up(self, draft: dict[str, Any]) -> None:
        if self.form is None:
            return
        try:
            self.form.load(draft)
        except ValueError as failure:
            self.say(f"! The draft fits this release no more: {failure}", "warn")
            return
        secrets = draft.get("left_out") or ()
        again = f" Enter again: {', '.join(map(str, secrets))}." if secrets else ""
        self.say(f"This is your draft from last time.{again} u undoes nothing of it.")

    def show_rows(self, row_id: int | None = None) -> None:
        """Show the rows that search and filters leave."""
        if self.form is None:
            return
        from forms import Filter

        wanted = Filter(text=self._words, changed=self._only_changed, invalid=self._only_invalid)
        rows = self.form.rows(wanted)
        self.grid.show_options(rows, self.grid.key if row_id is None else row_id)
        self._title(len(rows))

    def _title(self, shown: int) -> None:
        said = [
            word
            for word, on in (
                (f"search {self._words!r}", bool(self._words)),
                ("only changed", self._only_changed),
                ("only wrong", self._only_invalid),
            )
            if on
        ]
        self.title_bar(self._crumbs, ", ".join([*said, counted(shown, "row")]))

    def changed(self, row_id: int | None = None) -> None:
        """A command changed the form: draw it, and keep it after a while."""
        if self.form is None:
            return
        self.grid.options_changed(row_id)
        self._title(self.grid.line_count)
        self.show_help()
        if self._keeping is not None:
            self._keeping.stop()
        self._keeping = self.set_timer(KEEP_SECONDS, self.keep)

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
        row, side = self.grid.row, self.query_one("#side", LineView)
        if self.form is None:
            return
        if row is None:
            side.show([(Span("No option matches. Esc shows all of them again.", "muted"),)])
        else:
            side.show(help_lines(self.form.help(row.path), side.size.width - 1))

    # search and filters

    def action_search(self) -> None:
        search = self.query_one("#search", TextLine)
        search.display = True
        search.focus()

    def on_input_changed(self, change: TextLine.Changed) -> None:
        if change.input.id == "search":
            self._words = change.value.strip()
            self.show_rows()

    def on_input_submitted(self) -> None:
        self.grid.focus()
        self.query_one("#search").display = bool(self._words)

    def action_only_changed(self) -> None:
        self._only_changed = not self._only_changed
        self.show_rows()

    def action_only_invalid(self) -> None:
        self._only_invalid = not self._only_invalid
        self.show_rows()

    def show_all(self) -> bool:
        """Take search and filters away; False where there were none."""
        if not (self._words or self._only_changed or self._only_invalid):
            return False
        row = self.grid.row
        self._words, self._only_changed, self._only_invalid = "", False, False
        search = self.query_one("#search", TextLine)
        search.display = False
        with search.prevent(TextLine.Changed):
            search.value = ""
        self.grid.focus()
        if row is not None and self.form is not None:
            self.form.reveal(row.path)
        self.show_rows(row.id if row else None)
        return True

    # checking and going on

    def action_plan(self) -> None:
        form = self.form
        if form is None:
            return
        self.say("Checking the whole form...")
        document = form.document()
        Thread(target=self._check, args=(form, document), name="check", daemon=True).start()

    def _check(self, form: FormModel, document: Any) -> None:
        self.post_message(self.Checked(form.check(document), document))

    def on_form_page_checked(self, checked: Checked) -> None:
        form = self.form
        if form is None:
            return
        form.show_problems(checked.problems)
        self.changed()
        if checked.problems:
            count = counted(len(checked.problems), "option")
            self.show_problem(checked.problems[0].path)
            self.say(f"x {count} to correct before there can be a plan; g goes to the next.", "bad")
        else:
            self.say("")
            self.keep()
            self.go_on(checked.document)

    def action_next_problem(self) -> None:
        form, row = self.form, self.grid.row
        problems = form.problems() if form else []
        if not problems:
            self.say("Nothing is wrong as far as it has been checked.")
            return
        paths = [problem.path for problem in problems]
        at = paths.index(row.path) + 1 if row and row.path in paths else 0
        self.show_problem(paths[at % len(paths)])

    def show_problem(self, path: tuple[str | int, ...]) -> None:
        """Put the cursor on an option, whatever hides it."""
        if self.form is not None:
            self.show_all()
            self.show_rows(self.form.reveal(path))

    def problem_from_engine(self, error: dict[str, Any]) -> bool:
        """Show an engine's refusal at the option it names; False where it names none."""
        if self.form is None or error.get("code") != "invalid-input":
            return False
        try:
            path = self.form.find(str(error.get("on", "")))
        except (KeyError, ValueError):
            return False
        self.app.pop_screen()
        self.show_problem(path)
        self.say(f"x {error.get('why') or error.get('what')}", "bad")
        return True

    def action_back(self) -> None:
        if self.show_all():
            return
        if self.form is not None:
            self.keep()
        super().action_back()
