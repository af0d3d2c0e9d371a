"""Deploying step by step: application, provider, name and domain, options, plan, apply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

from engine.errors import RemoteFailure
from engine.model.provider import GuestAccess, ProviderProfile
from tests.tui.form_driving import Driven
from tui.app import HomeportApp
from tui.screens.deploy_form import DeployForm
from tui.screens.progress import ProgressPage
from tui.screenshots import example_values as values
from tui.screenshots.example import ExampleHomeport
from tui.widgets.text_line import TextLine

Run = Callable[[Coroutine[Any, Any, Any]], Any]
CANARY = "canary-77c1"


class Lab(ExampleHomeport):
    """Providers whose guests answer at another port."""

    def providers(self) -> list[ProviderProfile]:
        access = GuestAccess(ssh_port=2222, http_port=8080, https_port=8443)
        return [profile.model_copy(update={"access": access}) for profile in values.PROVIDERS]


@asynccontextmanager
async def wizard(*, empty: bool = True, engine: Lab | None = None) -> AsyncIterator[Driven]:
    """At the first step."""
    engine = engine or Lab(empty=empty)
    engine.ran = [run for run in engine.ran if run.status.is_final]
    app = HomeportApp(engine.opener)
    async with app.run_test(size=(80, 24)) as pilot:
        held = Driven(app, pilot, engine)
        await held.see("d deploy")
        await held.press("d")
        await held.see("Radicale")
        yield held


async def to_names(held: Driven) -> None:
    """Radicale at the first provider."""
    await held.press("home")
    while "> Radicale" not in held.screen:
        await held.press("down")
    await held.press("enter")
    await held.see("step 2 of 5")
    await held.see("harbour-a")
    await held.press("enter")
    await held.see("step 3 of 5")
    await held.see("password is made for you")


def test_from_the_dashboard_to_the_running_operation(run: Run) -> None:
    async def main() -> None:
        async with wizard() as held:
            await to_names(held)
            assert "https://radicale.harbour-a.lab:8443/" in held.screen
            await held.press("enter")
            await held.see("step 4 of 5")
            await held.see("rows")
            await held.edit("server.max_connections", "12")
            await held.press("p")
            await held.see("server.max_connections")
            await held.press("a")
            await held.see("Safe to disconnect")
            assert isinstance(held.app.screen, ProgressPage)
            assert held.engine.ran[0].plan.values == {"server": {"max_connections": 12}}
            assert not held.engine.drafts

    run(main())


def test_a_key_typed_while_the_options_are_read_is_not_lost(run: Run) -> None:
    class Slow(Lab):
        may_read = Event()

        def options_schema(self, application: str, release: str) -> dict[str, Any]:
            self.may_read.wait(20)
            return super().options_schema(application, release)

    async def main() -> None:
        async with wizard(engine=Slow(empty=True)) as held:
            await to_names(held)
            await held.press("enter")
            await held.see("Reading the options")
            await held.press("p")
            Slow.may_read.set()
            await held.see("step 5 of 5")

    run(main())


def test_names_are_checked_while_they_are_typed(run: Run) -> None:
    async def main() -> None:
        async with wizard(empty=False) as held:
            await to_names(held)
            await held.type("Calendar")
            await held.see("x must begin with a small letter")
            await held.type("calendar")
            await held.see("x another deployment has this name")
            await held.press("enter")
            assert "step 3 of 5" in held.screen
            await held.type("diary")
            await held.see("https://diary.harbour-a.lab")
            await held.press("tab")
            await held.type("diary.example.org")
            await held.see("must end in .harbour-a.lab")
            await held.press("up")
            await held.type("journal")
            await held.pilot.pause()
            assert held.app.screen.query_one("#domain", TextLine).value == "diary.example.org"

    run(main())


def test_going_back_loses_nothing_that_was_typed(run: Run) -> None:
    async def main() -> None:
        async with wizard() as held:
            await to_names(held)
            await held.type("diary")
            await held.press("enter")
            await held.see("rows")
            await held.edit("auth.ldap_secret", CANARY)
            await held.press("escape")
            await held.see("step 3 of 5")
            assert held.app.screen.query_one("#name", TextLine).value == "diary"
            await held.press("enter")
            await held.see("rows")
            assert held.form.document() == {"auth": {"ldap_secret": CANARY}}
            assert CANARY not in str(held.engine.drafts)
            await held.press("escape", "escape", "escape")
            await held.see("Go on with the deployment of radicale as diary")

    run(main())


def test_every_application_has_a_draft_of_its_own(run: Run) -> None:
    async def main() -> None:
        async with wizard() as held:
            await to_names(held)
            await held.press("escape", "escape")
            await held.see("Go on with the deployment of radicale")
            await held.press("home")
            while "> isso" not in held.screen:
                await held.press("down")
            await held.press("enter", "enter")
            await held.see("password is made for you")
            await held.press("escape", "escape")
            await held.see("Go on with the deployment of isso")
            assert "Go on with the deployment of radicale" in held.screen
            await held.press("home", "x")
            await held.see("The draft is gone")
            await held.see("> Go on with the deployment of radicale")
            await held.press("enter", "enter", "enter")
            await held.see("step 4 of 5")
            assert isinstance(held.app.screen, DeployForm)

    run(main())


def test_what_the_engine_refuses_is_shown_at_its_option(run: Run) -> None:
    from engine.errors import InvalidInput

    class Refusing(Lab):
        def plan_deploy(self, request: Any) -> Any:
            raise InvalidInput(
                "an option has a value that this release refuses",
                on="auth.htpasswd_encryption",
                why="bcrypt is not there",
            )

    async def main() -> None:
        app = HomeportApp(Refusing(empty=True).opener)
        async with app.run_test(size=(80, 24)) as pilot:
            held = Driven(app, pilot, Refusing(empty=True))
            await held.see("d deploy")
            await held.press("d")
            await held.see("Radicale")
            await to_names(held)
            await held.press("enter")
            await held.see("rows")
            await held.press("p")
            await held.see("bcrypt is not there")
            assert held.page.grid.row is not None
            assert held.page.grid.row.path == ("auth", "htpasswd_encryption")

    run(main())


class Full(Lab):
    """No draft can be written while the disk is full."""

    is_full = False

    def save_draft(self, key: str, document: Mapping[str, Any]) -> None:
        if self.is_full:
            raise RemoteFailure("the draft cannot be written", why="no space left on device")
        super().save_draft(key, document)


def test_what_cannot_be_kept_is_not_left_by_esc_before_that_was_said(run: Run) -> None:
    async def main() -> None:
        engine = Full(empty=True)
        async with wizard(engine=engine) as held:
            await to_names(held)
            await held.press("enter")
            await held.see("rows")
            await held.edit("server.max_connections", "12")
            engine.is_full = True
            await held.press("escape")
            await held.see("Not kept; Esc or q again loses it: no space left")
            assert held.form.document() == {"server": {"max_connections": 12}}
            # Whoever goes on working is told again.
            await held.press("down", "escape")
            await held.see("Not kept; Esc or q again loses it")
            assert isinstance(held.app.screen, DeployForm)
            await held.press("escape")
            await held.see("step 3 of 5")

    run(main())
