"""`python -m tui.screenshots [DIR]`: the pictures in the README, as SVG."""

from __future__ import annotations

import asyncio
import re
import sys
from html import escape, unescape
from pathlib import Path

from tui.screenshots.scenes import SCENES, Scene, make_app, play

PICTURES = ("dashboard", "catalog", "form", "fill", "plan", "progress", "deployment", "providers")
SIZE = (100, 30)
_SIZED = {
    "upgrade": ("upgrade", (80, 24)),
    "upgrade-wide": ("upgrade-all", (160, 50)),
    "move": ("progress-move", (80, 24)),
    "backups": ("deployment-backups", (80, 24)),
    "provider-compare": ("provider-compare", (80, 24)),
}
"""Pictures at a size of their own: name of the file -> scene and size."""
_TEXT = re.compile(
    r'<text class="(?P<style>[^"]*)" x="(?P<x>[^"]*)" y="(?P<y>[^"]*)" '
    r'textLength="(?P<length>[^"]*)" clip-path="(?P<clip>[^"]*)">(?P<text>[^<]*)</text>'
)
FONTS = "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, monospace"


def picture(scene: Scene, size: tuple[int, int] = SIZE) -> str:
    """One scene as SVG, with fonts that the reader's machine has."""

    async def taken() -> str:
        app = make_app(scene)
        async with app.run_test(size=size) as pilot:
            await play(pilot, *scene.acts)
            return app.export_screenshot(title="homeport", simplify=True)

    return with_own_fonts(asyncio.run(taken()))


def with_own_fonts(svg: str) -> str:
    """Textual's picture names fonts on other people's servers; this one asks nobody."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family:\s*Fira Code[^;]*;", f"font-family: {FONTS};", svg)
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    svg = _TEXT.sub(_placed, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _placed(run: re.Match[str]) -> str:
    """A run of text as words that each have their place: viewers disagree on how wide spaces
    and letters are, and columns must stand under each other in all of them."""
    text = unescape(run["text"])
    if not text.strip("\xa0"):
        return ""
    cell = float(run["length"]) / len(text)
    parts: list[str] = []
    for word in re.finditer(r"[^\xa0]+(?:\xa0[^\xa0]+)*", text):
        x = float(run["x"]) + word.start() * cell
        length = len(word[0]) * cell
        said = escape(word[0]).replace("\xa0", "&#160;")
        parts.append(
            f'<text class="{run["style"]}" x="{x:.1f}" y="{run["y"]}" '
            f'textLength="{length:.1f}" clip-path="{run["clip"]}">{said}</text>'
        )
    return "".join(parts)


def main(directory: str = "screenshots") -> int:
    """Write every picture; the exit status."""
    target = Path(directory)
    target.mkdir(exist_ok=True)
    sized = {name: (name, SIZE) for name in PICTURES} | _SIZED
    for name, (scene, size) in sized.items():
        file = target / f"{name}.svg"
        file.write_text(picture(SCENES[scene], size), encoding="utf-8")
        sys.stdout.write(f"{file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
