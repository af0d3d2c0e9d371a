"""The name, the domain and the first account of a deployment, checked while they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
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
from tui.screens.fields import Field, FieldsPage
from tui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from engine.catalog.package import Package
    from engine.homeport import DeploymentView, Homeport
    from engine.model.provider import ProviderProfile


FIELDS = ("name", "domain", "account")


class NamePage(FieldsPage):
    """Its third step: everything else about a deployment is an option of its release."""

    BINDINGS: ClassVar[list[BindingType]] = [
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

    def fields(self) -> tuple[Field, ...]:
        return tuple(Field(name, getattr(self._wish, name)) for name in FIELDS)

    def about(self) -> str:
        wish = self._wish
        where = f"{wish.provider}, under a name in its zone {self._zone}."
        return f"{wish.application} {wish.release} will live at {where}"

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
        name = self.line("name")
        if not name.value:
            name.value = free_name(self._wish.application, self._names)
            name.cursor_position = len(name.value)
        if not self.line("domain").value:
            self._follow_name(name.value)
        account = self.line("account")
        account.placeholder = found.package.accounts[0].username if found.package.accounts else ""
        self.say_all()

    def on_input_changed(self, change: TextLine.Changed) -> None:
        if change.input.id == "name" and self._domain_follows:
            self._follow_name(change.value)
        elif change.input.id == "domain" and change.input.has_focus:
            self._domain_follows = False

    def _follow_name(self, name: str) -> None:
        domain = self.line("domain")
        domain.value = f"{name}.{self._zone}" if name else ""
        domain.cursor_position = len(domain.value)

    def problems(self) -> dict[str, str]:
        return {
            "name": name_problem(self.value("name"), self._names),
            "domain": domain_problem(self.value("domain"), self._zone, self._domains),
            "account": account_problem(self.value("account")),
        }

    def said(self) -> dict[str, str]:
        from engine.homeport import public_url

        return {
            "name": "how you call it here, and the name of its guest",
            "domain": f"it will answer at {public_url(self.value('domain'), self._https_port)}",
            "account": self._account_said(),
        }

    def _account_said(self) -> str:
        if self._package is not None and not self._package.accounts:
            return "not needed: nobody signs in to this application by name"
        return "user name of the first account; its password is made for you"

    def still_reading(self) -> str:
        return "" if self._package is not None else "Still reading which names are taken."

    def go_on(self) -> None:
        self._keep()
        from tui.screens.deploy_form import DeployForm

        self.app.push_screen(DeployForm(self._wish))

    def _keep(self) -> None:
        wish = self._wish
        wish.name, wish.domain = self.value("name"), self.value("domain")
        wish.account = self.value("account")
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
