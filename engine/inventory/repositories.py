"""The repositories that the user set up. What is in them, they say themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from engine.errors import NotFound
from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.repository import RepositoryProfile


class Repositories:
    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[RepositoryProfile]:
        """By name."""
        query = sa.select(schema.repositories.c.profile).order_by(schema.repositories.c.name)
        with self._database.read() as connection:
            return [
                RepositoryProfile.model_validate_json(text) for text in connection.scalars(query)
            ]

    def get(self, name: str) -> RepositoryProfile:
        """NotFound, naming what there is."""
        found = self.all()
        for profile in found:
            if profile.name == name:
                return profile
        names = ", ".join(profile.name for profile in found)
        raise NotFound(
            what="there is no such repository",
            on=name,
            why=f"there are: {names}" if names else "none is set up yet",
            do="Set one up: homeport repositories add NAME --path DIRECTORY",
        )

    def save(self, profile: RepositoryProfile) -> None:
        table = schema.repositories
        row = {"profile": profile.model_dump_json(), "changed": datetime.now(UTC).isoformat()}
        with self._database.write() as connection:
            update = table.update().where(table.c.name == profile.name).values(**row)
            if connection.execute(update).rowcount == 0:
                connection.execute(table.insert().values(name=profile.name, **row))

    def remove(self, name: str) -> None:
        table = schema.repositories
        with self._database.write() as connection:
            connection.execute(table.delete().where(table.c.name == name))
