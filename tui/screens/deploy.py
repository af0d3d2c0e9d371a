"""Deploying, step by step: application, provider, name and domain, options, plan.

Every step is a page on the stack, so Esc goes back to what was typed before. What has been
said is kept as a draft when the steps are left, and offered the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.deploying import Wish, draft_key
from tui.screens.catalog import package_detail, package_line
from tui.screens.page import BACK, Page
from tui.screens.providers import provider_line
from tui.text import Span
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.catalog.package import Package
    from engine.homeport import Homeport
    from engine.model.provider import ProviderProfile
    from tui.app import HomeportApp

STEPS = ("application", "provider", "name", "options", "plan")


@dataclass(frozen=True)
class Draft:
    """Stands for the row that goes on with what was left half described."""

    application: str


def crumbs(step: int, wish: Wish) -> str:
    """The title line of a step: which one of how many, and what has been chosen."""
    chosen = " ".join(part for part in (wish.application, wish.release) if part)
    return f"deploy {chosen}".rstrip() + f"  step {step} of {len(STEPS)}: {STEPS[step - 1]}"


def start_deploying(app: HomeportApp, application: str = "", release: str = "") -> None:
    """Open the first step, or the second where the application is chosen already."""
    if application:
        app.push_screen(ProviderStep(Wish(application=application, release=release)))
    else:
        app.push_screen(ApplicationStep())


class ApplicationStep(Page):
    """Which application; or the deployment that was left half described."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "choose"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "drop", "Drop the draft under the cursor"),
    ]

    @dataclass
    class Read(Message):
        """Catalog and drafts were read."""

        packages: Sequence[Package]
        drafts: Sequence[Wish]

    def __init__(self) -> None:
        super().__init__()
        self._packages: dict[str, Package] = {}
        self._drafts: dict[str, Wish] = {}

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
        self.ask(_packages_and_drafts, lambda found: self.Read(*found), "catalog")

    def on_application_step_read(self, found: Read) -> None:
        self._packages = {package.id: package for package in found.packages}
        self._drafts = {wish.application: wish for wish in found.drafts}
        self.app.farewell.draft = found.drafts[0].described() if found.drafts else ""
        self.draw()

    def draw(self) -> None:
        if not self._packages:
            return
        rows = self.query_one(RowList)
        width = row_width(rows)
        offers = [
            Row((Span(f"Go on with {wish.described()}, which you left", "accent"),), Draft(name))
            for name, wish in self._drafts.items()
        ]
        shown = [
            Row(package_line(package, width), name) for name, package in self._packages.items()
        ]
        first = rows.key is None and bool(offers)
        rows.show_rows([*offers, *shown])
        if first:
            rows.move_to(0)
        self._draw_side()

    def _draw_side(self) -> None:
        side, key = self.query_one("#side", LineView), self.query_one(RowList).key
        name = key.application if isinstance(key, Draft) else key
        package = self._packages.get(name)
        width = side.size.width
        side.show(package_detail(package, package.releases[0], width) if package else [])
        drop = (("x", "drop the draft"),) if isinstance(key, Draft) else ()
        self.hints(("Enter", "choose"), *drop, BACK)

    def on_row_list_highlighted(self) -> None:
        self._draw_side()

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        if isinstance(chosen.key, Draft):
            self.app.push_screen(ProviderStep(self._drafts[chosen.key.application]))
        elif chosen.key in self._packages:
            release = self._packages[chosen.key].releases[0].version
            self.app.push_screen(ProviderStep(Wish(application=chosen.key, release=release)))

    def action_drop(self) -> None:
        draft = self.query_one(RowList).key
        if not isinstance(draft, Draft):
            self.say("There is no draft on this line.")
            return
        self.ask(
            lambda homeport: homeport.drop_draft(draft_key(draft.application)),
            lambda _: DraftDropped(),
            "draft",
        )

    def on_draft_dropped(self) -> None:
        self.say("The draft is gone.")
        self._read()


def _packages_and_drafts(homeport: Homeport) -> tuple[Sequence[Package], list[Wish]]:
    packages = homeport.packages()
    drafts = [homeport.draft(draft_key(package.id)) for package in packages]
    return packages, [Wish.from_draft(draft) for draft in drafts if draft]


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
        self.app.push_screen(NamePage(self._wish, self._profiles[chosen.key]))

    def action_check(self) -> None:
        from tui.screens.provider import ProviderPage

        if name := self.query_one(RowList).key:
            self.app.push_screen(ProviderPage(name))
