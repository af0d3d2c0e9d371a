"""What is asked of a move: when it may freeze, how long it may be away, how fast it may copy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tui.screens.fields import Field, FieldsPage

READY, HOLD = "ready", "hold"
"""What `begin` may be besides a time."""


class MoveTermsPage(FieldsPage):
    """An empty line asks for nothing special; Enter makes the plan of the move."""

    def __init__(self, name: str, to: str) -> None:
        super().__init__()
        self._deployment = name
        self._to = to

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("begin", READY, placeholder="ready, hold, or a time like 23:30", lines=3),
            Field("window", placeholder="(as short as it easily gets)", lines=3),
            Field("limit", placeholder="(all that the line gives)"),
        )

    def about(self) -> str:
        name = self._deployment
        return f"{name} serves while its state is copied; then it is frozen and switched."

    def on_mount(self) -> None:
        self.title_bar(f"migrate {self._deployment} to {self._to}  terms")
        self.say_all()

    def problems(self) -> dict[str, str]:
        from engine.planning.quantities import kib_of, seconds_of

        return {
            "begin": _problem(self._begin_at),
            "window": _problem(lambda: seconds_of(self.value("window")), self.value("window")),
            "limit": _problem(lambda: kib_of(self.value("limit")), self.value("limit")),
        }

    def said(self) -> dict[str, str]:
        begin, window, limit = self._begin, self.value("window"), self.value("limit")
        return {
            "begin": {
                READY: "the freeze begins as soon as all is copied (hold waits for your word, "
                "23:30 for that time)",
                HOLD: "it is kept ready, and waits until you press n on its page, or somebody "
                f"runs: homeport continue {self._deployment}",
            }.get(begin, f"it is kept ready, and the freeze begins at {begin}"),
            "window": f"if it would be away for longer than {window}, it is not stopped at all"
            if window
            else "write 30s or 5m to have it copied again until it is away for no longer than "
            "that, or not stopped at all",
            "limit": f"the copy takes no more than {limit} per second of the line"
            if limit
            else "write 500K or 20M to leave room on the line",
        }

    @property
    def _begin(self) -> str:
        return self.value("begin") or READY

    def _begin_at(self) -> datetime | None:
        from engine.planning.quantities import time_of

        begin = self._begin
        return None if begin in (READY, HOLD) else time_of(begin, datetime.now().astimezone())

    def go_on(self) -> None:
        from engine.model.move import MoveTerms
        from engine.planning.quantities import kib_of, seconds_of
        from tui.screens.plan import PlanPage

        name, to = self._deployment, self._to
        window, limit = self.value("window"), self.value("limit")
        terms = MoveTerms(
            window_seconds=seconds_of(window) if window else None,
            hold=self._begin == HOLD,
            begin_at=self._begin_at(),
            limit_kib=kib_of(limit) if limit else 0,
        )
        self.app.push_screen(
            PlanPage(
                f"migrate {name} to {to}", lambda homeport: homeport.plan_migrate(name, to, terms)
            )
        )


def _problem(read: Callable[[], Any], text: str = "given") -> str:
    """Why what was typed means nothing; empty where it does, or where nothing was typed."""
    from engine.errors import InvalidInput

    if not text:
        return ""
    try:
        read()
    except InvalidInput as error:
        return f"{error.what}. {error.do}"
    return ""
