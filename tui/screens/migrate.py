"""Where a deployment is to move: the providers that fit, and why others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.screens.page import BACK, Page
from tui.text import BLANK, Cell, Line, Span, columns, labelled, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width

if TYPE_CHECKING:
    from engine.targets import Target

NO_OTHER = """There is no other provider that it could move to. Leave with q, add one with: \
homeport providers add FILE, and come back."""
FITS = """It can move here. Enter makes the plan: every step, how long it will be away, and from \
where on there is no way back. Nothing is changed by that, and the source keeps its side until \
you confirm the move."""


class MigratePage(Page):
    """All other providers; those to which no move can be planned stand last, with the reason."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "plan"), ("t", "terms"), ("k", "check"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "terms", "Say when it may freeze, for how long, and how fast it may copy"),
        Binding("k", "check", "Check the connection to this provider"),
    ]

    @dataclass
    class Read(Message):
        """What speaks against each provider was found from the inventory."""

        targets: Sequence[Target]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._deployment = name
        self._targets: dict[str, Target] | None = None

    def body(self) -> ComposeResult:
        with Container(classes="body"):
            yield RowList([Row((Span("Reading the providers...", "muted"),))])
            yield LineView(id="side", classes="side")

    def on_mount(self) -> None:
        self.title_bar(f"migrate {self._deployment}  to which provider")
        self.read()

    def on_screen_resume(self) -> None:
        if self._targets is not None:
            self.read()

    def read(self) -> None:
        name = self._deployment
        self.ask(lambda homeport: homeport.targets(name), self.Read, "providers")

    def on_migrate_page_read(self, found: Read) -> None:
        self._targets = {target.provider.name: target for target in found.targets}
        self.draw()

    def draw(self) -> None:
        if self._targets is None:
            return
        rows, side = self.query_one(RowList), self.query_one("#side", LineView)
        width = row_width(rows)
        side.display = bool(self._targets)
        if not self._targets:
            rows.show_rows([Row(BLANK), *(Row(content) for content in wrapped(NO_OTHER, width))])
            self.hints(BACK)
            return
        named = self._targets.items()
        rows.show_rows([Row(target_line(target, width), name) for name, target in named])
        self._draw_side()

    def _draw_side(self) -> None:
        target = self._chosen()
        if target is not None:
            side = self.query_one("#side", LineView)
            side.show(target_detail(target, side.size.width))
            self.hints(*(self.HINTS if target.refusal is None else self.HINTS[2:]))

    def _chosen(self) -> Target | None:
        return (self._targets or {}).get(self.query_one(RowList).key)

    def on_row_list_highlighted(self) -> None:
        self._draw_side()

    def _fitting(self) -> Target | None:
        """The provider under the cursor; what speaks against it is said instead."""
        target = self._chosen()
        if target is None or target.refusal is None:
            return target
        self.complain(dict(target.refusal.describe()))
        return None

    def on_row_list_chosen(self) -> None:
        from tui.screens.plan import PlanPage

        if (target := self._fitting()) is not None:
            name, to = self._deployment, target.provider.name
            self.app.push_screen(
                PlanPage(
                    f"migrate {name} to {to}", lambda homeport: homeport.plan_migrate(name, to)
                )
            )

    def action_terms(self) -> None:
        from tui.screens.move_terms import MoveTermsPage

        if (target := self._fitting()) is not None:
            self.app.push_screen(MoveTermsPage(self._deployment, target.provider.name))

    def action_check(self) -> None:
        from tui.screens.provider import ProviderPage

        if name := self.query_one(RowList).key:
            self.app.push_screen(ProviderPage(name))


def target_line(target: Target, width: int) -> Line:
    """Fits or not, which provider, and what it is or why not."""
    profile, refusal = target.provider, target.refusal
    mark, said = ("+ fits", profile.title) if refusal is None else ("x cannot", refusal.why)
    cells = (
        Cell(mark, 9, "good" if refusal is None else "warn"),
        Cell(profile.name, 18, "strong"),
        Cell(said, max(10, width - 31), "muted"),
    )
    return columns(cells)


def target_detail(target: Target, width: int) -> list[Line]:
    """What would come next there, or what is in the way and how to get it out of the way."""
    lines: list[Line] = [(Span(target.provider.name, "strong"),)]
    refusal = target.refusal
    if refusal is None:
        return [*lines, *wrapped(FITS, width)]
    lines += labelled("cannot", refusal.what, width, role="warn")
    for label, text in (("why", refusal.why), ("do", refusal.do)):
        if text:
            lines += labelled(label, text, width)
    return lines
