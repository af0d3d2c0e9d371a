"""A backup as a new deployment: its name, its domain and where it is to live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from tui.deploying import domain_problem, free_name, name_problem
from tui.screens.fields import Field, FieldsPage
from tui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from engine.homeport import DeploymentView, Homeport
    from engine.model.provider import ProviderProfile
    from engine.model.repository import Backup


class RestoreAsPage(FieldsPage):
    """An empty domain takes the backup's own, which must then be free."""

    @dataclass
    class Read(Message):
        """What is taken, and which providers there are, was read."""

        views: Sequence[DeploymentView]
        profiles: Sequence[ProviderProfile]

    def __init__(self, backup: Backup, living: DeploymentView | None) -> None:
        super().__init__()
        self._backup = backup
        self._living = living
        self._names: set[str] = set()
        self._domains: set[str] = set()
        self._zones: dict[str, str] = {}
        self._domain_follows = living is not None

    def fields(self) -> tuple[Field, ...]:
        return Field("name"), Field("domain", placeholder="(that of the backup)"), Field("provider")

    def about(self) -> str:
        backup = self._backup
        there = f" {backup.name} stays as it is." if self._living is not None else ""
        then = f"{backup.at:%Y-%m-%d %H:%M} UTC"
        return f"{backup.name} as it was at {then}, as a new deployment.{there}"

    def on_mount(self) -> None:
        self.title_bar(f"{self._backup.name}  restore as new")
        self.ask(_read, lambda found: self.Read(*found), "names")

    def on_restore_as_page_read(self, found: Read) -> None:
        self._names = {view.deployment.name for view in found.views}
        self._domains = {view.deployment.domain for view in found.views}
        self._zones = {profile.name: profile.zone for profile in found.profiles}
        here = self._living.deployment.provider if self._living is not None else ""
        provider = here if here in self._zones else next(iter(self._zones), "")
        self._put("provider", provider)
        self._put("name", free_name(self._backup.name, self._names))
        if self._domain_follows:
            self._follow()
        self.say_all()

    def _put(self, field: str, text: str) -> None:
        line = self.line(field)
        line.value, line.cursor_position = text, len(text)

    def _follow(self) -> None:
        name, zone = self.value("name"), self._zones.get(self.value("provider"), "")
        self._put("domain", f"{name}.{zone}" if name and zone else "")

    def on_input_changed(self, change: TextLine.Changed) -> None:
        if change.input.id == "domain" and change.input.has_focus:
            self._domain_follows = False
        elif change.input.id != "domain" and self._domain_follows:
            self._follow()

    def problems(self) -> dict[str, str]:
        provider, domain = self.value("provider"), self.value("domain")
        there = ", ".join(self._zones) or "none yet: homeport providers add FILE"
        known = provider in self._zones
        zone = self._zones.get(provider, "")
        return {
            "name": name_problem(self.value("name"), self._names),
            "domain": domain_problem(domain, zone, self._domains) if domain and known else "",
            "provider": ""
            if known or not self._zones
            else f"there is no such one; there are: {there}",
        }

    def said(self) -> dict[str, str]:
        domain = self.value("domain")
        return {
            "name": "how you call it here, and the name of its guest",
            "domain": "some applications start only under the domain that their data are of"
            if domain
            else "it takes the domain of the backup, which must be free",
            "provider": f"one of: {', '.join(self._zones)}",
        }

    def still_reading(self) -> str:
        return "" if self._zones else "Still reading which names are taken."

    def go_on(self) -> None:
        from tui.screens.plan import PlanPage

        backup = self._backup
        name, domain, provider = map(self.value, ("name", "domain", "provider"))
        self.app.push_screen(
            PlanPage(
                f"restore {backup.name} as {name}",
                lambda homeport: homeport.plan_restore_as(
                    backup.name,
                    name,
                    domain=domain,
                    provider=provider,
                    backup=backup.id,
                    repository=backup.repository,
                ),
            )
        )


def _read(homeport: Homeport) -> tuple[Sequence[DeploymentView], Sequence[ProviderProfile]]:
    return homeport.deployments(), homeport.providers()
