"""What the keys of the pages do, on the example engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from engine.model.events import LogLine, OperationChanged, StepFinished
from engine.model.plan import OperationStatus
from tui.app import HomeportApp
from tui.screens import deployment as deployment_page
from tui.screenshots import example_values as values
from tui.screenshots.example import ExampleHomeport
from tui.screenshots.scenes import Act, play, screen_text, seen

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@asynccontextmanager
async def opened(
    *, running: bool = False, initial: str | None = None
) -> AsyncIterator[tuple[ExampleHomeport, Pilot[str]]]:
    engine = ExampleHomeport()
    if not running:
        engine.finish_what_runs()
    app = HomeportApp(engine.opener, initial=initial, clock=lambda: values.NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await seen(pilot, "Safe to disconnect" if running else "healthy, 2")
        yield engine, pilot


def test_root_certificate_is_written_once_and_never_over_something_else(
    run: Run, tmp_path: Path
) -> None:
    target, other = tmp_path / "root.pem", tmp_path / "other.pem"
    other.write_text("mine")

    async def save() -> None:
        async with opened() as (_, pilot):
            for file, answer in ((target, "root certificate is in"), (other, "not written")):
                await play(pilot, Act("enter" if file is target else "", "1 Overview"))
                await play(pilot, Act("s", "harbour-a-root.pem"))
                await play(pilot, Act(f"ctrl+u text:{file} enter", answer))

    run(save())
    assert target.read_bytes() == values.ROOT_CERTIFICATE
    assert other.read_text() == "mine"


def test_a_shown_secret_hides_by_itself_and_when_one_looks_elsewhere(
    run: Run, monkeypatch: Any
) -> None:
    secret = "an-example-not-a-password"

    async def look() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, Act("enter", "1 Overview"), Act("2 enter", secret))
            await pilot.press("3", "2")
            await seen(pilot, "hidden")
            assert secret not in screen_text(pilot.app)
            monkeypatch.setattr(deployment_page, "SHOWN_SECONDS", 0.3)
            await play(pilot, Act("enter", secret))
            await seen(pilot, "hidden")
            assert engine.shown == [("calendar", "admin-password")] * 2

    run(look())


def test_progress_follows_the_events_and_offers_to_try_again(run: Run) -> None:
    error = {"what": "pip failed", "on": "guest chat", "why": "no space", "do": "Free some space."}

    async def watch() -> None:
        async with opened(running=True) as (engine, pilot):
            chat = values.DEPLOYING_CHAT.id
            engine.tell(chat, LogLine(at=values.NOW, step="app.install", text="almost there"))
            await seen(pilot, "almost there")
            engine.tell(
                chat,
                StepFinished(
                    at=values.NOW, step="app.install", outcome="failed", seconds=9, error=error
                ),
                OperationChanged(at=values.NOW, status=OperationStatus.FAILED, error=error),
            )
            await seen(pilot, "Free some space.")
            await play(pilot, Act("t", "running"))
            assert not engine.operation(chat).status.is_final

    run(watch())


def test_cancelling_asks_twice(run: Run) -> None:
    async def cancel() -> None:
        async with opened(running=True) as (engine, pilot):
            await play(pilot, Act("c", "Press c again"))
            await pilot.press("down", "c")
            await seen(pilot, "Press c again")
            assert engine.operation(values.DEPLOYING_CHAT.id).status is OperationStatus.RUNNING
            await play(pilot, Act("c", "cancelling"))

    run(cancel())


def test_leaving_while_something_runs_says_how_to_watch_it(run: Run) -> None:
    async def leave() -> None:
        async with opened(running=True) as (_, pilot):
            await pilot.press("q")
            said = pilot.app.return_value or ""
            assert f"homeport attach {values.DEPLOYING_CHAT.id}" in said

    run(leave())


def test_palette_runs_what_was_chosen(run: Run) -> None:
    async def choose() -> None:
        async with opened() as (_, pilot):
            await play(pilot, Act("ctrl+p", "type a part"), Act("text:list enter", "4 operations"))
            await play(pilot, Act("escape", "3 deployments"))

    run(choose())


def test_destroying_needs_the_name(run: Run) -> None:
    async def destroy() -> None:
        async with opened() as (engine, pilot):
            await play(
                pilot,
                Act("enter", "1 Overview"),
                Act("x", "cannot be undone"),
                Act("a", "type its name"),
                Act("enter", "nothing was changed"),
                Act("escape", "cannot be undone"),
            )
            assert len(engine.ran) == 4
            await play(
                pilot, Act("a", "type its name"), Act("text:calendar enter", "Safe to disconnect")
            )
            assert engine.ran[0].plan.intent.value == "destroy"

    run(destroy())


def test_the_page_that_was_asked_for_opens_first(run: Run) -> None:
    async def first() -> None:
        engine = ExampleHomeport()
        app = HomeportApp(engine.opener, initial="catalog", clock=lambda: values.NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await seen(pilot, "3 applications")

    run(first())
