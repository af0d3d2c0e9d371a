"""The setup of a provider by its keys: what is compared, what is never shown, what is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from engine.errors import NoCapacity, Unreachable
from engine.model.provider import Service
from engine.provider_setup.draft import SetupDraft
from engine.provider_setup.questions import Question
from tests.tui.form_driving import Driven
from tui.app import HomeportApp
from tui.screens.provider_form import SetupForm
from tui.screenshots import example_values as values
from tui.screenshots.example import ExampleHomeport
from tui.screenshots.example_setup import ExampleSetupDesk
from tui.screenshots.scenes import Act, play, screen_text, settled

Run = Callable[[Coroutine[Any, Any, Any]], Any]
CANARY = "canary-9e02-token"
SETUP = (Act("p", "2 providers"), Act("", "adding stairs"), Act("end enter", "4 to answer"))
COMPARE = (*SETUP, Act("enter", "list of texts"), Act("s", "It shows the SHA-256"))
TOKEN = (*COMPARE, Act("y", "pveum user add"), Act("enter", "how Homeport logs in"))


class Desk(ExampleSetupDesk):
    """refuses: the service knows the token not. is_full: nothing can be written. is_away: it
    does not answer."""

    refuses = False
    is_full = False
    is_away = False

    def question(
        self, draft: SetupDraft, service: Service, position: int, *, aside: bool = False
    ) -> Question | None:
        if self.is_away:
            raise Unreachable("nobody answers", on="192.168.1.10:8006")
        found = super().question(draft, service, position, aside=aside)
        if self.refuses and found is not None and "storage" in found.options:
            return found.model_copy(update={"note": "the API refuses the token"})
        return found

    def keep(self, draft: SetupDraft) -> SetupDraft:
        if self.is_full:
            raise NoCapacity("the secrets cannot be written", why="no space left on device")
        return super().keep(draft)


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Desk, Pilot[str]]]:
    engine = ExampleHomeport(half_done=True)
    engine.finish_what_runs()
    engine.provider_setup = desk = Desk(engine.profiles, values.CHECKS, half_done=True)
    app = HomeportApp(engine.opener, clock=lambda: values.NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        yield desk, pilot


def kept(desk: Desk) -> SetupDraft:
    return desk.draft("stairs")


async def typed_token(
    pilot: Pilot[str], desk: Desk | None = None, *, is_full: bool = False
) -> Driven:
    """The form that asks for the token, with one typed. is_full: from then on."""
    await play(pilot, *TOKEN)
    if desk is not None:
        desk.is_full = is_full
    form = Driven(pilot.app, pilot, None)  # type: ignore[arg-type]
    await form.edit("token", CANARY)
    return form


def test_a_secret_that_is_typed_is_never_shown_and_goes_where_secrets_lie(run: Run) -> None:
    async def main() -> None:
        async with opened() as (desk, pilot):
            await play(pilot, *TOKEN)
            form = Driven(pilot.app, pilot, None)  # type: ignore[arg-type]
            form.go_to("token")
            await form.press("enter", *CANARY)
            assert CANARY[:6] not in screen_text(pilot.app)
            await form.press("enter")
            await form.press("h")
            assert CANARY not in screen_text(pilot.app)
            await form.press("escape")
            await play(pilot, Act("s", "vmid first"), Act("escape", "how Homeport logs in"))
            assert CANARY not in screen_text(pilot.app)
            assert CANARY in desk.secrets.values()
            assert CANARY not in kept(desk).model_dump_json()

    run(main())


def test_the_certificate_is_compared_before_anything_secret_is_asked_for(run: Run) -> None:
    async def main() -> None:
        async with opened() as (desk, pilot):
            await play(pilot, *COMPARE, Act("enter s", "nothing was sent yet"))
            assert not kept(desk).settings(Service.HYPERVISOR).get("fingerprint")
            # Neither Esc nor coming back to it goes past it.
            await play(pilot, Act("escape", "list of texts"), Act("s", "It shows the SHA-256"))
            await play(pilot, Act("y", "pveum user add"))
            assert kept(desk).settings(Service.HYPERVISOR)["fingerprint"]
            assert desk.secrets == {}
            # Once it is believed, it is not asked again.
            await play(pilot, Act("escape", "list of texts"), Act("s", "pveum user add"))

    run(main())


def test_a_wrong_token_is_said_and_the_way_back_leads_to_its_field(run: Run) -> None:
    async def main() -> None:
        async with opened() as (desk, pilot):
            desk.refuses = True
            form = await typed_token(pilot)
            await play(pilot, Act("s", "the API refuses the token"))
            await play(pilot, Act("escape", "how Homeport logs in"))
            page = pilot.app.screen
            assert isinstance(page, SetupForm)
            desk.refuses = False
            await form.edit("token", CANARY + "-2")
            await play(pilot, Act("s", "vmid first"))
            assert "refuses" not in screen_text(pilot.app)
            assert list(desk.secrets.values()) == [CANARY + "-2"]

    run(main())


def test_what_cannot_be_kept_stays_on_the_page_until_it_is_given_up(run: Run) -> None:
    async def main() -> None:
        async with opened() as (desk, pilot):
            form = await typed_token(pilot, desk, is_full=True)
            await play(pilot, Act("escape", "Not kept; Esc or q again loses it"))
            assert "no space left" in screen_text(pilot.app)
            assert form.form.document()["token"] == CANARY
            # Once something else is done, nothing is given up by an Esc of before: neither is the
            # page closed behind one's back when it can be kept again.
            desk.is_full = False
            await form.press("down")
            page = form.page
            page.keep_now()
            await seen_in(desk, pilot)
            assert pilot.app.screen is page
            await play(pilot, Act("escape", "pveum user add"))

    run(main())


def test_what_cannot_be_kept_is_given_up_by_the_same_key_again(run: Run) -> None:
    async def main() -> None:
        async with opened() as (desk, pilot):
            await typed_token(pilot, desk, is_full=True)
            await play(pilot, Act("escape", "Esc or q again loses it"))
            await play(pilot, Act("escape", "pveum user add"))
            assert "token_ref" not in kept(desk).settings(Service.HYPERVISOR)

    run(main())


def test_a_service_that_broke_off_goes_on_there_or_from_its_first_question(run: Run) -> None:
    async def main() -> None:
        async with opened() as (desk, pilot):
            await typed_token(pilot)
            desk.is_away = True
            await play(pilot, Act("s", "nobody answers"))
            desk.is_away = False
            await play(pilot, Act("enter", "how Homeport logs in"), Act("s", "vmid first"))
            await play(pilot, Act("escape", "how Homeport logs in"))
            desk.is_away = True
            await play(pilot, Act("s", "nobody answers"))
            desk.is_away = False
            await play(pilot, Act("e", "where its API is"))

    run(main())


async def seen_in(desk: Desk, pilot: Pilot[str]) -> None:
    """Wait until the token is in the draft."""
    while "token_ref" not in kept(desk).settings(Service.HYPERVISOR):
        await pilot.pause(0.01)
    await settled(pilot)
