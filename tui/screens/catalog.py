"""The catalog: what can be deployed, in which releases, and what to know before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.text import Cell, Line, Span, columns, labelled, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width
from tui.words import counted, timers_text

if TYPE_CHECKING:
    from engine.catalog.package import Package, Release

NOTE_WORDS = {"action": "do", "change": "changed", "security": "security", "feature": "new"}


class CatalogPage(Page):
    """Lists packages; Enter deploys the one under the cursor."""

    CRUMBS = "catalog"
    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "deploy"), ("v", "other release"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "next_release", "Show the next release of this application"),
    ]

    @dataclass
    class Read(Message):
        """The catalog was read."""

        packages: Sequence[Package]

    def __init__(self) -> None:
        super().__init__()
        self._packages: dict[str, Package] = {}
        self._release: dict[str, int] = {}

    def body(self) -> ComposeResult:
        with Container(classes="body"):
            yield RowList([Row((Span("Reading the catalog...", "muted"),))])
            yield LineView(id="side", classes="side tall")

    def on_mount(self) -> None:
        self.ask(lambda homeport: homeport.packages(), self.Read, "catalog")

    def on_catalog_page_read(self, found: Read) -> None:
        self._packages = {package.id: package for package in found.packages}
        self.title_bar(self.CRUMBS, counted(len(self._packages), "application"))
        self.draw()

    def draw(self) -> None:
        if not self._packages:
            return
        rows = self.query_one(RowList)
        width = row_width(rows)
        rows.show_rows(
            [Row(package_line(package, width), name) for name, package in self._packages.items()]
        )
        self._draw_side()

    def _draw_side(self) -> None:
        side = self.query_one("#side", LineView)
        package = self._packages.get(self.query_one(RowList).key)
        if package is not None:
            release = package.releases[self._release.get(package.id, 0)]
            side.show(package_detail(package, release, side.size.width))

    def on_row_list_highlighted(self) -> None:
        self._draw_side()

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        from tui.screens.deploy import start_deploying

        package = self._packages[chosen.key]
        release = package.releases[self._release.get(package.id, 0)].version
        start_deploying(self.app, package.id, release)

    def action_next_release(self) -> None:
        package = self._packages.get(self.query_one(RowList).key)
        if package is not None:
            shown = self._release.get(package.id, 0)
            self._release[package.id] = (shown + 1) % len(package.releases)
            self._draw_side()


def package_line(package: Package, width: int) -> Line:
    """Name, newest release and summary of an application."""
    return columns(
        (
            Cell(package.name, 16, "strong"),
            Cell(package.releases[0].version, 9, "accent"),
            Cell(package.summary, max(10, width - 29)),
        )
    )


def package_detail(package: Package, release: Release, width: int) -> list[Line]:
    """A release of an application: what it needs and what its notes say."""
    needs = package.needs
    size = f"{counted(needs.cores, 'core')}, {needs.memory_mib} MiB memory, {needs.disk_gib} GiB"
    size += f", with {' and '.join(needs.components)}" if needs.components else ""
    others = [other.version for other in package.releases if other is not release]
    lines: list[Line] = [(Span(f"{package.name} {release.version}", "strong"),)]
    lines += wrapped(package.summary, width)
    if release.date:
        lines += labelled("released", release.date, width)
    if others:
        lines += labelled("also", ", ".join(others), width)
    lines += labelled("needs", size, width)
    if timers := package.service.timers:
        lines += labelled("timers", timers_text(timers), width)
    lines += labelled("licence", package.licence, width)
    for note in release.notes:
        role = "warn" if note.kind in ("action", "security") else "plain"
        lines += labelled(NOTE_WORDS[note.kind], note.text, width, role=role)  # type: ignore[arg-type]
    return lines
