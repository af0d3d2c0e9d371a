"""Scenes as text: the characters, and a plane of letters for how each cell looks."""

from __future__ import annotations

import asyncio
import re
from functools import cache
from typing import NamedTuple

from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from tui.frame import Frame
from tui.screenshots.scenes import SCENES, make_app, play, screen_text

CONSOLE_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
SIZES = {"80x24": (80, 24), "160x50": (160, 50)}


class Shot(NamedTuple):
    text: str
    strips: list[Strip]
    widgets: int
    """On the page, at any depth."""


@cache
def shot(
    name: str, size: tuple[int, int], theme: str = "homeport", *, no_color: bool = False
) -> Shot:
    """A scene, taken once by a process. no_color: keeps shots made with NO_COLOR set apart."""

    async def taken() -> Shot:
        app = make_app(SCENES[name], theme)
        assert app.no_color == no_color
        async with app.run_test(size=size) as pilot:
            await play(pilot, *SCENES[name].acts)
            widgets = len(list(app.screen.walk_children()))
            return Shot(steady(screen_text(app)), strips_of(app), widgets)

    return asyncio.run(asyncio.wait_for(taken(), 180))


def strips_of(app: Frame) -> list[Strip]:
    return app.screen._compositor.render_strips()


def steady(screen: str) -> str:
    """Without the plan's hash, which changes with the format of plans."""
    return re.sub(r"plan [0-9a-f]{8}\b", "plan ########", screen)


def plane(strips: list[Strip]) -> str:
    """A letter per cell: `.` plain, the colour's initial, upper case where it is the ground's,
    `b` bold and otherwise plain."""
    return "\n".join(
        "".join(letter(segment.style) * len(segment.text) for segment in strip).rstrip(". ")
        for strip in strips
    )


def letter(style: Style | None) -> str:
    if style is None:
        return "."
    ground, ink = colour_name(style.bgcolor, "black"), colour_name(style.color, "white")
    if ground != "black":
        return ground[0].upper()
    if ink != "white":
        return ink[0]
    return "b" if style.bold else "."


def colour_name(colour: Color | None, otherwise: str) -> str:
    """Of one of the console's eight colours."""
    if colour is None or colour.is_default:
        return otherwise
    assert colour.number is not None
    assert colour.number < len(CONSOLE_COLOURS)
    return CONSOLE_COLOURS[colour.number]
