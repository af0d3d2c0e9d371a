"""What the parts of the form's page share: the form model, the grid and the editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.screens.page import Page
from tui.widgets.option_grid import OptionGrid
from tui.widgets.row_editor import RowEditor

if TYPE_CHECKING:
    from forms import Change, FormModel, Path
    from forms import Row as OptionRow

Command = Callable[["FormModel", "OptionRow"], "Change | None"]
"""Changes the form at a row. ValueError, in words for the user, where that cannot be."""


class FormBase(Page):
    """A page with a form on it; `form` is None until the engine has given its schema."""

    form: FormModel | None = None

    @property
    def grid(self) -> OptionGrid:
        return self.query_one(OptionGrid)

    @property
    def editor(self) -> RowEditor:
        return self.query_one(RowEditor)

    def changed(self, row_id: int | None = None) -> None:
        """The form was changed: draw it, with the cursor on that row, and keep it."""
        raise NotImplementedError

    def redraw(self, row_id: int | None = None) -> None:
        """Draw what was folded, found or checked; no value was changed."""
        raise NotImplementedError

    def go_to(self, path: Path) -> None:
        """Put the cursor on an option, whatever hides it."""
        raise NotImplementedError

    def fold(self, row: OptionRow, folded: bool) -> None:
        """Fold or unfold what is under a row."""
        raise NotImplementedError

    def command(self, change_at: Command) -> None:
        """Run a command on the row under the cursor; say why where it cannot be done."""
        form, row = self.form, self.grid.row
        if form is None or row is None:
            return
        try:
            change = change_at(form, row)
        except (ValueError, KeyError) as failure:
            self.say(f"x {reason(failure)}", "bad")
            return
        if change is not None:
            self.made(form, change)

    def made(self, form: FormModel, change: Change) -> None:
        """A command was carried out: check the section it was in, and go to what it changed."""
        if len(change.path) > 1:
            form.validate(change.path[:-1])
        self.changed(form.reveal(change.path))


def reason(failure: Exception) -> str:
    """What a command said when it refused."""
    return str(failure.args[0] if failure.args else failure)
