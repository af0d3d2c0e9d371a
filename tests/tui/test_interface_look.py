"""Every page as it looks at 80x24, on a wide terminal, and on a console of 16 colours; and what it
must be to be readable: its characters, its contrast, its size, its words.

In one file, so that one process takes each shot once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color
from rich.style import Style

from tests.tui.scene_shots import SIZES, colour_name, plane, shot, strips_of
from tui.screenshots.__main__ import picture
from tui.screenshots.scenes import SCENES, make_app, play, screen_text

GOLDENS = sorted((Path(__file__).parent / "goldens").rglob("*.txt"))

# Every character that all of Lat15-Fixed16, Lat15-Terminus16, Lat15-VGA16 and Uni2-Fixed16
# have (Debian's console-setup-linux 1.221), of those that a text here can be made of.
CONSOLE_FONT = {
    *map(chr, range(0x20, 0x7F)),
    *map(chr, range(0xA0, 0x100)),
    *map(chr, range(0x2500, 0x2580)),
    *"•…←↑→↓≈≠≡≤≥",
    "\n",
}

# The palette of the Linux console (drivers/tty/vt/vt.c: default_red, default_grn, default_blu).
VGA = {
    "black": (0, 0, 0),
    "red": (170, 0, 0),
    "green": (0, 170, 0),
    "yellow": (170, 85, 0),
    "blue": (0, 0, 170),
    "magenta": (170, 0, 170),
    "cyan": (0, 170, 170),
    "white": (170, 170, 170),
}
LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCENES)
def test_page_looks_as_it_did(name: str, size: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{size}/{name}", shot(name, SIZES[size]).text)


@pytest.mark.parametrize("name", SCENES)
def test_page_looks_as_it_did_on_a_console(name: str, golden: Callable[[str, str], None]) -> None:
    taken = shot(name, (80, 24), "console16")
    golden(f"console16/{name}", f"{taken.text}\n{'=' * 80}\n{plane(taken.strips)}")


@pytest.mark.parametrize("file", GOLDENS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_console_fonts_have_every_character(file: Path) -> None:
    assert set(file.read_text(encoding="utf-8")) <= CONSOLE_FONT


def rgb(colour: Color | None, otherwise: str) -> tuple[int, int, int]:
    if colour is not None and colour.triplet is not None:
        return colour.triplet.red, colour.triplet.green, colour.triplet.blue
    return VGA[colour_name(colour, otherwise)]


def luminance(colour: tuple[int, int, int]) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(style: Style) -> float:
    ink, ground = rgb(style.color, "white"), rgb(style.bgcolor, "black")
    if style.reverse:
        ink, ground = ground, ink
    light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def styles(strips: Iterable[Any]) -> set[Style]:
    """Of cells in which something is to be read."""
    return {
        segment.style
        for strip in strips
        for segment in strip
        if segment.style is not None and segment.text.strip()
    }


@pytest.mark.parametrize("theme", ["console16", "homeport"])
@pytest.mark.parametrize("name", SCENES)
def test_text_stands_out_from_its_ground(name: str, theme: str) -> None:
    for style in styles(shot(name, (80, 24), theme).strips):
        assert contrast(style) >= LEAST_CONTRAST, style
        assert not style.dim
        assert not style.blink
        if theme == "console16":
            for colour in (style.color, style.bgcolor):
                assert colour is None or colour.number is None or colour.number < 8, style


@pytest.mark.parametrize("name", ["dashboard-running", "provider", "progress-failed"])
def test_without_colours_nothing_is_lost(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = shot(name, (80, 24))
    monkeypatch.setenv("NO_COLOR", "1")
    colourless = shot(name, (80, 24), "console16", no_color=True)
    assert colourless.text == coloured.text
    for style in styles(colourless.strips):
        assert rgb(style.color, "white") in {(part,) * 3 for part in range(256)}


@pytest.mark.parametrize("name", SCENES)
def test_keys_and_way_back_are_always_said(name: str) -> None:
    for size in SIZES.values():
        last = shot(name, size).text.splitlines()
        said = " ".join(last[-2:]) if name not in MODAL else "\n".join(last)
        assert ("? keys" in said) or name in MODAL
        assert ("Esc" in said) or ("q leave" in said) or name.startswith("dashboard")


MODAL = ("save-root", "destroy-confirm", "confirm-move", "palette")


@pytest.mark.parametrize("name", SCENES)
def test_page_has_few_widgets(name: str) -> None:
    assert shot(name, (80, 24)).widgets <= 60


def test_a_small_terminal_gets_one_message_and_takes_no_keys(run: Callable[..., Any]) -> None:
    async def shrink() -> tuple[str, str, str]:
        app = make_app(SCENES["dashboard"])
        async with app.run_test(size=(80, 24)) as pilot:
            await play(pilot, *SCENES["dashboard"].acts)
            before = screen_text(app)
            await pilot.resize_terminal(50, 12)
            await pilot.pause()
            small = screen_text(app)
            await pilot.press("c", "d", "q", "escape", "question_mark", "ctrl+p")
            still = screen_text(app)
            await pilot.resize_terminal(80, 24)
            await pilot.pause()
            assert len(strips_of(app)) == 24
            return before, still if small == still else "", screen_text(app)

    before, small, after = run(shrink())
    assert "50 columns and 12 lines" in small.replace("\n", " ")
    assert "60" in small
    assert after == before


def test_pictures_ask_nobody_for_fonts_and_say_what_the_page_says() -> None:
    svg = picture(SCENES["provider"])
    assert "@font-face" not in svg
    assert "Fira" not in svg
    assert not re.search(r"(href|src)=|url\((?!#)", svg)
    words = unescape(re.sub(r"<[^>]*>", " ", svg)).replace("\xa0", " ")
    assert "VM.Allocate is missing on /vms" in words
