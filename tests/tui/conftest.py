"""Tests of the interface: on the example engine, at the example's time, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

GOLDENS = Path(__file__).parent / "goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="write the screens as they are now (with: pytest tests/tui --update-goldens)",
    )


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Compare a screen with the file of that name; with --update-goldens, write the file."""

    def compare(name: str, screen: str) -> None:
        file = GOLDENS / f"{name}.txt"
        if pytestconfig.getoption("--update-goldens", default=False):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(screen + "\n", encoding="utf-8")
        assert file.exists(), f"{file} is not there; look at the screen and run --update-goldens"
        assert screen + "\n" == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a terminal with colours, whatever this one has."""
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end; what it gives."""

    def run_to_end(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(asyncio.wait_for(coroutine, 180))

    return run_to_end
