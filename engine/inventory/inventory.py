"""The inventory, opened: one attribute per kind of record."""

from __future__ import annotations

from engine.inventory.database import Database, database_url, open_database
from engine.inventory.deployments import Deployments, Resources
from engine.inventory.events import Events
from engine.inventory.leases import Leases
from engine.inventory.migrations import migrate
from engine.inventory.moves import Moves
from engine.inventory.names import NamesMoves
from engine.inventory.operations import Operations
from engine.inventory.options import Archive, Identities
from engine.inventory.records import Audit, Drafts, Durations, Installation, Providers
from engine.inventory.repositories import Repositories
from engine.inventory.schedules import Schedules
from engine.inventory.steps import FinishedSteps
from engine.model.deployment import Deployment
from engine.model.names import NameServers
from engine.paths import Paths


class Inventory:
    """Safe to share between threads; every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.installation = Installation(database)
        self.providers = Providers(database)
        self.repositories = Repositories(database)
        self.deployments = Deployments(database)
        self.resources = Resources(database)
        self.operations = Operations(database)
        self.finished_steps = FinishedSteps(database)
        self.events = Events(database)
        self.leases = Leases(database)
        self.moves = Moves(database)
        self.names_moves = NamesMoves(database)
        self.schedules = Schedules(database)
        self.drafts = Drafts(database)
        self.audit = Audit(database)
        self.durations = Durations(database)
        self.archive = Archive(database)
        self.identities = Identities(database)

    def living_at(self, provider: str) -> list[Deployment]:
        """Every deployment that has a side there, also one that is kept after a move."""
        return [one for one in self.deployments.all() if provider in self.sides(one)]

    def sides(self, deployment: Deployment) -> set[str]:
        """The providers at which something of it is."""
        resources = self.resources.of(deployment.id)
        servers = self.name_servers(deployment.id)
        names = servers.all if servers else ()
        return {deployment.provider, *names, *(resource.provider for resource in resources)}

    def name_servers(self, deployment: str) -> NameServers | None:
        """Where its names are; None before it has any."""
        if move := self.names_moves.of(deployment):
            return move.servers
        at = self.resources.names_at(deployment)
        return NameServers(at=at) if at else None

    @classmethod
    def open(cls, paths: Paths, url: str | None = None) -> Inventory:
        """Open and bring up to date. Unsafe for a database of a newer Homeport."""
        database = open_database(url or database_url(paths.ensure()))
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        self.database.close()
