"""The form of every application of the catalog: each option can be reached, opened and left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from engine.catalog.load import Catalog
from engine.paths import Paths
from tests.tui.form_driving import Driven, driven
from tui.screens.whole_text import WholeText

Run = Callable[[Coroutine[Any, Any, Any]], Any]
APPLICATIONS = ("radicale", "isso", "synapse")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    home = tmp_path_factory.mktemp("home")
    return Catalog.open(Paths.from_environment({"HOMEPORT_HOME": str(home)}))


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_option_opens_and_is_left_unchanged(
    run: Run, catalog: Catalog, application: str
) -> None:
    async def main() -> None:
        async with driven(catalog.options_schema(application)) as held:
            paths = list(held.form.paths())
            assert len(paths) > 20
            for path in paths:
                held.page.go_to(path)
                assert held.page.grid.row is not None
                assert held.page.grid.row.path == path
                await _open_and_leave(held)
            assert held.form.document() == {}
            assert not held.form.dirty
            assert len(list(held.page.walk_children())) <= 60

    run(main())


async def _open_and_leave(held: Driven) -> None:
    page = held.page
    page.action_edit()
    if page.editor.is_open:
        page.editor.action_close()
        while page.editor.is_open or page.focused is not page.grid:
            await asyncio.sleep(0)
    while isinstance(held.app.screen, WholeText):
        await held.press("escape")
    assert held.app.screen is page
    assert page.focused is page.grid


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_option_is_on_a_row_when_all_is_unfolded(
    run: Run, catalog: Catalog, application: str
) -> None:
    async def main() -> None:
        async with driven(catalog.options_schema(application)) as held:
            grid = held.page.grid
            found = set()
            at = 0
            while at < grid.line_count:
                grid.move_to(at)
                row = grid.row
                assert row is not None
                found.add(row.path)
                if row.folded:
                    held.page.action_fold(False)
                at += 1
            assert found >= set(held.form.paths())

    run(main())
