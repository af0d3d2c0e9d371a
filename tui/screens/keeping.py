"""Keeping as a draft what somebody does on a page: a while after each change, and on leaving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from tui.screens.page import Page
from tui.session import CallFailed

KEEP_SECONDS = 1.0
"""How long after a change the draft is written."""

_LEAVING = ("escape", "q", "ctrl+q", "ctrl+c")


class Keeping(Page):
    """The pages built on this one say what is kept, and where."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "start_again", "Drop the draft and start again"),
        Binding("q,ctrl+q,ctrl+c", "leave", "Leave Homeport; what is filled in is kept"),
    ]

    @dataclass
    class Kept(Message):
        """The draft was written, or dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._keeping: Timer | None = None
        self._leaving = False
        self._going_back = 0
        """How often it was asked to go back while the draft is being written."""
        self.is_unkept = False
        """The draft could not be written, and nothing was done since: leaving loses it."""
        self._is_start_again_next = False

    @property
    def is_open(self) -> bool:
        """Is there something to keep?"""
        raise NotImplementedError

    def keep(self) -> None:
        """Write the draft; post `Kept` when it is written."""
        raise NotImplementedError

    def begin_again(self) -> None:
        """Forget what was done, the draft included, and open it anew."""
        raise NotImplementedError

    def keep_later(self) -> None:
        self._stop_keeping()
        self._keeping = self.set_timer(KEEP_SECONDS, self.keep)

    def _stop_keeping(self) -> None:
        if self._keeping is not None:
            self._keeping.stop()

    def keep_now(self) -> None:
        self._stop_keeping()
        if self.is_open:
            self.keep()

    def failed(self, failure: CallFailed) -> None:
        super().failed(failure)
        if failure.asked == "draft":
            self.app.farewell.draft = ""
            self.could_not_keep(failure.error)

    def could_not_keep(self, error: dict[str, Any]) -> None:
        """Say so; what was done is still on the page."""
        self.is_unkept = True
        self._going_back = 0
        why = error.get("why") or error.get("what")
        self.say(f"x Not kept; Esc or q again loses it: {why}", "bad")

    def back_when_kept(self) -> None:
        """Keep the draft, then go back; where it could not be kept before, go back without it."""
        if not self.is_open or self.is_unkept:
            self.go_back()
            return
        self._going_back += 1
        if self._going_back == 1:
            self.keep_now()

    def go_back(self) -> None:
        """To the page before this one."""
        self._stop_keeping()
        self.dismiss()

    def action_leave(self) -> None:
        """Keep the draft, then leave; a second time, leave though it could not be kept."""
        if not self.is_open or self._leaving or self.is_unkept:
            self.app.action_leave()
        else:
            self._leaving = True
            self.keep_now()

    def on_keeping_kept(self) -> None:
        self.is_unkept = False
        if self._leaving:
            self.app.action_leave()
        elif self._going_back:
            further, self._going_back = self._going_back - 1, 0
            self.go_back()
            for _ in range(further):
                self.app.simulate_key("escape")

    def action_start_again(self) -> None:
        """Asked for twice in a row: what is dropped cannot be had back."""
        if not self._is_start_again_next:
            self._is_start_again_next = True
            self.say("x again drops all that you did here. Any other key keeps it.", "warn")
            return
        self._is_start_again_next = False
        self._stop_keeping()
        self.begin_again()
        self.say("Nothing of it is kept.")

    def key_typed(self, key: str) -> None:
        super().key_typed(key)
        if key != "x":
            self._is_start_again_next = False
        if key not in _LEAVING:
            self._going_back = 0
        if self.is_unkept and key not in _LEAVING:
            self.is_unkept = self._leaving = False
