"""The name, the domain and the first account of a deployment, checked while they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message

from tui.deploying import (
    Wish,
    account_problem,
    domain_problem,
    draft_key,
    free_name,
    name_problem,
)
from tui.screens.deploy import crumbs
from tui.screens.page import BACK, Page
from tui.text import BLANK, Line, Span, labelled, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from engine.catalog.package import Package
    from engine.homeport import DeploymentView, Homeport
    from engine.model.provider import ProviderProfile

FIELDS = ("name", "domain", "account")


class NamePage(Page):
    """Three lines of text; what is wrong with one stands right below it."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "next"), ("Tab Up Down", "line"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,tab", "line(1)", "Next line", priority=True),
        Binding("up,shift+tab", "line(-1)", "Line above", priority=True),
        Binding("ctrl+q,ctrl+c", "leave", "Leave Homeport; what is typed is kept"),
    ]

    @dataclass
    class Read(Message):
        """What is taken, and which account the application has by default, was read."""

        package: Package
        views: Sequence[DeploymentView]

    @dataclass
    class DraftKept(Message):
        """What was typed is in the inventory."""

    def __init__(self, wish: Wish, provider: ProviderProfile) -> None:
        super().__init__()
        self._wish = wish
        self._zone = provider.zone
        self._https_port = provider.access.https_port
        self._leaving = False
        self._names: set[str] = set()
        self._domains: set[str] = set()
        self._package: Package | None = None
        self._domain_follows = not wish.domain

    def body(self) -> ComposeResult:
        yield LineView(id="about-name", classes="about")
        for field in FIELDS:
            with Horizontal(classes="field"):
                yield LineView([(Span(f" {field.capitalize():<9}", "strong"),)], classes="label")
                yield TextLine(getattr(self._wish, field), id=field)
            yield LineView(id=f"{field}-said", classes="said")
        yield LineView()

    def on_mount(self) -> None:
        self.title_bar(crumbs(3, self._wish))
        self.ask(
            lambda homeport: _read(homeport, self._wish.application),
            lambda found: self.Read(*found),
            "names",
        )

    def on_name_page_read(self, found: Read) -> None:
        self._package = found.package
        self._names = {view.deployment.name for view in found.views}
        self._domains = {view.deployment.domain for view in found.views}
        name = self.query_one("#name", TextLine)
        if not name.value:
            name.value = free_name(self._wish.application, self._names)
            name.cursor_position = len(name.value)
        if not self.query_one("#domain", TextLine).value:
            self._follow_name(name.value)
        account = self.query_one("#account", TextLine)
        account.placeholder = found.package.accounts[0].username if found.package.accounts else ""
        self._say_all()

    def on_input_changed(self, change: TextLine.Changed) -> None:
        if change.input.id == "name" and self._domain_follows:
            self._follow_name(change.value)
        elif change.input.id == "domain" and change.input.has_focus:
            self._domain_follows = False
        self._say_all()

    def _follow_name(self, name: str) -> None:
        domain = self.query_one("#domain", TextLine)
        domain.value = f"{name}.{self._zone}" if name else ""
        domain.cursor_position = len(domain.value)

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", TextLine).value.strip()

    def _problems(self) -> dict[str, str]:
        return {
            "name": name_problem(self._value("name"), self._names),
            "domain": domain_problem(self._value("domain"), self._zone, self._domains),
            "account": account_problem(self._value("account")),
        }

    def _say_all(self) -> None:
        from engine.homeport import public_url

        good = {
            "name": "how you call it here, and the name of its guest",
            "domain": f"it will answer at {public_url(self._value('domain'), self._https_port)}",
            "account": self._account_said(),
        }
        for field, problem in self._problems().items():
            width = self.size.width - 14
            text, role = (f"x {problem}", "bad") if problem else (f"+ {good[field]}", "good")
            lines: list[Line] = wrapped(text, width, role, "")  # type: ignore[arg-type]
            said = self.query_one(f"#{field}-said", LineView)
            said.show([(Span(" " * 11), *content) for content in lines[:2]])

    def _account_said(self) -> str:
        if self._package is not None and not self._package.accounts:
            return "not needed: nobody signs in to this application by name"
        return "user name of the first account; its password is made for you"

    def draw(self) -> None:
        about = f"{self._wish.application} {self._wish.release} will live at"
        text = f"{self._wish.provider}, under a name in its zone {self._zone}."
        width = self.size.width - 2
        self.query_one("#about-name", LineView).show(
            [BLANK, *labelled("", f"{about} {text}", width, 1)[:2]]
        )
        self._say_all()

    # going on and back

    def action_line(self, by: int) -> None:
        focused = self.focused.id if self.focused else None
        at = FIELDS.index(focused) if focused in FIELDS else 0
        self.query_one(f"#{FIELDS[(at + by) % len(FIELDS)]}", TextLine).focus()

    def on_input_submitted(self, submitted: TextLine.Submitted) -> None:
        """Enter goes to the first line that is wrong, or on."""
        if self._package is None:
            self.say("Still reading which names are taken.")
            return
        for field, problem in self._problems().items():
            if problem:
                self.query_one(f"#{field}", TextLine).focus()
                self.say(f"x {field}: {problem}", "bad")
                return
        self._keep()
        from tui.screens.deploy_form import DeployForm

        self.app.push_screen(DeployForm(self._wish))

    def _keep(self) -> None:
        wish = self._wish
        wish.name, wish.domain = self._value("name"), self._value("domain")
        wish.account = self._value("account")
        key, draft = draft_key(wish.application), wish.to_draft()
        self.app.farewell.draft = wish.described()
        self.ask(
            lambda homeport: homeport.save_draft(key, draft),
            lambda _: self.DraftKept(),
            "draft",
        )

    def action_back(self) -> None:
        if self._package is not None:
            self._keep()
        super().action_back()

    def action_leave(self) -> None:
        """Keep what was typed, then leave; a second time, leave though it could not be kept."""
        if self._package is None or self._leaving:
            self.app.action_leave()
        else:
            self._leaving = True
            self._keep()

    def on_name_page_draft_kept(self) -> None:
        if self._leaving:
            self.app.action_leave()


def _read(homeport: Homeport, application: str) -> tuple[Package, list[DeploymentView]]:
    return homeport.package(application), homeport.deployments()
