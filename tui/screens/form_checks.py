"""Checking a whole form, and the way from its problems to the plan.

The whole document is checked in a thread, a while after the last change and before the plan;
what comes of it counts only if nothing was changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from tui.screens.form_search import FormSearch
from tui.widgets.bars import Hint
from tui.words import counted

if TYPE_CHECKING:
    from forms import FormModel, Problem

CHECK_SECONDS = 0.8
"""How long after a change the whole is checked."""


PLAN: BindingType = Binding("p,f5", "plan", "Check everything and make the plan")


class FormChecks(FormSearch):
    """The pages built on this one say what is done with a valid document."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "next_problem", "Go to the next option that is wrong"),
    ]

    @dataclass
    class Checked(Message):
        """The whole document was checked, as it was at that revision of the form."""

        problems: Sequence[Problem]
        document: Any
        revision: int
        for_plan: bool

    GO_ON: ClassVar[Hint] = ("p", "plan")
    """The key that goes on with a document, for the line of hints."""
    TO_GO_ON: ClassVar[str] = "before there can be a plan"

    def __init__(self) -> None:
        super().__init__()
        self._revision = 0
        self._checking: Timer | None = None
        self._is_plan_wanted = False

    def go_on(self, document: Any) -> None:
        """The document is valid: do with it what the form is for."""
        raise NotImplementedError

    def keep(self) -> None:
        """Write what has been filled in as a draft."""
        raise NotImplementedError

    def check_later(self) -> None:
        """The form was changed: check the whole when it has been left alone for a while."""
        self._revision += 1
        self.stop_checking()
        self._checking = self.set_timer(CHECK_SECONDS, self._check_whole)

    def stop_checking(self) -> None:
        if self._checking is not None:
            self._checking.stop()

    def _check_whole(self, for_plan: bool = False) -> None:
        if self.form is not None:
            asked = (self.form, self.form.document(), self._revision, for_plan)
            Thread(target=self._check, args=asked, name="check", daemon=True).start()

    def _check(self, form: FormModel, document: Any, revision: int, for_plan: bool) -> None:
        self.post_message(self.Checked(form.check(document), document, revision, for_plan))

    def on_form_checks_checked(self, checked: Checked) -> None:
        if self.form is None:
            return
        if checked.revision != self._revision:
            if checked.for_plan:
                self._check_whole(for_plan=True)
            return
        self.form.show_problems(checked.problems)
        self.redraw()
        if checked.for_plan:
            self._to_plan(self.form, checked)

    # going on

    def action_plan(self) -> None:
        self._is_plan_wanted = self.form is None
        if self.form is not None:
            self.stop_checking()
            self.say("Checking the whole form...")
            self._check_whole(for_plan=True)

    def plan_if_wanted(self) -> None:
        """The form is there: go on, if that was asked for while its schema was read."""
        if self._is_plan_wanted:
            self.action_plan()

    def _to_plan(self, form: FormModel, checked: Checked) -> None:
        if checked.problems:
            count = counted(len(checked.problems), "option")
            self.go_to(form.problems()[0].path)
            self.say(f"x {count} to correct {self.TO_GO_ON}; g goes to the next.", "bad")
        else:
            self.say("")
            self.go_on(checked.document)

    def action_next_problem(self) -> None:
        form, row = self.form, self.grid.row
        problems = form.problems() if form else []
        if not problems:
            self.say("Nothing is wrong as far as it has been checked.")
            return
        paths = [problem.path for problem in problems]
        at = paths.index(row.path) + 1 if row and row.path in paths else 0
        self.go_to(paths[at % len(paths)])

    def problem_from_engine(self, error: dict[str, Any]) -> bool:
        """Show an engine's refusal at the option it names; False where it names none."""
        if self.form is None or error.get("code") != "invalid-input":
            return False
        try:
            path = self.form.find(str(error.get("on", "")))
        except (KeyError, ValueError):
            return False
        self.app.pop_screen()
        self.go_to(path)
        self.say(f"x {error.get('why') or error.get('what')}", "bad")
        return True
