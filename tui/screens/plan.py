"""Reading a plan and approving it. What is approved is the plan by its hash, as it was shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.screens.plan_text import plan_lines
from tui.screens.progress_text import error_lines
from tui.session import CallFailed
from tui.text import BLANK, Line, Span
from tui.widgets.lines import LineView

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.plan import Operation, Plan


class PlanPage(Page):
    """Shows the plan that `make` gives; `a` applies it.

    confirm: the name that must be typed before it is applied, for plans that delete; question:
    what that deletes, by default the deployment of this name.
    applied: called when the operation has been handed over, before its page opens.
    refused: called with the error where no plan could be made of what the user gave.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply", "Apply the plan as it is shown"),
        Binding("r", "make", "Make the plan again"),
        Binding("up", "scroll(-1)", "Scroll up", show=False),
        Binding("down", "scroll(1)", "Scroll down", show=False),
        Binding("pageup", "scroll(-12)", "Page up", show=False),
        Binding("pagedown,space", "scroll(12)", "Page down", show=False),
        Binding("home", "scroll(-9999)", "Beginning of the plan", show=False),
        Binding("end", "scroll(9999)", "End of the plan", show=False),
        Binding("enter", "enter", "Read on, then apply with a", show=False),
    ]

    @dataclass
    class Made(Message):
        """The plan was computed; nothing was changed."""

        plan: Plan

    @dataclass
    class Applied(Message):
        """The plan was handed to the worker."""

        operation: Operation

    def __init__(
        self,
        crumbs: str,
        make: Callable[[Homeport], Plan],
        *,
        confirm: str = "",
        question: str = "",
        applied: Callable[[], None] | None = None,
        refused: Callable[[dict[str, Any]], bool] | None = None,
    ) -> None:
        super().__init__()
        self._crumbs = crumbs
        self._make = make
        self._confirm = confirm
        self._question = question or f"This deletes {confirm} and all of its data."
        self._applied = applied
        self._refused = refused
        self._plan: Plan | None = None
        self._error: dict[str, Any] | None = None
        self._busy = False

    def body(self) -> ComposeResult:
        text = " Making the plan; nothing is changed by that..."
        yield LineView([(Span(text, "muted"),)], id="plan")

    def on_mount(self) -> None:
        self.title_bar(self._crumbs, "making the plan")
        self.action_make()

    def action_make(self) -> None:
        self._plan = self._error = None
        self.title_bar(self._crumbs, "making the plan")
        self.hints(BACK)
        self.ask(self._make, self.Made, "plan", slowly=True)

    def on_plan_page_made(self, made: Made) -> None:
        self._plan = made.plan
        self.title_bar(self._crumbs, f"plan {made.plan.hash[:8]}")
        self.draw()

    def draw(self) -> None:
        view = self._view
        width = max(20, view.size.width - 2)
        if self._error is not None:
            view.show(_indented([BLANK, *error_lines(self._error, width)]))
            self.hints(("r", "make the plan again"), BACK)
        elif self._plan is not None:
            view.show(_indented(plan_lines(self._plan, width)))
            if self._plan.is_empty:
                self.say("= Everything is as it should be: there is nothing to apply.", "good")
                self.hints(("Up Down", "read"), BACK)
            else:
                self.hints(("a", "apply"), ("Up Down", "read"), ("Esc", "back, change it"))

    @property
    def _view(self) -> LineView:
        return self.query_one("#plan", LineView)

    def failed(self, failure: CallFailed) -> None:
        self._busy = False
        error = failure.error
        if failure.asked == "apply" and error.get("code") == "plan-changed":
            self.say("! What the plan was made from has changed. This is the new plan.", "warn")
            self.action_make()
            return
        if failure.asked == "plan" and self._refused is not None and self._refused(error):
            return
        self._error = error
        self.title_bar(self._crumbs, "refused")
        self.draw()

    def action_scroll(self, lines: int) -> None:
        view = self._view
        view.scroll_to(y=view.scroll_offset.y + lines, animate=False, force=True)

    def action_enter(self) -> None:
        view = self._view
        if view.scroll_offset.y + view.size.height < view.line_count:
            self.action_scroll(view.size.height - 1)
        elif self._plan is not None and not self._plan.is_empty:
            self.say("Press a to apply this plan.")

    def action_apply(self) -> None:
        plan = self._plan
        if plan is None or self._busy:
            return
        if plan.is_empty:
            self.say("= Everything is as it should be: there is nothing to apply.", "good")
        elif self._confirm:
            from tui.screens.confirm import TypedName

            self.app.push_screen(TypedName(self._question, self._confirm), self._confirmed)
        else:
            self._apply(plan)

    def _confirmed(self, sure: bool | None) -> None:
        if sure and self._plan is not None:
            self._apply(self._plan)

    def _apply(self, plan: Plan) -> None:
        self._busy = True
        self.title_bar(self._crumbs, "handing over")
        self.ask(lambda homeport: homeport.apply(plan, plan.hash), self.Applied, "apply")

    def on_plan_page_applied(self, applied: Applied) -> None:
        if self._applied is not None:
            self._applied()
        self.app.action_home()
        self.app.open_operation(applied.operation.id)


def _indented(lines: list[Line]) -> list[Line]:
    return [(Span(" "), *content) for content in lines]
