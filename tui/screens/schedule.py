"""When a deployment is backed up by itself, and into which repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.message import Message

from tui.screens.fields import Field, FieldsPage
from tui.screens.page import BACK
from tui.session import CallFailed
from tui.text import Line, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.repository import RepositoryProfile
    from engine.model.schedule import ScheduleStanding

_WORDS = "daily 03:30, sunday 04:00, weekdays 22:00, monthly 1 04:00, every 6 hours; times are UTC"


class SchedulePage(FieldsPage):
    """An empty line stands for no schedule. What came of Enter stays on the page until something
    is typed."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "set it so"), ("Tab Up Down", "line"), BACK)

    @dataclass
    class Read(Message):
        """How it stands was read."""

        standing: ScheduleStanding | None

    @dataclass
    class Saved(Message):
        """standing: None where it is backed up by hand only. woken: by whom, in words."""

        standing: ScheduleStanding | None
        woken: str

    def __init__(self, name: str, repositories: Sequence[RepositoryProfile]) -> None:
        super().__init__()
        self._deployment = name
        self._repositories = [one.name for one in repositories]
        self._reading = self._saving = False
        self._outcome = ""

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("when", placeholder="(only by hand)", lines=3),
            Field("into", self._repositories[0]),
        )

    def about(self) -> str:
        return f"When {self._deployment} is backed up without anybody asking for it."

    def on_mount(self) -> None:
        self.title_bar(f"deployments  {self._deployment}  schedule")
        self._reading = True
        name = self._deployment
        self.ask(lambda homeport: homeport.deployment(name).schedule, self.Read, "schedule")

    def on_schedule_page_read(self, read: Read) -> None:
        self._reading = False
        if read.standing is not None and not self.value("when"):
            known = {"when": read.standing.schedule.calendar}
            known["into"] = read.standing.schedule.repository or self._repositories[0]
            for field, value in known.items():
                self.line(field).value = value
                self.line(field).cursor_position = len(value)
        self.say_all()

    def unused(self) -> set[str]:
        return set() if self.value("when") and len(self._repositories) > 1 else {"into"}

    def problems(self) -> dict[str, str]:
        known = self._repositories
        unknown = "" if self.value("into") in known else f"there are: {', '.join(known)}"
        return {"when": self._when_problem(), "into": "" if "into" in self.unused() else unknown}

    def _when_problem(self) -> str:
        from engine.backup.calendar import Calendar
        from engine.errors import InvalidInput

        try:
            if when := self.value("when"):
                Calendar.parse(when)
        except InvalidInput as error:
            return f"{error.what}: {_WORDS}"
        return ""

    def said(self) -> dict[str, str]:
        return {"when": self._when_said(), "into": "the repository that they lie in"}

    def _when_said(self) -> str:
        from engine.backup.calendar import Calendar

        when = self.value("when")
        if not when:
            return f"only by hand. Or write {_WORDS}"
        if self._when_problem():
            return ""
        following = Calendar.parse(when).next(self.app.clock())
        first = f"{following:%A %Y-%m-%d at %H:%M} UTC"
        return f"the first one on {first}; one that was missed is made up for"

    def on_input_changed(self, change: object) -> None:
        if self._outcome:
            self._outcome = ""
            self.draw()

    def draw(self) -> None:
        super().draw()
        lines: list[Line] = wrapped(self._outcome, self.size.width - 2, "good")
        self.query_one("#fields-said", LineView).show(lines if self._outcome else [])

    def still_reading(self) -> str:
        if self._saving:
            return "It is being set."
        return "It is still being read; try again in a moment." if self._reading else ""

    def go_on(self) -> None:
        self._saving = True
        name, when, into = self._deployment, self.value("when"), self.value("into")

        def save(homeport: Homeport) -> SchedulePage.Saved:
            if not when:
                homeport.schedules.remove(name)
                return self.Saved(None, "")
            standing = homeport.schedules.set(name, when, into)
            waker = homeport.schedules.waker()
            return self.Saved(standing, waker.told if waker else "by nobody")

        self.ask(save, lambda saved: saved, "set", slowly=True)

    def on_schedule_page_saved(self, saved: Saved) -> None:
        self._saving = False
        name = self._deployment
        self._outcome = f"+ {name} is backed up by hand only; what there is of backups stays."
        if saved.standing is not None:
            into = saved.standing.schedule.repository
            self._outcome = (
                f"+ {name} is backed up {saved.standing.told()}; into {into}, {saved.woken}."
            )
        self.draw()

    def failed(self, failure: CallFailed) -> None:
        self._reading = self._saving = False
        super().failed(failure)
