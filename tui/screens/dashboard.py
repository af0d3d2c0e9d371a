"""The first page: every deployment with what matters most about it, or what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message

from tui.backups import last_backups
from tui.screens.dashboard_text import (
    EMPTY,
    HEADING,
    NO_PROVIDER,
    OPENING,
    deployment_detail,
    deployment_table,
    facts_said,
    message_rows,
    table_row,
)
from tui.screens.page import Page
from tui.text import Span
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width
from tui.words import ago, counted

if TYPE_CHECKING:
    from engine.homeport import DeploymentView, Homeport
    from engine.model.deployment import Deployment, HealthReport
    from engine.model.outdated import Outdated
    from engine.model.plan import Operation

REFRESH_SECONDS = 2.0
HEALTH_AGE_SECONDS = 60.0
"""A health report older than this is asked for again when the dashboard is seen."""


class Dashboard(Page):
    """Stays at the bottom of the stack of pages as long as the interface runs."""

    CRUMBS = "deployments"
    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("Enter", "open"),
        ("d", "deploy"),
        ("c", "catalog"),
        ("p", "providers"),
        ("o", "operations"),
        ("b", "backups"),
        ("q", "leave"),
        ("r", "check health"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "upgrade", "Review the upgrade to the newest release"),
        Binding("d", "app.deploy", "Deploy an application"),
        Binding("c", "app.catalog", "Open the catalog of applications"),
        Binding("p", "app.providers", "Open the providers"),
        Binding("o", "app.operations", "Open the list of operations"),
        Binding("b", "app.repositories", "Open the repositories that backups lie in"),
        Binding("r", "check_health", "Check the health of all deployments now"),
        Binding("escape", "back", show=False),
    ]

    @dataclass
    class Read(Message):
        """What is deployed was read from the inventory."""

        views: Sequence[DeploymentView]
        operations: Sequence[Operation]
        providers: int

    @dataclass
    class HealthRead(Message):
        report: HealthReport

    @dataclass
    class UpdatesFound(Message):
        """The newer releases of these deployments were compared with theirs."""

        asked: Sequence[Deployment]
        found: Sequence[Outdated]

    def __init__(self, initial: str | None = None) -> None:
        super().__init__()
        self._initial = initial
        self._views: dict[str, DeploymentView] = {}
        self._backups: dict[str, datetime] = {}
        self._providers = 0
        self._read_once = False
        self._opened = False
        self._waiting = False
        self._comparing: list[Deployment] = []
        self._upgrade_wanted = False
        """Asked for before there was a row that it could have been asked for."""

    def body(self) -> ComposeResult:
        with Container(classes="body"):
            yield RowList([Row((Span(OPENING, "muted"),))])
            yield LineView(id="side", classes="side")

    def on_mount(self) -> None:
        self.call_after_refresh(self.read)
        self.set_interval(REFRESH_SECONDS, self.read)

    def on_screen_resume(self) -> None:
        if self._read_once:
            self.read()

    def read(self) -> None:
        """Ask for the deployments, unless the last question is still open."""
        if not self._waiting and (self.is_current or not self._read_once):
            self._waiting = True
            self.ask(_read, lambda found: self.Read(*found), "deployments")

    def failed(self, failure: Any) -> None:
        if failure.asked == "updates":
            self.app.updates.learn(self._comparing, ())  # not again for the same deployments
            self._comparing = []
            self._upgrade_wanted = False
        else:
            self._waiting = False
        super().failed(failure)
        if not self._read_once:
            error = failure.error
            text = f"{error.get('what')}\n{error.get('why')}\n{error.get('do')}"
            self.query_one(RowList).show_rows(message_rows(text, self.size.width - 6))

    def on_dashboard_read(self, found: Read) -> None:
        self._waiting = False
        first, self._read_once = not self._read_once, True
        self._views = {view.deployment.name: view for view in found.views}
        self._backups = last_backups(found.operations)
        self._providers = found.providers
        self.app.farewell.running = [run for run in found.operations if not run.status.is_final]
        self.draw()
        if first:
            self._check_old_health()
        self._look_for_updates()
        self._upgrade_as_wanted()
        if not self._opened and self.is_current:
            self._opened = True
            self._open_what_runs(found.operations)

    def _open_what_runs(self, operations: Sequence[Operation]) -> None:
        """Start on the page that was asked for, or else on whatever operation is running."""
        if self._initial:
            kind, _, name = self._initial.partition(":")
            if kind == "operation":
                self.app.open_operation(name)
            elif kind in ("upgrade", "watch"):
                name, _, release = name.partition("@")
                opened = self.app.open_upgrade if kind == "upgrade" else self.app.watch_upgrade
                opened(name, release or None)
            elif kind in ("add_provider", "edit_provider") and name:
                self.app.open_setup(name, revises=kind == "edit_provider")
            else:
                self.run_worker(self.run_action(f"app.{kind}"))
            return
        running = [run for run in operations if not run.status.is_final]
        if running:
            self.app.open_operation(running[0].id)

    def _look_for_updates(self) -> None:
        """Once for every deployment as it is, and after it has been seen."""
        settled = [view.deployment for view in self._views.values() if view.operation is None]
        if settled and not self._comparing and not self.app.updates.knows(settled):
            self._comparing = settled
            self.ask(
                lambda homeport: homeport.outdated(aside=True),
                lambda found: self.UpdatesFound(settled, found),
                "updates",
                slowly=True,
            )

    def on_dashboard_updates_found(self, updates: UpdatesFound) -> None:
        self._comparing = []
        self.app.updates.learn(updates.asked, updates.found)
        self.draw()
        self._upgrade_as_wanted()

    def action_upgrade(self) -> None:
        view = self._views.get(self.query_one(RowList).key)
        if view is None:
            self._upgrade_wanted = True
            self.say("u: as soon as it is known what has a newer release")
            self._upgrade_as_wanted()
            return
        self._upgrade_wanted = False
        if view.operation:
            self.say(f"! {view.operation.plan.intent.value} is running; Enter shows it.", "warn")
        elif self.app.updates.of(view.deployment) or not self.app.updates.knows([view.deployment]):
            self.app.open_upgrade(view.deployment.name)
        else:
            name = view.deployment.name
            self.say(f"= {name} runs the newest release in the catalog.", "good")

    def _upgrade_as_wanted(self) -> None:
        """Once it is known which deployment can have been meant."""
        if not self._upgrade_wanted or not self._read_once or self._comparing:
            return
        self._upgrade_wanted = False
        self.say("")
        if not self.is_current:
            return
        idle = [view for view in self._views.values() if not view.operation]
        newer = [view.deployment.name for view in idle if self._update_of(view)]
        if len(newer) == 1:
            self.app.open_upgrade(newer[0])
        elif newer:
            self.say(f"{len(newer)} deployments have a newer release: choose one, then u.")
        elif not self._views:
            self.say("Nothing is deployed yet: d deploys an application.")
        elif not idle:
            self.say("! Operations are running; Enter shows one.", "warn")
        else:
            self.say("= Nothing here has a newer release in the catalog.", "good")

    def _check_old_health(self) -> None:
        now = self.app.clock()
        for view in self._views.values():
            age = (now - view.health.at).total_seconds() if view.health else None
            if view.operation is None and (age is None or age > HEALTH_AGE_SECONDS):
                self._check_health(view.deployment.name)

    def _check_health(self, name: str) -> None:
        self.ask(
            lambda homeport: homeport.check_health(name), self.HealthRead, "health", slowly=True
        )

    def on_dashboard_health_read(self) -> None:
        self.read()

    def action_check_health(self) -> None:
        for name in self._views:
            self._check_health(name)
        self.say(f"asking {counted(len(self._views), 'deployment')} by name")

    # drawing

    def draw(self) -> None:
        if not self._read_once:
            self._draw_last_seen()
            return
        rows = self.query_one(RowList)
        side = self.query_one("#side", LineView)
        updates = sum(1 for view in self._views.values() if self._update_of(view))
        self.title_bar(self.CRUMBS, facts_said(self._views.values(), self._backups, updates))
        upgrade = (("u", "upgrade"),) if updates else ()
        self.hints(
            *(self.HINTS[:1] + upgrade + self.HINTS[1:] if self._views else self.HINTS[1:-1])
        )
        if not self._views:
            text = EMPTY if self._providers else NO_PROVIDER
            rows.show_rows(message_rows(text, self.size.width - 6))
            side.display = False
            return
        side.display = True
        table = [table_row(view, self._update_of(view)) for view in self._views.values()]
        self.app.last_seen.remember(table, self.app.clock())
        heading, *lines = deployment_table(table, row_width(rows))
        keyed = zip(lines, self._views, strict=True)
        rows.show_rows([Row(heading), *(Row(content, name) for content, name in keyed)])
        self._draw_side()

    def _draw_last_seen(self) -> None:
        """Rows without a cursor: they can be looked at until the inventory has been read."""
        if (seen := self.app.last_seen.recall(len(HEADING))) is not None:
            table, when = seen
            rows = self.query_one(RowList)
            lines = deployment_table(table, row_width(rows))
            rows.show_rows([Row(content) for content in lines])
            self.title_bar(self.CRUMBS, f"as of {ago(when, self.app.clock())}")

    def _draw_side(self) -> None:
        side = self.query_one("#side", LineView)
        view = self._views.get(self.query_one(RowList).key)
        if view is not None:
            update, now = self._update_of(view), self.app.clock()
            backup = self._backups.get(view.deployment.id)
            side.show(deployment_detail(view, update, backup, side.size.width, now))

    def _update_of(self, view: DeploymentView) -> Outdated | None:
        return self.app.updates.of(view.deployment)

    def on_row_list_highlighted(self) -> None:
        self._draw_side()

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        view = self._views[chosen.key]
        if view.operation:
            self.app.open_operation(view.operation.id)
        else:
            self.app.open_deployment(chosen.key)

    def action_back(self) -> None:
        self.say("This is the first page. Press q to leave Homeport.")


def _read(homeport: Homeport) -> tuple[Any, Any, int]:
    return homeport.deployments(), homeport.operations(), len(homeport.providers())
