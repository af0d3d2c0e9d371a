"""How a new provider is called: the first thing that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from tui.deploying import free_name, name_problem
from tui.screens.fields import Field, FieldsPage

if TYPE_CHECKING:
    from engine.homeport import Homeport


class ProviderName(FieldsPage):
    @dataclass
    class Read(Message):
        """Names that are taken."""

        names: Sequence[str]

    def __init__(self) -> None:
        super().__init__()
        self._taken: Sequence[str] | None = None

    def fields(self) -> tuple[Field, ...]:
        return (Field("name"),)

    def about(self) -> str:
        return (
            "A provider is where applications live: a hypervisor, and the services around it. "
            "What you say is kept; leave whenever you like."
        )

    def on_mount(self) -> None:
        self.title_bar("providers  add")
        self.ask(_names, self.Read, "names")

    def on_provider_name_read(self, read: Read) -> None:
        self._taken = read.names
        if not self.line("name").value:
            self.line("name").value = free_name("home", read.names)
        self.say_all()

    def problems(self) -> dict[str, str]:
        problem = name_problem(self.value("name"), self._taken or ())
        return {"name": problem.replace("deployment", "provider").replace("calendar", "home")}

    def said(self) -> dict[str, str]:
        return {"name": "how you call it here; nobody else sees it"}

    def still_reading(self) -> str:
        return "" if self._taken is not None else "Still reading which names are taken."

    def go_on(self) -> None:
        from tui.screens.provider_setup import SetupPage

        name = self.value("name")
        self.app.pop_screen()
        self.app.push_screen(SetupPage(name))


def _names(homeport: Homeport) -> list[str]:
    return [
        *(profile.name for profile in homeport.providers()),
        *homeport.provider_setup.drafts(),
    ]
