"""Every page as it looks at 80x24, on a wide terminal, and on a console of 16 colours."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tui.scene_shots import SIZES, plane, shot
from tui.screenshots.scenes import SCENES


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCENES)
def test_page_looks_as_it_did(name: str, size: str, golden: Callable[[str, str], None]) -> None:
    text, _ = shot(name, SIZES[size])
    golden(f"{size}/{name}", text)


@pytest.mark.parametrize("name", SCENES)
def test_page_looks_as_it_did_on_a_console(name: str, golden: Callable[[str, str], None]) -> None:
    text, strips = shot(name, (80, 24), "console16")
    golden(f"console16/{name}", f"{text}\n{'=' * 80}\n{plane(strips)}")
