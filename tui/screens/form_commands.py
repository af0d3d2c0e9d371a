"""The keys of a form that change it: editing, default, list entries, undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.screens.page import Page
from tui.widgets.option_grid import OptionGrid
from tui.widgets.row_editor import RowEditor
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from forms import Change, FormModel
    from forms import Row as OptionRow

_LINE_KINDS = ("int", "number", "text", "const")


class FormCommands(Page):
    """What a page with a form does to it. The page gives form, grid, editor and `changed`."""

    form: FormModel | None

    @property
    def grid(self) -> OptionGrid:
        return self.query_one(OptionGrid)

    @property
    def editor(self) -> RowEditor:
        return self.query_one(RowEditor)

    def changed(self, row_id: int | None = None) -> None:
        """A command changed the form: draw it, with the cursor on that row."""
        raise NotImplementedError

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "toggle", "Switch on or off, or fold"),
        Binding("right", "fold(False)", "Unfold"),
        Binding("left", "fold(True)", "Fold, or go to the section"),
        Binding("d,delete", "unset", "Back to the default, or remove the entry"),
        Binding("u", "undo", "Undo"),
        Binding("y", "redo", "Do again what was undone"),
        Binding("a", "add", "Add an entry to the list"),
        Binding("c", "duplicate", "Copy the entry"),
        Binding("k", "rename", "Rename the entry"),
        Binding("left_square_bracket", "reorder(-1)", "Move the entry up", key_display="["),
        Binding("right_square_bracket", "reorder(1)", "Move the entry down", key_display="]"),
        Binding("b", "branch", "Choose among the forms that this option can take"),
        Binding("z", "null", "Set to null"),
        Binding("e", "empty", "Set to empty"),
        Binding("w", "whole", "Edit as text, with everything in it"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._remembered: dict[int, str] = {}
        self._commit: Callable[[str], str] = lambda text: ""
        self._edited: OptionRow | None = None

    # editing

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        if chosen.rows is self.grid:
            self.action_edit()

    def action_edit(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.readonly and not row.foldable:
            self.say("Homeport decides this one." if row.managed else "This cannot be changed.")
        elif row.kind == "bool":
            self.action_toggle()
        elif row.kind == "enum":
            current = form.edit_text(row.path)
            self._open_choices(row, form.choices(row.path), current, self._set_text)
        elif row.kind == "raw" or row.multiline:
            self.action_whole()
        elif row.foldable and not row.inline:
            self.action_toggle()
        else:
            text = self._remembered.get(row.id, form.edit_text(row.path))
            self._open_text(row, text, self._set_text)

    def _open_text(self, row: OptionRow, text: str, commit: Callable[[str], str]) -> None:
        self._edited, self._commit = row, commit
        self.place_editor()
        self.editor.open_text(text, secret=row.secret, placeholder="" if text else row.text)

    def _open_choices(
        self,
        row: OptionRow,
        choices: list[tuple[str, str]],
        current: str,
        commit: Callable[[str], str],
    ) -> None:
        self._edited, self._commit = row, commit
        self.place_editor(min(8, len(choices)))
        self.editor.open_choices(choices, current)

    def place_editor(self, lines: int = 1) -> None:
        """Move the editor to the value of the row under the cursor."""
        grid = self.grid
        x = grid.region.x + grid.value_column
        y = grid.region.y + grid.cursor - grid.scroll_offset.y
        y = max(1, min(y, self.size.height - 2 - lines))
        self.editor.place(x, y, grid.region.right - x - 1, self.size.height - y)

    def _set_text(self, text: str) -> str:
        """Take typed text over; what is wrong where it cannot be."""
        form, row = self.form, self._edited
        if form is None or row is None:
            return ""
        parsed = form.set_text(row.path, text)
        if not parsed.ok:
            return parsed.problem.message if parsed.problem else "this cannot be read"
        form.validate(row.path[:-1])
        return ""

    def on_row_editor_typed(self, typed: RowEditor.Typed) -> None:
        form, row = self.form, self._edited
        if form is None or row is None or self._commit != self._set_text:
            return
        problem = form.parse(row.path, typed.text).problem
        self.editor.say(problem.message if problem else "", problem.hint if problem else "")

    def on_row_editor_committed(self, committed: RowEditor.Committed) -> None:
        row = self._edited
        if row is None:
            return
        try:
            wrong = self._commit(committed.text)
        except (ValueError, KeyError) as failure:
            wrong = str(failure.args[0]) if failure.args else str(failure)
        if wrong:
            self.editor.say(wrong)
            return
        self._remembered.pop(row.id, None)
        self._close_editor()
        self.changed(None)
        if committed.move:
            self.grid.action_move(committed.move)

    def on_row_editor_closed(self, closed: RowEditor.Closed) -> None:
        row, form = self._edited, self.form
        if row is not None and form is not None and self._commit == self._set_text:
            secret = row.secret or row.kind == "enum"
            if not secret and closed.text != form.edit_text(row.path):
                self._remembered[row.id] = closed.text
                self.say("Not taken over. Enter on this row goes on with what you typed.")
        self._close_editor()

    def _close_editor(self) -> None:
        self._edited = None
        self.editor.close()
        self.grid.focus()

    # commands

    def _do(self, command: Callable[[FormModel, OptionRow], Change | None]) -> None:
        """Run a command on the row under the cursor; say why where it cannot be done."""
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        try:
            change = command(form, row)
        except (ValueError, KeyError) as failure:
            self.say(f"x {failure.args[0] if failure.args else failure}", "bad")
            return
        if change is not None:
            self._remembered.pop(row.id, None)
            form.validate(change.path[:-1])
            self.changed(_row_id(form, change))

    def action_toggle(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.foldable and row.kind != "bool":
            form.toggle(row.id)
            self.changed(row.id)
        elif row.kind == "bool" and not row.readonly:
            self._do(lambda form, row: form.set(row.path, row.text not in ("yes", "true", "on")))
        else:
            self.action_edit()

    def action_fold(self, folded: bool) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.foldable and row.folded != folded:
            form.fold(row.id, folded)
            self.changed(row.id)
        elif folded and row.depth:
            at = self.grid.cursor
            while at > 0 and self.grid.depth_at(at) >= row.depth:
                at -= 1
            self.grid.move_to(at)

    def action_unset(self) -> None:
        self._do(
            lambda form, row: (
                form.remove_item(row.path) if row.is_item or row.is_entry else form.unset(row.path)
            )
        )

    def action_undo(self) -> None:
        self._step("undone", lambda form: form.undo())

    def action_redo(self) -> None:
        self._step("done again", lambda form: form.redo())

    def _step(self, word: str, step: Callable[[FormModel], Change | None]) -> None:
        form = self.form
        if form is None:
            return
        change = step(form)
        if change is None:
            self.say(f"There is nothing more to be {word}.")
            return
        self.say(f"{word}: {change.label}" if change.label else word)
        form.validate(change.path[:-1])
        self.changed(_row_id(form, change))

    def action_add(self) -> None:
        row = self.grid.row
        if row is None or not row.can_add:
            self.say("Entries can be added on the row of a list or map.")
        elif row.kind == "map":
            self._ask_key("", lambda form, row, key: form.add_item(row.path, key))
        else:
            self._do(lambda form, row: form.add_item(row.path))

    def action_duplicate(self) -> None:
        row = self.grid.row
        if row is None or not (row.is_item or row.is_entry):
            self.say("Only an entry of a list or map can be copied.")
        elif row.is_entry:
            self._ask_key(row.label, lambda form, row, key: form.duplicate_item(row.path, key))
        else:
            self._do(lambda form, row: form.duplicate_item(row.path))

    def action_rename(self) -> None:
        row = self.grid.row
        if row is None or not row.is_entry:
            self.say("Only an entry of a map has a name of its own.")
        else:
            self._ask_key(row.label, lambda form, row, key: form.rename_key(row.path, key))

    def _ask_key(self, text: str, command: Callable[[FormModel, OptionRow, str], Change]) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return

        def commit(key: str) -> str:
            self._do(lambda form, row: command(form, row, key))
            return ""

        self._open_text(row, text, commit)

    def action_reorder(self, by: int) -> None:
        def move(form: FormModel, row: OptionRow) -> Change:
            last = row.path[-1]
            if not row.is_item or not isinstance(last, int):
                raise ValueError("only entries of a list have an order")
            return form.move_item(row.path, max(0, last + by))

        self._do(move)

    def action_branch(self) -> None:
        row = self.grid.row
        if row is None or len(row.branches) < 2:
            self.say("This option has one form only.")
            return

        def commit(title: str) -> str:
            self._do(lambda form, row: form.choose_branch(row.path, row.branches.index(title)))
            return ""

        choices = [(title, "") for title in row.branches]
        self._open_choices(row, choices, row.branches[row.branch], commit)

    def action_null(self) -> None:
        self._do(lambda form, row: form.set_null(row.path))

    def action_empty(self) -> None:
        self._do(lambda form, row: form.set_empty(row.path))

    def action_whole(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.secret:
            self.say("A secret cannot be shown as text. Enter sets a new one.")
            return
        from tui.screens.whole_text import WholeText

        text = self._remembered.get(row.id, form.edit_text(row.path))
        self.app.push_screen(WholeText(form, row, text), self._whole_edited)

    def _whole_edited(self, left: tuple[int, str] | None) -> None:
        """The text page is closed; what it did not take over is remembered."""
        if left is not None:
            self._remembered[left[0]] = left[1]
            self.say("Not taken over. Enter on this row goes on with what you typed.")
        self.changed(None)


def _row_id(form: FormModel, change: Change) -> int | None:
    try:
        return form.reveal(change.path)
    except KeyError:
        return None
