"""Hosting providers, and those that somebody left half described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.text import Cell, Line, Span, columns
from tui.widgets.bars import Hint
from tui.widgets.rows import Row, RowList
from tui.words import counted

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.provider import ProviderProfile

NONE = """There is no provider yet.
Press a to add your own: you are asked for what it needs, step by step.
To try Homeport out first, leave with q and run: homeport lab up"""


class ProvidersPage(Page):
    CRUMBS = "providers"
    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("Enter", "look and check the connection"),
        ("a", "add"),
        BACK,
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "add", "Add a provider")]

    @dataclass
    class Read(Message):
        """Providers, and names of those that were left half described."""

        profiles: Sequence[ProviderProfile]
        drafts: Sequence[str]

    def body(self) -> ComposeResult:
        yield RowList([Row((Span("Reading the providers...", "muted"),))])

    def on_mount(self) -> None:
        self._read()

    def on_screen_resume(self) -> None:
        self._read()

    def _read(self) -> None:
        self.ask(_providers_and_drafts, lambda found: self.Read(*found), "providers")

    def on_providers_page_read(self, found: Read) -> None:
        rows = self.query_one(RowList)
        self.title_bar(self.CRUMBS, counted(len(found.profiles), "provider"))
        known = {profile.name for profile in found.profiles}
        shown = [Row(provider_line(profile), profile.name) for profile in found.profiles]
        shown += [
            Row(
                (Span(f"Go on with {_left(name, name in known)}, which you left", "accent"),), draft
            )
            for name in found.drafts
            for draft in [Draft(name, name in known)]
        ]
        if not shown:
            shown = [Row(()), *(Row((Span(text),)) for text in NONE.splitlines())]
        rows.show_rows(shown)

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        from tui.screens.provider import ProviderPage

        if isinstance(chosen.key, Draft):
            self.app.open_setup(chosen.key.name, revises=chosen.key.revises)
        else:
            self.app.push_screen(ProviderPage(chosen.key))

    def action_add(self) -> None:
        self.app.action_add_provider()


@dataclass(frozen=True)
class Draft:
    """Stands for the row that goes on with what was left half described."""

    name: str
    revises: bool


def _left(name: str, revises: bool) -> str:
    return f"the change to {name}" if revises else f"adding {name}"


def _providers_and_drafts(homeport: Homeport) -> tuple[Sequence[ProviderProfile], Sequence[str]]:
    return homeport.providers(), homeport.provider_setup.drafts()


def provider_line(profile: ProviderProfile) -> Line:
    return columns(
        (
            Cell(profile.name, 16, "strong"),
            Cell(f"names under {profile.zone}", 30),
            Cell(profile.title, 28, "muted"),
        )
    )
