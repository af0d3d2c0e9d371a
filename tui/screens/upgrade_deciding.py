"""Deciding in a review: one option, by a key, from its actions or by typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.screens.form_base import reason
from tui.screens.form_editing import LINE_HINTS, LIST_HINTS, NOT_TAKEN
from tui.screens.upgrade_base import ReviewBase
from tui.screens.upgrade_text import is_to_be_decided
from tui.widgets.review_grid import end_of
from tui.widgets.row_editor import LIST_LINES, RowEditor
from tui.widgets.rows import RowList

if TYPE_CHECKING:
    from forms.upgrade import Action, Key, Review, Row

Commit = Callable[[str], None]
"""Takes a typed or chosen text over. ValueError, in words for the user, where that cannot be."""


_NAMED = 28
"""Cells of an option's path in a message that says more."""
_LEFT = 4
"""The column of choices that are about more than the value of a row."""


class ReviewDeciding(ReviewBase):
    """Every command goes through the review; what comes of it is drawn, and kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "decide", "What can be decided of the option", show=False),
        Binding("1", "pick(0)", "Do what has this number beside it; 2 to 9 alike", show=False),
        *(Binding(str(number), f"pick({number - 1})", show=False) for number in range(2, 10)),
        Binding("k", "verb('keep')", "Keep your value"),
        Binding("t", "verb('take new default')", "Take the new default"),
        Binding("e", "edit", "Type another value"),
        Binding("d,delete", "undecide", "Take the decision back: undecided again"),
        Binding("u", "undo", "Undo"),
        Binding("U,ctrl+r", "redo", "Do again what was undone"),
    ]

    def __init__(self, crumbs: str) -> None:
        super().__init__(crumbs)
        self._commit: Commit = _nothing
        self._edited: Key | None = None
        """The row whose value is being typed; None while something else is chosen."""
        self._remembered: dict[Key, str] = {}

    def changed(self) -> None:
        """Something was decided: draw it and keep it."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While there is an editor, keys belong to it; who only watches decides nothing."""
        if self.is_mounted and self.editor.is_open:
            return action == "leave"
        return self.MAY_DECIDE or action not in _DECIDING

    # one option

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        if chosen.rows is self.grid:
            self.action_decide()

    def action_decide(self) -> None:
        from tui.screens.upgrade_actions import ActionsPage

        review, row = self.review, self.grid.row
        if review is None or row is None:
            return
        if not self.MAY_DECIDE:
            self.action_help()
            return
        detail = review.detail(row.key)
        if not detail.actions:
            self.say("There is nothing to decide of this one; h says what is known of it.")
            return

        def picked(at: int | None) -> None:
            if at is not None:
                self._do(review, row, detail.actions[at])

        self.app.push_screen(ActionsPage(detail), picked)

    def action_pick(self, at: int) -> None:
        review, row = self.review, self.grid.row
        if review is None or row is None:
            return
        actions = review.detail(row.key).actions
        if at < len(actions) and is_to_be_decided(row):
            self._do(review, row, actions[at])
        else:
            self.say(f"There is no number {at + 1} here; Enter shows what can be done.")

    def action_verb(self, word: str) -> None:
        from forms.upgrade import Verb

        review, row = self.review, self.grid.row
        if review is None or row is None:
            return
        verb = Verb(word)
        actions = review.detail(row.key).actions
        found = next((one for one in actions if one.verb is verb), None)
        if found is not None:
            self._do(review, row, found)
        else:
            self.say(_CANNOT[verb.value])

    def _do(self, review: Review, row: Row, action: Action) -> None:
        from forms.upgrade import Verb
        from forms.values import ABSENT

        if action.verb is Verb.SET and action.value is ABSENT:
            self.action_edit()
            return
        try:
            review.do(row.key, action)
        except (ValueError, KeyError) as failure:
            self.refuse(failure)
            return
        self.decided(review, row.key)

    def decided(self, review: Review, key: Key) -> None:
        """A decision was made of that row: go on to the next that needs somebody."""
        self._remembered.pop(key, None)
        self.changed()
        row = review.row(key)
        if row.asks:
            self.go_to(key)
            self.say(f"x {row.path}: {row.problem or row.note}", "bad")
            return
        left = len(review.queue)
        said = f"+ {end_of(row.path, _NAMED)}: {row.note or 'decided'}."
        if not left:
            self.say(f"{said} Nothing is left: {self.GOES_ON}.", "good")
        else:
            following = review.next(key)
            assert following is not None
            self.go_to(following)
            self.say(f"{said} {left} left.", "good")

    def action_undecide(self) -> None:
        review, row = self.review, self.grid.row
        if review is None or row is None:
            return
        if not row.decided:
            self.say("Nothing is decided here.")
            return
        review.undecide(row.key)
        self.changed()
        self.say(f"{row.path} is as it was before anybody decided.")

    # typing a value

    def action_edit(self) -> None:
        review, row = self.review, self.grid.row
        if review is None or row is None:
            return
        try:
            text = self._remembered.get(row.key, review.edit_text(row.key))
            place = row.path if not row.new_path else row.new_path
            kind = review.form.row(review.form.find(place))
            choices = review.choices(row.key)
        except (ValueError, KeyError) as failure:
            self.refuse(failure)
            return
        if kind.readonly:
            self.say("This one cannot be set here.")
        elif choices:
            self.open_choices(
                choices, review.edit_text(row.key), lambda typed: self._set(row.key, typed), row.key
            )
        elif kind.multiline or (kind.kind in ("raw", "section", "list", "map") and not kind.inline):
            self._open_whole(review, row, text)
        else:
            self._open_line(row, text)

    def _set(self, key: Key, text: str) -> None:
        review = self.review
        if review is None:
            return
        parsed = review.set_text(key, text)
        if not parsed.ok:
            raise ValueError(parsed.problem.message if parsed.problem else "this cannot be read")
        self.close_editor()
        self.decided(review, key)

    def _open_line(self, row: Row, text: str) -> None:
        placeholder = row.text if row.secret or not text else ""
        if not text.isprintable():
            placeholder, text = "the value has control characters; type a new one", ""
        self._edited, self._commit = row.key, lambda typed: self._set(row.key, typed)
        self.editor.place_on(self.grid)
        self.editor.open_text(text, secret=row.secret, placeholder=placeholder)
        self.hints(LINE_HINTS[0], *LINE_HINTS[2:])

    def open_choices(
        self, choices: list[tuple[str, str]], current: str, commit: Commit, key: Key | None = None
    ) -> None:
        self._edited, self._commit = key, commit
        about_row = None if key is not None else _LEFT
        self.editor.place_on(self.grid, min(LIST_LINES, len(choices)), about_row)
        self.editor.open_choices(choices, current)
        self.hints(*LIST_HINTS)

    def _open_whole(self, review: Review, row: Row, text: str) -> None:
        from tui.screens.whole_text import WholeText, can_be_shown

        if not can_be_shown(text):
            self.say("The value has control characters, so it is not shown.")
            return

        def left(typed: tuple[str | None] | None) -> None:
            if typed is None:
                return
            if typed[0] is None:
                self.decided(review, row.key)
            else:
                self._remembered[row.key] = typed[0]
                self.say(NOT_TAKEN)

        page = WholeText(
            row.path,
            review.detail(row.key).type,
            text,
            lambda typed: review.parse(row.key, typed),
            lambda typed: review.set_text(row.key, typed),
        )
        self.app.push_screen(page, left)

    def on_row_editor_typed(self, typed: RowEditor.Typed) -> None:
        if self.review is None or self._edited is None:
            return
        problem = self.review.parse(self._edited, typed.text).problem
        self.editor.say(problem.message if problem else "", problem.hint if problem else "")

    def on_row_editor_committed(self, committed: RowEditor.Committed) -> None:
        if committed.move:
            return  # a decision is not made by walking on
        try:
            self._commit(committed.text)
        except (ValueError, KeyError) as failure:
            self.editor.say(reason(failure))

    def on_row_editor_closed(self, closed: RowEditor.Closed) -> None:
        key, review = self._edited, self.review
        self.close_editor()
        if key is None or review is None or closed.text is None:
            return
        if closed.text != review.edit_text(key):
            self._remembered[key] = closed.text
            self.say(NOT_TAKEN.replace("Enter", "e"))

    def close_editor(self) -> None:
        self._edited, self._commit = None, _nothing
        self.editor.close()
        self.set_focus(self.grid)
        self.redraw()

    # history

    def action_undo(self) -> None:
        self._step("undone", lambda review: review.undo())

    def action_redo(self) -> None:
        self._step("done again", lambda review: review.redo())

    def _step(self, word: str, step: Callable[[Review], Key | None]) -> None:
        review = self.review
        if review is None:
            return
        try:
            key = step(review)
        except KeyError:
            self.say(f"There is nothing more to be {word}.")
            return
        self.changed()
        if key is not None:
            self.go_to(key)
        about = f": {review.row(key).path}" if key is not None else ""
        self.say(f"{word.capitalize()}{about}.")


def _nothing(_text: str) -> None:
    return None


_CANNOT: dict[str, str] = {
    "keep": "There is no value of yours here that could be kept.",
    "take new default": "There is no new default to take; Enter shows what can be done.",
}
_DECIDING = frozenset(
    ("pick", "verb", "edit", "undecide", "several", "undo", "redo", "plan", "start_again")
)
