"""An operation being carried out, or one that was: its steps, its log, and what can be done.

The operation runs in the worker process; this page only looks, twice a second, at what has
been heard of it. Leaving the page, the interface or the machine it runs on stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.progress import Progress
from tui.screens.outcome import cancelling_means, next_lines, was_taken_back
from tui.screens.page import BACK, Page
from tui.screens.progress_text import heading, log_tail, step_rows, verdict, whole_log
from tui.text import Line
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.move import Move
    from engine.model.plan import Operation
    from tui.session import Follower

LOOK_SECONDS = 0.5
SAFE = "Safe to disconnect: this goes on without the terminal."


class ProgressPage(Page):
    """Shows one operation from its events."""

    CRUMBS = "operation"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel", "Cancel: stop after what is being done now"),
        Binding("t", "retry", "Try again from the last finished step"),
        Binding("l", "log", "Show the whole log, or the steps"),
        Binding("enter,u", "open_deployment", "Open the deployment"),
        Binding("n", "begin_now", "Begin now what waits for you"),
        Binding("f", "follow_step", "Put the cursor on the running step"),
    ]

    @dataclass
    class Found(Message):
        """The operation was read from the journal; with it the move, where it was about one."""

        operation: Operation
        move: Move | None

    @dataclass
    class Asked(Message):
        """Cancel, retry or the word to begin was handed to the worker."""

        what: str

    def __init__(self, operation_id: str) -> None:
        super().__init__()
        self.operation_id = operation_id
        self.progress: Progress | None = None
        self._follower: Follower | None = None
        self._heard = 0
        self._sure = False
        self._shows_log = False
        self._follows = True
        self._ending = False
        self._move: Move | None = None

    def body(self) -> ComposeResult:
        yield LineView(id="heading")
        yield RowList(id="steps")
        yield LineView(id="log")

    def on_mount(self) -> None:
        self._find()
        self.set_interval(LOOK_SECONDS, self._look)

    def _find(self) -> None:
        self.ask(
            lambda homeport: _read(homeport, self.operation_id),
            lambda found: self.Found(*found),
            "operation",
        )

    def on_progress_page_found(self, found: Found) -> None:
        operation, self._move = found.operation, found.move
        self.operation_id = operation.id
        if self.progress is None or self.progress.operation.attempt != operation.attempt:
            self.progress = Progress(operation)
            self._heard = 0
            self._follower = self.app.session.follow(operation.id)
        elif operation.status.is_final:
            self.progress.operation = operation
            self.progress.status = operation.status.value
            self.progress.error = operation.error
        self.draw()

    def _look(self) -> None:
        """Take in what has been heard, and paint what that changes."""
        if self.progress is None or self._follower is None:
            return
        if events := self._follower.after(self._heard):
            self._heard += len(events)
            self.progress.take(events)
        if self._follower.ended and not self._ending:
            self._ending = True
            self.say("")  # what was asked for has come true, or not: the heading says which
            if self._follower.error is not None:
                self.complain(self._follower.error)
            self._find()
        if self.is_current:
            self.draw()

    def draw(self) -> None:
        progress = self.progress
        if progress is None:
            return
        now, width = self.app.clock(), self.size.width
        plan = progress.operation.plan
        self.title_bar(f"{plan.intent.value} {plan.name}", f"operation {progress.operation.id[:8]}")
        self._note_for_farewell(progress)
        steps, log = self.query_one("#steps", RowList), self.query_one("#log", LineView)
        top = heading(progress, now, width, SAFE)
        lines = max(3, min(12, self.size.height - 4 - len(top) - len(progress.steps)))
        head = self.query_one("#heading", LineView)
        head.styles.height = len(top)
        head.show(top)
        log.styles.height = "1fr" if self._shows_log else lines + 1
        steps.display = not self._shows_log
        if self._shows_log:
            log.show([])
            log.show(whole_log(progress, width))
            log.scroll_end(animate=False)
        else:
            steps.show_rows(
                [Row(content, key) for content, key in step_rows(progress, now, row_width(steps))]
            )
            said = self._verdict(progress, width)
            log.styles.height = (max(lines, min(len(said), 12)) if said else lines) + 1
            log.show(said or log_tail(progress, width, lines))
        if self._follows:
            self._to_running_step()
        self.hints(*self._hints_now(progress))

    def _verdict(self, progress: Progress, width: int) -> list[Line]:
        """In place of the log's end, when it is over: what went wrong, and what to do next."""
        if not progress.is_final:
            return []
        return [*verdict(progress, width), *next_lines(progress, self._move, width)]

    def _to_running_step(self) -> None:
        progress = self.progress
        if progress is None:
            return
        at = [
            i
            for i, step in enumerate(progress.steps.values())
            if step.state in ("running", "retrying", "failed")
        ]
        if at:
            self.query_one("#steps", RowList).move_to(at[0])

    def _hints_now(self, progress: Progress) -> list[Hint]:
        if not progress.is_final:
            waits: list[Hint] = [("n", "begin now")] if progress.question is not None else []
            return [
                *waits,
                ("c", "cancel"),
                ("l", "steps" if self._shows_log else "log"),
                ("Esc", "leave it running"),
            ]
        over = progress.status == "succeeded" or was_taken_back(progress)
        again: list[Hint] = [] if over else [("t", "try again")]
        opened = "backup" if progress.operation.plan.intent.value == "drill" else "deployment"
        return [*again, ("Enter", f"open {opened}"), ("l", "log"), BACK]

    def _note_for_farewell(self, progress: Progress) -> None:
        others = [run for run in self.app.farewell.running if run.id != progress.operation.id]
        mine = [] if progress.is_final else [progress.operation]
        self.app.farewell.running = [*mine, *others]

    # what can be done

    def action_cancel(self) -> None:
        progress = self.progress
        if progress is None or progress.is_final:
            self.say("It is over; there is nothing to cancel.")
        elif not self._sure:
            self._sure = True
            self.say(f"Press c again to cancel: {cancelling_means(progress)}", "warn")
        else:
            self._sure = False
            self.ask(
                lambda homeport: homeport.cancel(self.operation_id),
                lambda _: self.Asked("cancelling: it stops after what is being done now"),
                "cancel",
            )

    def action_begin_now(self) -> None:
        progress = self.progress
        if progress is None or progress.question is None:
            self.say("Nothing waits for you here.")
            return
        name = progress.operation.plan.deployment
        self.ask(
            lambda homeport: homeport.continue_move(name),
            lambda _: self.Asked("it is told to begin now"),
            "begin now",
        )

    def action_retry(self) -> None:
        progress = self.progress
        if progress is None or not progress.is_final or progress.status == "succeeded":
            self.say("Only an operation that failed or was cancelled can be tried again.")
            return
        self.ask(lambda homeport: homeport.resume(self.operation_id), self._resumed, "retry")

    def _resumed(self, operation: Operation) -> Message:
        return self.Asked("trying again from the last finished step")

    def on_progress_page_asked(self, asked: Asked) -> None:
        self.say(asked.what)
        if self._follower is not None and self._follower.ended:
            self._follower = self.app.session.follow(self.operation_id)
            self.progress = None
            self._heard, self._ending = 0, False
            self._find()

    def action_log(self) -> None:
        self._shows_log = not self._shows_log
        self.query_one("#log", LineView).can_focus = self._shows_log
        self.draw()
        (self.query_one("#log") if self._shows_log else self.query_one("#steps")).focus()

    def action_follow_step(self) -> None:
        self._follows = True
        self._to_running_step()

    def on_row_list_chosen(self) -> None:
        self.action_open_deployment()

    def action_open_deployment(self) -> None:
        progress = self.progress
        if progress is None or not progress.is_final:
            self.say("The deployment can be opened when the operation is over.")
            return
        plan = progress.operation.plan
        if plan.intent.value == "destroy" and progress.status == "succeeded":
            self.app.action_home()
        elif plan.intent.value == "drill":
            args = next(step.args for step in plan.steps if "backup" in step.args)
            self.app.open_backup(str(args["repository"]), str(args["backup"]))
        else:
            section = "Backups" if plan.intent.value == "backup" else ""
            self.app.open_deployment(plan.name, section)

    def on_key(self, event: events.Key) -> None:
        key = event.key
        if key in ("up", "down", "pageup", "pagedown", "home", "end"):
            self._follows = False
        if key != "c":
            self._sure = False


def _read(homeport: Homeport, operation_id: str) -> tuple[Operation, Move | None]:
    """The operation; and where it is over and was about a move, how that move stands."""
    operation = homeport.operation(operation_id)
    about_move = operation.plan.intent.value in ("migrate", "revert", "confirm")
    if not (about_move and operation.status.is_final):
        return operation, None
    from engine.errors import NotFound

    try:
        return operation, homeport.deployment(operation.plan.deployment).move
    except NotFound:
        return operation, None  # it is history; what the operation came to is still told
