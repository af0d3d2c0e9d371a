"""The DNS records of a deployment in the interface: seen, added, changed and removed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from engine.errors import Conflict, Unreachable
from engine.model.plan import Plan
from engine.model.record import RecordsElsewhere, RecordsInZone
from tests.tui.form_driving import Held
from tui.app import HomeportApp
from tui.screenshots import example_values as values
from tui.screenshots.example import ExampleHomeport

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def driven(run: Run, act: Callable[[Held], Coroutine[Any, Any, None]], **more: Any) -> None:
    async def main() -> None:
        engine = more.get("engine") or ExampleHomeport()
        engine.finish_what_runs()
        app = HomeportApp(engine.opener, clock=lambda: values.NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            held = Held(app, pilot, engine)
            await held.see("healthy, 2 minutes ago")
            await held.press("enter")
            await held.see("1 Overview")
            await held.press("d")
            await act(held)

    run(main())


async def typed(held: Held, *fields: str) -> None:
    """Into the lines from the first one on."""
    for text in fields:
        await held.press("ctrl+u")
        await held.pilot.press(*("space" if char == " " else char for char in text))
        await held.press("down")


def records_of(held: Held) -> list[tuple[str, str, tuple[str, ...]]]:
    plan = held.engine.ran[0].plan
    assert plan.records is not None
    return [(one.type, one.name, one.values) for one in plan.records]


def test_one_is_added_once_it_is_right_and_its_plan_was_read(run: Run) -> None:
    async def act(held: Held) -> None:
        await held.see("IN THE ZONE")
        assert "x 2 not as they should be" in held.screen
        await held.press("a")
        await held.see("one of A, AAAA")
        await typed(held, "mx", "@", "mail")
        await held.see("a value of MX has 2 words")
        await held.press("enter")
        await held.see("x value:")
        await typed(held, "20 mx")
        await held.press("enter")
        await held.see("Write its DNS records")
        await held.press("a")
        await held.see("Safe to disconnect")
        domain = "calendar.harbour-a.lab"
        mx = ("10 mail.harbour-a.lab", f"20 mx.{domain}")
        assert ("MX", domain, mx) in records_of(held)

    driven(run, act)


def test_one_is_changed_in_its_place_and_another_removed(run: Run) -> None:
    async def act(held: Held) -> None:
        await held.see("IN THE ZONE")
        await held.press("home", "down", "down", "enter")
        await held.see("A record that you added")
        assert "_dmarc" in held.screen
        await held.press("down", "down")
        await typed(held, "v=DMARC1; p=reject")
        await held.press("enter")
        await held.see("p=reject")
        assert "p=none" in held.screen, "old and new"
        await held.press("escape", "escape")
        await held.see("IN THE ZONE")
        await held.press("home", "down", "down", "x")
        await held.see("Remove DNS records")
        await held.press("a")
        await held.see("Safe to disconnect")
        assert [kind for kind, *_ in records_of(held)] == ["MX", "TXT"]

    driven(run, act)


def test_what_is_not_the_owner_s_is_not_removed(run: Run) -> None:
    async def act(held: Held) -> None:
        await held.see("IN THE ZONE")
        await held.press("home", "x")
        await held.see("It is the address of the deployment.")
        await held.press("enter")
        await held.see("follows it")
        await held.press("down", "x")
        await held.see("Enter puts yours in its place")
        await held.press("enter")
        await held.see("takes its place")

    driven(run, act)


def test_two_that_cannot_be_together_are_told_before_the_plan(run: Run) -> None:
    async def act(held: Held) -> None:
        await held.see("IN THE ZONE")
        await held.press("a")
        await held.see("one of A, AAAA")
        await typed(held, "CNAME", "_dmarc", "@")
        await held.see("an alias is alone at its name")

    driven(run, act)


def test_a_zone_that_cannot_be_read_is_said_and_read_again(run: Run) -> None:
    class Silent(ExampleHomeport):
        is_silent = True

        def records_in_zone(self, name: str) -> RecordsInZone:
            if self.is_silent:
                raise Unreachable("the name server does not answer", on="127.0.0.1 port 5300")
            return super().records_in_zone(name)

    engine = Silent()

    async def act(held: Held) -> None:
        await held.see("the name server does not answer")
        await held.press("a")
        engine.is_silent = False
        await held.press("r")
        await held.see("IN THE ZONE")

    driven(run, act, engine=engine)


def test_its_names_are_taken_to_another_provider_which_is_shown_and_ended_there(run: Run) -> None:
    class HalfWay(ExampleHomeport):
        is_half_way = False

        def records_in_zone(self, name: str) -> RecordsInZone:
            found = super().records_in_zone(name)
            if not self.is_half_way:
                return found
            other = RecordsElsewhere(
                at="harbour-a", source="harbour-a", target="harbour-b", records=found.records
            )
            return found.model_copy(update={"at": "harbour-b", "other": other, "offers": ()})

        def plan_names_finish(self, name: str, *, anyway: bool = False) -> Plan:
            raise Conflict("the world may still be sent to the name servers of harbour-a")

    engine = HalfWay()

    async def act(held: Held) -> None:
        await held.see("Its names live at harbour-a")
        await held.press("m")
        await held.see("its zone holds the domain")
        await held.press("enter")
        await held.see("Make its DNS records there")
        engine.is_half_way = True
        await held.press("escape")
        await held.see("Its names live at harbour-b")
        await held.see("2 are not as they should be there")
        await held.press("m")
        await held.see("back")
        await held.press("enter")
        await held.see("may still be sent")

    driven(run, act, engine=engine)
