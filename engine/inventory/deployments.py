"""Deployments and their resources, as the inventory keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import Conflict, NotFound
from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.deployment import (
    Deployment,
    DeploymentStatus,
    Health,
    HealthReport,
    Resource,
    ResourceKind,
)
from engine.model.record import RecordSet

_GONE = DeploymentStatus.DESTROYED
_DOCUMENTS = ("values", "records")


class Deployments:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, deployment: Deployment, connection: sa.Connection) -> None:
        """Within the transaction that records its first operation.

        Conflict where the name or the domain is taken.
        """
        row = deployment.model_dump(mode="json")
        row |= {name: json.dumps(row[name]) for name in _DOCUMENTS}
        try:
            connection.execute(
                schema.deployments.insert().values(
                    **row, live_name=deployment.name, live_domain=deployment.domain
                )
            )
        except sa.exc.IntegrityError:
            raise Conflict(
                what="the name or the domain was taken in the meantime",
                on=f"{deployment.name}, {deployment.domain}",
                why="another deployment of this installation uses it",
                left="nothing was changed",
                do="Choose another name or domain and plan again.",
            ) from None

    def all(self, *, destroyed: bool = False) -> list[Deployment]:
        """By name; destroyed ones only where asked for."""
        table = schema.deployments
        query = sa.select(table).order_by(table.c.name, table.c.created)
        if not destroyed:
            query = query.where(table.c.status != _GONE)
        with self._database.read() as connection:
            return [_deployment(row) for row in connection.execute(query).mappings()]

    def count(self) -> int:
        """How many there ever were."""
        with self._database.read() as connection:
            query = sa.select(sa.func.count()).select_from(schema.deployments)
            return int(connection.execute(query).scalar_one())

    def get(self, name: str) -> Deployment:
        """By name or id; a destroyed one only by its id. NotFound, naming what there is."""
        table = schema.deployments
        wanted = sa.or_(table.c.live_name == name, table.c.id == name)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(table).where(wanted)).mappings().all()
            if not rows:
                known = connection.execute(
                    sa.select(table.c.live_name).where(table.c.live_name.is_not(None))
                ).scalars()
                names = ", ".join(sorted(known))
                raise NotFound(
                    what="there is no such deployment",
                    on=name,
                    why=f"there are: {names}" if names else "nothing is deployed yet",
                    do="Run `homeport list` to see every deployment.",
                )
        return _deployment(next((row for row in rows if row["live_name"] == name), rows[0]))

    def change(
        self,
        deployment: str,
        *,
        status: DeploymentStatus,
        values: Mapping[str, Any] | None = None,
        release: str | None = None,
        provider: str | None = None,
        records: Sequence[RecordSet] | None = None,
        connection: sa.Connection | None = None,
    ) -> bool:
        """Set the status, and what else is given; in the caller's transaction if any.

        False where there is no such deployment.
        """
        table = schema.deployments
        row: dict[str, Any] = {"status": status.value, "changed": _now()}
        if values is not None:
            row["values"] = json.dumps(values)
        if records is not None:
            row["records"] = json.dumps([record.model_dump(mode="json") for record in records])
        if release is not None:
            row["release"] = release
        if provider is not None:
            row["provider"] = provider
        if status is _GONE:
            row |= {"live_name": None, "live_domain": None}
        statement = table.update().where(table.c.id == deployment).values(**row)
        if connection is not None:
            return connection.execute(statement).rowcount > 0
        with self._database.write() as own:
            return own.execute(statement).rowcount > 0

    def remember_health(self, deployment: str, report: HealthReport) -> None:
        row = {
            "deployment": deployment,
            "health": report.health.value,
            "at": report.at.isoformat(),
            "detail": report.detail,
        }
        with self._database.write() as connection:
            connection.execute(
                schema.health.delete().where(schema.health.c.deployment == deployment)
            )
            connection.execute(schema.health.insert().values(**row))

    def health(self, deployment: str | None = None) -> dict[str, HealthReport]:
        """The last remembered answer by deployment id; of one, or of all that were asked."""
        query = sa.select(schema.health)
        if deployment is not None:
            query = query.where(schema.health.c.deployment == deployment)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return {
                row["deployment"]: HealthReport(
                    health=Health(row["health"]), at=row["at"], detail=row["detail"]
                )
                for row in rows
            }


class Resources:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, deployment: str) -> list[Resource]:
        table = schema.resources
        query = sa.select(table).where(table.c.deployment == deployment)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.created, table.c.kind)).mappings()
            return [_resource(row) for row in rows]

    def addresses(self, deployment: str | None = None) -> dict[str, str]:
        """Addresses by deployment id, where it lives; of one, or of all that have one."""
        table, homes = schema.resources, schema.deployments
        lives = (table.c.deployment == homes.c.id) & (table.c.provider == homes.c.provider)
        query = sa.select(table.c.deployment, table.c.external_id).join(homes, lives)
        query = query.where(table.c.kind == ResourceKind.ADDRESS.value)
        if deployment is not None:
            query = query.where(table.c.deployment == deployment)
        with self._database.read() as connection:
            return {row.deployment: row.external_id for row in connection.execute(query)}

    def get(self, deployment: str, provider: str, kind: ResourceKind, key: str) -> Resource | None:
        with self._database.read() as connection:
            query = sa.select(schema.resources).where(*_is(deployment, provider, kind, key))
            row = connection.execute(query).mappings().first()
        return _resource(row) if row else None

    def remember(self, resource: Resource) -> None:
        """Write it, or write it again; the time of the first write stays."""
        where = _is(resource.deployment, resource.provider, resource.kind, resource.key)
        fresh = {
            "external_id": resource.external_id,
            "attributes": json.dumps(resource.attributes),
        }
        with self._database.write() as connection:
            update = schema.resources.update().where(*where).values(**fresh)
            if connection.execute(update).rowcount == 0:
                row = resource.model_dump(mode="json") | fresh
                connection.execute(schema.resources.insert().values(**row))

    def forget(self, deployment: str, provider: str, kind: ResourceKind, key: str) -> None:
        gone = schema.resources.delete().where(*_is(deployment, provider, kind, key))
        with self._database.write() as connection:
            connection.execute(gone)

    def names_at(self, deployment: str) -> str | None:
        """A provider whose zone holds the deployment's names; the only one unless they move.
        None before it has a name."""
        table = schema.resources
        query = sa.select(table.c.provider).where(
            table.c.deployment == deployment, table.c.kind == ResourceKind.RECORD.value
        )
        with self._database.read() as connection:
            found: str | None = connection.execute(query.limit(1)).scalar()
        return found


def _is(
    deployment: str, provider: str, kind: ResourceKind, key: str
) -> Sequence[sa.ColumnElement[bool]]:
    table = schema.resources
    return (
        table.c.deployment == deployment,
        table.c.provider == provider,
        table.c.kind == kind.value,
        table.c.key == key,
    )


def _deployment(row: sa.RowMapping) -> Deployment:
    fields = {name: row[name] for name in Deployment.model_fields}
    return Deployment.model_validate(fields | {key: json.loads(row[key]) for key in _DOCUMENTS})


def _resource(row: sa.RowMapping) -> Resource:
    return Resource.model_validate(dict(row) | {"attributes": json.loads(row["attributes"])})


def _now() -> str:
    return datetime.now(UTC).isoformat()
