"""Deploying, step by step: application, provider, name and domain, options, plan.

Every step is a page on the stack, so Esc goes back to what was typed before. What has been
said is kept as a draft when the steps are left, and offered the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.deploying import DRAFT_KEY, Wish
from tui.screens.catalog import package_detail, package_line
from tui.screens.page import BACK, Page
from tui.screens.providers import provider_line
from tui.text import Span
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.catalog.package import Package
    from engine.model.provider import ProviderProfile
    from tui.app import HomeportApp

STEPS = ("application", "provider", "name", "options", "plan")

_DRAFT = "(draft)"


def crumbs(step: int, wish: Wish) -> str:
    """The title line of a step: which one of how many, and what has been chosen."""
    chosen = " ".join(part for part in (wish.application, wish.release) if part)
    return f"deploy {chosen}  step {step} of {len(STEPS)}: {STEPS[step - 1]}"


def start_deploying(app: HomeportApp, application: str = "", release: str = "") -> None:
    """Open the first step, or the second where the application is chosen already."""
    if application:
        app.push_screen(ProviderStep(Wish(application=application, release=release)))
    else:
        app.push_screen(ApplicationStep())


class ApplicationStep(Page):
    """Which application; or the deployment that was left half described."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "choose"), ("x", "drop the draft"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "drop", "Drop the draft that is offered"),
    ]

    @dataclass
    class Read(Message):
        """Catalog and draft were read."""

        packages: Sequence[Package]
        draft: dict[str, Any] | None

    def __init__(self) -> None:
        super().__init__()
        self._packages: dict[str, Package] = {}
        self._draft: Wish | None = None

    def body(self) -> ComposeResult:
        with Container(classes="body"):
            yield RowList([Row((Span("Reading the catalog...", "muted"),))])
            yield LineView(id="side", classes="side tall")

    def on_mount(self) -> None:
        self.title_bar(crumbs(1, Wish()))
        self._read()

    def on_screen_resume(self) -> None:
        if self._packages:
            self._read()

    def _read(self) -> None:
        self.ask(
            lambda homeport: (homeport.packages(), homeport.draft(DRAFT_KEY)),
            lambda found: self.Read(*found),
            "catalog",
        )

    def on_application_step_read(self, found: Read) -> None:
        self._packages = {package.id: package for package in found.packages}
        self._draft = Wish.from_draft(found.draft) if found.draft else None
        self.app.farewell.draft = self._draft.described() if self._draft else ""
        self.draw()

    def draw(self) -> None:
        if not self._packages:
            return
        rows = self.query_one(RowList)
        width = row_width(rows)
        shown = [
            Row(package_line(package, width), name) for name, package in self._packages.items()
        ]
        if self._draft is not None:
            said = f"Go on with {self._draft.described()}, which you left"
            shown.insert(0, Row((Span(said, "accent"),), _DRAFT))
            self.hints(("Enter", "choose"), ("x", "drop the draft"), BACK)
        else:
            self.hints(("Enter", "choose"), BACK)
        rows.show_rows(shown)
        self._draw_side()

    def _draw_side(self) -> None:
        side = self.query_one("#side", LineView)
        package = self._packages.get(self.query_one(RowList).key)
        width = side.size.width
        side.show(package_detail(package, package.releases[0], width) if package else [])

    def on_row_list_highlighted(self) -> None:
        self._draw_side()

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        if chosen.key != _DRAFT:
            release = self._packages[chosen.key].releases[0].version
            self.app.push_screen(ProviderStep(Wish(application=chosen.key, release=release)))
        elif self._draft is not None:
            self.app.push_screen(ProviderStep(self._draft))

    def action_drop(self) -> None:
        if self._draft is None:
            self.say("There is no draft.")
            return
        self.ask(lambda homeport: homeport.drop_draft(DRAFT_KEY), lambda _: DraftDropped(), "draft")

    def on_draft_dropped(self) -> None:
        self.say("The draft is gone.")
        self._read()


class DraftDropped(Message):
    """A draft was removed, because it was carried out or not wanted any more."""


class ProviderStep(Page):
    """Where it is to live."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "choose"), ("k", "check connection"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "check", "Check the connection to this provider"),
    ]

    @dataclass
    class Read(Message):
        """The providers were read from the inventory."""

        profiles: Sequence[ProviderProfile]

    def __init__(self, wish: Wish) -> None:
        super().__init__()
        self._wish = wish
        self._profiles: dict[str, ProviderProfile] = {}

    def body(self) -> ComposeResult:
        yield RowList([Row((Span("Reading the providers...", "muted"),))])

    def on_mount(self) -> None:
        self.title_bar(crumbs(2, self._wish))
        self.ask(lambda homeport: homeport.providers(), self.Read, "providers")

    def on_provider_step_read(self, found: Read) -> None:
        from tui.screens.providers import NONE

        rows = self.query_one(RowList)
        self._profiles = {profile.name: profile for profile in found.profiles}
        if not found.profiles:
            rows.show_rows([Row(()), *(Row((Span(text),)) for text in NONE.splitlines())])
            return
        rows.show_rows([Row(provider_line(profile), profile.name) for profile in found.profiles])
        if self._wish.provider in self._profiles:
            rows.move_to(list(self._profiles).index(self._wish.provider))

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        from tui.screens.naming import NamePage

        if self._wish.provider != chosen.key:
            self._wish.provider, self._wish.domain = chosen.key, ""
        self.app.push_screen(NamePage(self._wish, self._profiles[chosen.key].zone))

    def action_check(self) -> None:
        from tui.screens.providers import ProviderPage

        if name := self.query_one(RowList).key:
            self.app.push_screen(ProviderPage(name))
