"""The keys that change an option without typing: default, null, entries of lists, undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.screens.form_editing import FormEditing, locked

if TYPE_CHECKING:
    from forms import Change, FormModel
    from forms import Row as OptionRow


class FormCommands(FormEditing):
    """What can be done to the option under the cursor, a key for each."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "switch", "Switch on or off, or fold"),
        Binding("right", "fold(False)", "Unfold"),
        Binding("left", "fold(True)", "Fold, or go to the section"),
        Binding("o", "fold_all", "Fold all sections, or unfold them"),
        Binding("d,delete", "unset", "Back to the default, or remove the entry"),
        Binding("u", "undo", "Undo"),
        Binding("U,ctrl+r", "redo", "Do again what was undone"),
        Binding("a", "add", "Add an entry to the list"),
        Binding("c", "duplicate", "Copy the entry"),
        Binding("k", "rename", "Rename the entry"),
        Binding("left_square_bracket", "reorder(-1)", "Move the entry up", key_display="["),
        Binding("right_square_bracket", "reorder(1)", "Move the entry down", key_display="]"),
        Binding("b", "branch", "Choose among the forms that this option can take"),
        Binding("z", "null", "Set to null"),
        Binding("e", "empty", "Set to empty"),
        Binding("y", "copy(False)", "Copy the value to the clipboard"),
        Binding("Y", "copy(True)", "Copy the path to the clipboard"),
    ]

    # folding

    def action_switch(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.kind == "bool" and row.readonly:
            self.say(locked(row))
        elif row.kind == "bool":
            self.command(_switched)
        elif row.foldable:
            self.fold(row, not row.folded)
        else:
            self.action_edit()

    def action_fold(self, folded: bool) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.foldable and row.folded != folded:
            self.fold(row, folded)
        elif folded and row.depth:
            grid, at = self.grid, self.grid.cursor
            while at > 0 and grid.row_at(at).depth >= row.depth:
                at -= 1
            grid.move_to(at)

    def action_fold_all(self) -> None:
        form, row = self.form, self.grid.row
        if form is not None and row is not None:
            folded = not (row.foldable and row.folded)
            form.fold_all(folded)
            self.redraw(form.row(row.path[:1]).id if folded else row.id)

    # values

    def action_unset(self) -> None:
        row = self.grid.row
        if row is not None and row.origin.value == "default" and not row.readonly:
            self.say("It has its default already.")
        else:
            self.command(_unset)

    def action_null(self) -> None:
        self.command(lambda form, row: form.set_null(row.path))

    def action_empty(self) -> None:
        self.command(lambda form, row: form.set_empty(row.path))

    def action_copy(self, path: bool) -> None:
        """By OSC 52, which not every terminal knows, so what was copied is shown as well."""
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        if row.secret and not path:
            self.say("A secret is not copied.")
            return
        text = form.help(row.path).path if path else form.edit_text(row.path)
        if not text:
            self.say("There is nothing to copy here.")
            return
        self.app.copy_to_clipboard(text)
        lines = text.rstrip("\n").splitlines()
        more = f" (and {len(lines) - 1} lines more)" if len(lines) > 1 else ""
        self.say(f"Copied: {lines[0]}{more}")

    def action_branch(self) -> None:
        self.open_branches()

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
        self.go_to(change.path)
        self.made(form, change)
        self.say(f"{word.capitalize()}: {change.label}.")

    # entries of lists and maps

    def action_add(self) -> None:
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        path = row.path[:-1] if (row.is_item or row.is_entry) and not row.can_add else row.path
        owner = form.row(path) if path else row
        if not owner.can_add:
            self.say("Entries can be added on the row of a list or map.")
        elif owner.kind in ("list",):
            self.command(lambda form, _row: form.add_item(path))
        else:
            self.ask_key("", lambda form, _row, key: form.add_item(path, key))

    def action_duplicate(self) -> None:
        row = self.grid.row
        if row is None or not (row.is_item or row.is_entry):
            self.say("Only an entry of a list or map can be copied.")
        elif row.is_entry:
            self.ask_key(_key(row), lambda form, row, key: form.duplicate_item(row.path, key))
        else:
            self.command(lambda form, row: form.duplicate_item(row.path))

    def action_rename(self) -> None:
        row = self.grid.row
        if row is None or not row.is_entry:
            self.say("Only an entry of a map has a name of its own.")
        else:
            self.ask_key(_key(row), lambda form, row, key: form.rename_key(row.path, key))

    def action_reorder(self, by: int) -> None:
        self.command(lambda form, row: _moved(form, row, by))


def _switched(form: FormModel, row: OptionRow) -> Change:
    return form.set(row.path, form.edit_text(row.path) != "yes")


def _unset(form: FormModel, row: OptionRow) -> Change:
    return form.remove_item(row.path) if row.is_item or row.is_entry else form.unset(row.path)


def _moved(form: FormModel, row: OptionRow, by: int) -> Change | None:
    last = row.path[-1] if row.path else None
    if not row.is_item or not isinstance(last, int):
        raise ValueError("only entries of a list have an order")
    if not 0 <= last + by < form.row(row.path[:-1]).count:
        raise ValueError(f"it is the {'last' if by > 0 else 'first'} already")
    return form.move_item(row.path, last + by)


def _key(row: OptionRow) -> str:
    return str(row.path[-1])
