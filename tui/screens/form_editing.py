"""Editing one option of a form: which editor its row gets, and what becomes of what is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.screens.form_base import FormBase, reason
from tui.widgets.bars import Hint
from tui.widgets.row_editor import LIST_LINES, RowEditor
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from forms import Change, FormModel, Parsed
    from forms import Row as OptionRow

Commit = Callable[["FormModel", "OptionRow", str], "Change | None"]
"""Takes typed text over. ValueError, in words for the user, where that cannot be."""

LINE_HINTS: tuple[Hint, ...] = (
    ("Enter", "take it over"),
    ("Up Down", "and move"),
    ("Ctrl+u", "clear"),
    ("Esc", "stop"),
)
LIST_HINTS: tuple[Hint, ...] = (
    ("Enter", "choose"),
    ("Up Down", "look"),
    ("a-z", "jump"),
    ("Esc", "leave as it is"),
)
ANOTHER = "(type another)"
NOT_TAKEN = "Not taken over. Enter on this row goes on with what you typed."


class FormEditing(FormBase):
    """Opens the editor on a row, and remembers what was typed and not taken over."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "edit", "Edit the option, or fold what is in it", show=False),
        Binding("w", "whole", "Edit as text, with everything in it"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._remembered: dict[int, str] = {}
        self._edited: OptionRow | None = None
        self._commit: Commit = set_text

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a row is edited, keys belong to its editor."""
        editing = self.is_mounted and self.editor.is_open
        return not editing or action == "leave"

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        if chosen.rows is self.grid:
            self.action_edit()

    def action_edit(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if not row.path and row.kind in ("section", "list", "map"):
            self._open_whole_form(row)
        elif row.kind in ("section", "list", "map") and not row.inline:
            self._open_container(row)
        elif row.readonly:
            self.say(locked(row))
        elif row.branches and row.kind in ("const", "raw"):
            self.open_branches()
        elif row.kind in ("enum", "bool", "const"):
            self.open_choices(form.choices(row.path), form.edit_text(row.path), set_text)
        elif row.kind == "raw" or row.multiline:
            self.action_whole()
        elif row.id not in self._remembered and (offered := form.choices(row.path)):
            self.open_offered(offered, form.edit_text(row.path))
        else:
            text = self._remembered.get(row.id, form.edit_text(row.path))
            self.open_line(text, set_text, row.text if row.secret or not text else "")

    def _open_whole_form(self, row: OptionRow) -> None:
        """What Enter does on the row of the document itself."""
        if len(row.branches) > 1:
            self.open_branches()
        elif row.can_add and not row.count:
            self.say("It has no entries. a adds one, w edits it as text.")
        else:
            self.say("The options are below. w edits all of them as text.")

    def _open_container(self, row: OptionRow) -> None:
        """Fold or unfold; say how to fill what has nothing in it."""
        if row.foldable:
            self.fold(row, not row.folded)
        elif row.can_add:
            self.say("It has no entries. a adds one, w edits it as text.")
        else:
            self.say("There is nothing in it." if not row.readonly else locked(row))

    # the editor on the row

    def open_line(self, text: str, commit: Commit, placeholder: str = "") -> None:
        """Edit a line of text on the row under the cursor."""
        row = self.grid.row
        if row is None:
            return
        if not text.isprintable():
            placeholder, text = "the value has control characters; type a new one", ""
        self._edited, self._commit = row, commit
        self.place_editor()
        secret = row.secret and commit is set_text
        self.editor.open_text(text, secret=secret, placeholder=placeholder)
        self.hints(*LINE_HINTS)

    def open_choices(self, choices: list[tuple[str, str]], current: str, commit: Commit) -> None:
        """Choose one of some texts on the row under the cursor."""
        self._edited, self._commit = self.grid.row, commit
        self.place_editor(min(LIST_LINES, len(choices)))
        self.editor.open_choices(choices, current)
        self.hints(*LIST_HINTS)

    def open_offered(self, offered: list[tuple[str, str]], text: str) -> None:
        """Choose what is suggested, or go on to type something else."""

        def take(form: FormModel, row: OptionRow, chosen: str) -> None:
            if chosen == ANOTHER:
                self.call_later(self.open_line, text, set_text)
            else:
                set_text(form, row, chosen)

        known = [choice for choice, _ in offered]
        current = text if text in known or not text else ANOTHER
        self.open_choices([*offered, (ANOTHER, "")], current, take)

    def open_branches(self) -> None:
        """Choose which of its forms the option under the cursor takes."""
        row = self.grid.row
        if row is None or len(row.branches) < 2:
            self.say("This option has one form only.")
            return
        self.open_choices(
            [(title, "") for title in row.branches],
            row.branches[row.branch],
            lambda form, row, title: form.choose_branch(row.path, row.branches.index(title)),
        )

    def ask_key(self, text: str, commit: Commit) -> None:
        """Ask for the name of an entry of a map."""
        self.open_line(text, commit, "name of the entry")

    def place_editor(self, lines: int = 1) -> None:
        """Move the editor to the value of the row under the cursor."""
        self.editor.place_on(self.grid, lines)

    # what is typed

    def on_row_editor_typed(self, typed: RowEditor.Typed) -> None:
        form, row = self.form, self._edited
        if form is None or row is None or self._commit is not set_text:
            return
        empty = not typed.text.strip() and row.kind != "text"
        problem = None if empty else form.parse(row.path, typed.text).problem
        self.editor.say(problem.message if problem else "", problem.hint if problem else "")

    def on_row_editor_committed(self, committed: RowEditor.Committed) -> None:
        form, row = self.form, self._edited
        if row is None or form is None:
            return
        if self._commit is set_text and self._is_untouched(form, row, committed.text):
            self._close_editor()
        else:
            try:
                change = self._commit(form, row, committed.text)
            except (ValueError, KeyError) as failure:
                self.editor.say(reason(failure))
                return
            self._remembered.pop(row.id, None)
            self._close_editor()
            if change is not None:
                self.made(form, change)
            else:
                self._check_section(form, row)
        if committed.move:
            self.grid.action_move(committed.move)

    def _is_untouched(self, form: FormModel, row: OptionRow, text: str) -> bool:
        """Was nothing typed? Walking through the options does not set any."""
        return text == form.edit_text(row.path) and row.origin.value in ("unset", "default")

    def _check_section(self, form: FormModel, row: OptionRow) -> None:
        if len(row.path) > 1:
            form.validate(row.path[:-1])
        self.changed(row.id)

    def on_row_editor_closed(self, closed: RowEditor.Closed) -> None:
        row, form = self._edited, self.form
        if row is not None and form is not None and closed.text is not None:
            if self._commit is set_text and closed.text != form.edit_text(row.path):
                self._remembered[row.id] = closed.text
                self.say(NOT_TAKEN)
            else:
                self._remembered.pop(row.id, None)
        self._close_editor()

    def _close_editor(self) -> None:
        self._edited = None
        self.editor.close()
        self.set_focus(self.grid)
        self.redraw()

    # text of many lines

    def action_whole(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.secret:
            self.say("A secret cannot be shown as text. Enter sets a new one.")
        elif row.heading:
            self.say("This heading holds no value. w works on the section above it.")
        elif row.readonly:
            self.say(locked(row))
        else:
            text = self._remembered.get(row.id, form.edit_text(row.path))
            self._open_whole(form, row, text)

    def _open_whole(self, form: FormModel, row: OptionRow, text: str) -> None:
        from tui.screens.whole_text import WholeText, can_be_shown

        if not can_be_shown(text):
            self.say("The value has control characters, so it is not shown. d takes it away.")
            return

        def take(text: str) -> Parsed:
            parsed = form.set_text(row.path, text)
            if parsed.ok:
                form.validate(row.path)
            return parsed

        def left(typed: tuple[str | None] | None) -> None:
            """What was not taken over is remembered."""
            if typed is None:
                return
            if typed[0] is None:
                self._remembered.pop(row.id, None)
                self.changed(row.id)
            else:
                self._remembered[row.id] = typed[0]
                self.say(NOT_TAKEN)

        known = form.help(row.path)
        name = known.path or "the whole form"
        page = WholeText(name, known.type, text, lambda typed: form.parse(row.path, typed), take)
        self.app.push_screen(page, left)


def set_text(form: FormModel, row: OptionRow, text: str) -> None:
    """Give an option what was typed; a value that breaks a bound is kept, with its problem."""
    parsed = form.set_text(row.path, text)
    if not parsed.ok:
        raise ValueError(parsed.problem.message if parsed.problem else "this cannot be read")


def locked(row: OptionRow) -> str:
    """Why an option cannot be changed."""
    if row.managed:
        return "Homeport sets this one, so that it fits the guest and its neighbours."
    return "This one cannot be changed here."
