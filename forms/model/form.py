"""The form: a schema and a document, seen as rows and changed by commands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from forms.model.row import Change, Filter, Help, Parsed, Problem, Row
from forms.paths import Path


class Rows(Sequence[Row]):
    """The rows that a filter shows, top to bottom. Live: follows every command.

    Getting one row costs the same whatever the number of rows.
    """

    revision: int
    """Grows whenever rows come, go or move."""

    def position(self, row_id: int) -> int | None:
        """Index of the row with that id; None if it is not shown."""
        raise NotImplementedError


class FormModel:
    """A document being edited by its schema. Owns a copy of the document.

    base: the document that "changed" compares with; by default the document itself.
    defaults: a document of values that go before the schema's own defaults.
    readonly: paths that are shown but cannot be edited, with all below them.
    held: paths of secrets that have a value elsewhere: shown as set, never missing.

    Commands return the Change they made. They raise ValueError, in words for the user, where
    a view lets somebody do what cannot be done (edit a readonly row, remove what is not there).
    """

    def __init__(
        self,
        schema: Mapping[str, Any] | bool,
        document: Any = None,
        *,
        base: Any = None,
        defaults: Any = None,
        readonly: Collection[Path] = (),
        held: Collection[Path] = (),
    ) -> None:
        raise NotImplementedError

    # what there is

    def rows(self, filter: Filter = Filter()) -> Rows:  # noqa: A002, B008
        """The rows that `filter` shows. Only the Rows asked for last stay live."""
        raise NotImplementedError

    def row(self, path: Path) -> Row:
        """The row of one option, shown or not. KeyError if there is no such option."""
        raise NotImplementedError

    def help(self, path: Path) -> Help:
        raise NotImplementedError

    def choices(self, path: Path) -> list[tuple[str, str]]:
        """Allowed texts of an enum or bool option, each with a title (may be empty)."""
        raise NotImplementedError

    def edit_text(self, path: Path) -> str:
        """What to put into the editor: the value, or the default, as text that `set_text`
        takes. Empty for secrets. YAML for raw rows and for sections."""
        raise NotImplementedError

    def value(self, path: Path) -> Any:
        """What the user set there; KeyError if unset."""
        raise NotImplementedError

    def document(self) -> Any:
        """A copy of what the user set, and only that; key order kept."""
        raise NotImplementedError

    def find(self, text: str) -> Path:
        """The path that a written path (`server.port`) means in this form; KeyError if none."""
        raise NotImplementedError

    # folding

    def toggle(self, row_id: int) -> None:
        raise NotImplementedError

    def fold(self, row_id: int, folded: bool = True) -> None:
        raise NotImplementedError

    def fold_all(self, folded: bool = True) -> None:
        """Fold or unfold all sections (folds of advanced options stay as they are)."""
        raise NotImplementedError

    def reveal(self, path: Path) -> int:
        """Unfold whatever hides an option, and give its row's id (or that of the nearest row
        above it, where the option itself has none)."""
        raise NotImplementedError

    # commands

    def parse(self, path: Path, text: str) -> Parsed:
        """What `text` would mean there; changes nothing. Cheap enough for every key."""
        raise NotImplementedError

    def set_text(self, path: Path, text: str) -> Parsed:
        """Set an option from typed text. Nothing changes where the text cannot be read; a
        value that breaks a bound is kept, with its problem on the row. An empty text unsets
        everything but text options and lists."""
        raise NotImplementedError

    def set(self, path: Path, value: Any) -> Change:
        raise NotImplementedError

    def unset(self, path: Path) -> Change:
        raise NotImplementedError

    def set_null(self, path: Path) -> Change:
        raise NotImplementedError

    def set_empty(self, path: Path) -> Change:
        """Empty text, list or map, as the option's kind has it."""
        raise NotImplementedError

    def add_item(self, path: Path, key: str | None = None) -> Change:
        """Add an entry to a list (at its end) or a map (under `key`, which maps need).
        The Change's path is the new entry's."""
        raise NotImplementedError

    def remove_item(self, path: Path) -> Change:
        raise NotImplementedError

    def move_item(self, path: Path, to: int) -> Change:
        """Move a list's entry to another position."""
        raise NotImplementedError

    def duplicate_item(self, path: Path, key: str | None = None) -> Change:
        raise NotImplementedError

    def rename_key(self, path: Path, key: str) -> Change:
        """Rename a map's entry, which keeps its place."""
        raise NotImplementedError

    def choose_branch(self, path: Path, branch: int) -> Change:
        """Choose among `Row.branches`. Values that fit the new branch stay."""
        raise NotImplementedError

    def undo(self) -> Change | None:
        """Take back the last command; None if there is none."""
        raise NotImplementedError

    def redo(self) -> Change | None:
        raise NotImplementedError

    @property
    def dirty(self) -> bool:
        """Has anything changed since the form was opened or `mark_saved` called?"""
        raise NotImplementedError

    def mark_saved(self) -> None:
        raise NotImplementedError

    # problems

    def validate(self, path: Path = ()) -> list[Problem]:
        """Check the whole document, or one section, and put the problems on their rows."""
        raise NotImplementedError

    def problems(self) -> list[Problem]:
        """The problems that are on rows now, in the order of the document's options."""
        raise NotImplementedError

    def check(self, document: Any) -> list[Problem]:
        """Problems of a copy made by `document()`; touches nothing of the form, so it may run
        in another thread. Give the result to `show_problems`."""
        raise NotImplementedError

    def show_problems(self, problems: Sequence[Problem]) -> None:
        raise NotImplementedError

    def paths(self) -> Iterator[Path]:
        """Every option the form can show, in order."""
        raise NotImplementedError

    # drafts

    def dump(self) -> dict[str, Any]:
        """The state to come back to, as JSON values. Secret values are left out; their paths
        are listed under "left_out", so that a view can say what must be entered again."""
        raise NotImplementedError

    def load(self, draft: Mapping[str, Any]) -> None:
        """Take up a state that `dump` gave. ValueError if it is not one."""
        raise NotImplementedError
