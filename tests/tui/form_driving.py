"""A form on the screen, on options of the test's own, driven by keys as somebody would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from tui.app import HomeportApp
from tui.deploying import Wish
from tui.screens.deploy_form import DeployForm
from tui.screens.form import FormPage
from tui.screenshots.example import ExampleHomeport
from tui.screenshots.scenes import screen_text, seen, settled

NAMES = {
    "?": "question_mark",
    "/": "slash",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    " ": "space",
}


class Options(ExampleHomeport):
    """An engine whose applications have these options."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        super().__init__(empty=True)
        self.schema = dict(schema)

    def options_schema(self, application: str, release: str | None = None) -> dict[str, Any]:
        return self.schema


class Held:
    """The interface on an engine's double, driven by keys."""

    def __init__(self, app: HomeportApp, pilot: Pilot[str], engine: ExampleHomeport) -> None:
        self.app = app
        self.pilot = pilot
        self.engine = engine

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*(NAMES.get(key, key) for key in keys))
        await self.pilot.pause()

    async def see(self, text: str) -> str:
        await seen(self.pilot, text)
        await settled(self.pilot)
        return self.screen

    @property
    def screen(self) -> str:
        return screen_text(self.app)

    def line(self, word: str) -> str:
        """The line of the screen on which a word is."""
        return next(line for line in self.screen.splitlines() if word in line)


class Driven(Held):
    """The interface with a form in front."""

    @property
    def page(self) -> FormPage:
        page = self.app.screen
        assert isinstance(page, FormPage), page
        return page

    @property
    def form(self) -> Any:
        assert self.page.form is not None
        return self.page.form

    async def open(self, wish: Wish | None = None) -> None:
        wish = wish or Wish("radicale", "3.5.4", "harbour-a", "cal", "cal.harbour-a.lab")
        self.app.push_screen(DeployForm(wish))
        await self.see("row")

    async def type(self, text: str) -> None:
        """Into the line that is being edited, over what is there."""
        await self.press("ctrl+u", *text)

    async def edit(self, path: str, text: str) -> None:
        """Go to an option, type a text and take it over."""
        self.go_to(path)
        await self.press("enter")
        await self.type(text)
        await self.press("enter")

    def go_to(self, path: str) -> None:
        self.page.go_to(self.form.find(path))


@asynccontextmanager
async def driven(
    schema: Mapping[str, Any], size: tuple[int, int] = (80, 24), wish: Wish | None = None
) -> AsyncIterator[Driven]:
    """A form of these options."""
    engine = Options(schema)
    app = HomeportApp(engine.opener)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        held = Driven(app, pilot, engine)
        await held.open(wish)
        yield held
