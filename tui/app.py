"""The Textual application: its pages, its keys, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

from tui.farewell import Farewell
from tui.frame import Frame
from tui.last_seen import FILE, LastSeen
from tui.screens.dashboard import Dashboard
from tui.updates import Updates

if TYPE_CHECKING:
    from engine.homeport import Homeport


def _now() -> datetime:
    return datetime.now(UTC)


class HomeportApp(Frame):
    """The interface of the engine.

    state: the directory in which the dashboard is remembered from one start to the next.
    """

    def __init__(
        self,
        opener: Callable[[], Homeport],
        *,
        initial: str | None = None,
        state: Path | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        super().__init__(opener, Farewell())
        self.clock = clock
        self.last_seen = LastSeen(state / FILE if state else None)
        self.updates = Updates()
        self._initial = initial

    def get_default_screen(self) -> Screen[None]:
        return Dashboard(self._initial)

    # the pages; imported when they are opened, so that the first paint does not wait for them

    def action_catalog(self) -> None:
        from tui.screens.catalog import CatalogPage

        self.push_screen(CatalogPage())

    def action_providers(self) -> None:
        from tui.screens.providers import ProvidersPage

        self.push_screen(ProvidersPage())

    def action_add_provider(self) -> None:
        from tui.screens.provider_name import ProviderName

        self.push_screen(ProviderName())

    def open_setup(self, name: str, *, revises: bool = False) -> None:
        from tui.screens.provider_setup import SetupPage

        self.push_screen(SetupPage(name, revises=revises))

    def action_operations(self) -> None:
        from tui.screens.operations import OperationsPage

        self.push_screen(OperationsPage())

    def action_deploy(self) -> None:
        from tui.screens.deploy import start_deploying

        start_deploying(self)

    def action_repositories(self) -> None:
        from tui.screens.repositories import RepositoriesPage

        self.push_screen(RepositoriesPage())

    def open_deployment(self, name: str, section: str = "") -> None:
        from tui.screens.deployment import DeploymentPage

        self.push_screen(DeploymentPage(name, section))

    def open_backup(self, repository: str, backup: str) -> None:
        from tui.screens.backup import BackupPage

        self.push_screen(BackupPage(repository, backup))

    def open_upgrade(self, name: str, release: str | None = None) -> None:
        from tui.screens.upgrade_deployment import UpgradePage

        self.push_screen(UpgradePage(name, release))

    def watch_upgrade(self, name: str, release: str | None = None) -> None:
        from tui.screens.upgrade_deployment import WatchPage

        self.push_screen(WatchPage(name, release))

    def open_operation(self, operation_id: str) -> None:
        from tui.screens.progress import ProgressPage

        self.push_screen(ProgressPage(operation_id))

    def action_home(self) -> None:
        """Close every page above the dashboard."""
        while not isinstance(self.screen, Dashboard):
            self.pop_screen()
