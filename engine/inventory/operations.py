"""Operations: which run, who runs them, and how they ended.

Status changes are conditional updates, so that an interface that cancels and a worker that
finishes cannot both win.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import Busy, Conflict, NotFound
from engine.inventory import schema
from engine.inventory.database import Alongside, Database
from engine.inventory.events import append_events
from engine.model.deployment import DeploymentStatus
from engine.model.events import OperationChanged
from engine.model.plan import Operation, OperationStatus, Plan

_table = schema.operations
_UNFINISHED = [status.value for status in OperationStatus if not status.is_final]
_ENDED_EARLY = [OperationStatus.FAILED.value, OperationStatus.CANCELLED.value]


class Operations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, plan: Plan, alongside: Alongside | None = None) -> Operation:
        """Record an operation that waits for a worker. Busy where another one is unfinished.

        `alongside` runs first: it makes the deployment of a first operation.
        """
        now = datetime.now(UTC)
        operation = Operation(
            id=secrets.token_hex(6), plan=plan, status=OperationStatus.WAITING, created=now
        )
        with self._holding(plan) as connection:
            before = _deployment_status(connection, plan.deployment)
            if alongside is not None:
                alongside(connection)
            connection.execute(
                _table.insert().values(
                    id=operation.id,
                    deployment=plan.deployment,
                    holds=plan.deployment,
                    plan=plan.model_dump_json(),
                    plan_hash=plan.hash,
                    status=operation.status.value,
                    attempt=1,
                    worker="",
                    status_before=before,
                    created=now.isoformat(),
                )
            )
            _say(connection, operation.id, OperationStatus.WAITING)
        return operation

    @contextmanager
    def _holding(self, plan: Plan) -> Iterator[sa.Connection]:
        """A transaction that takes hold of the plan's deployment; Busy where it is held."""
        try:
            with self._database.write() as connection:
                _refuse_if_held(connection, plan.deployment, plan.name)
                yield connection
        except sa.exc.IntegrityError:
            # On PostgreSQL another one may have taken hold since we looked.
            self.refuse_if_held(plan.deployment, plan.name)
            raise

    def refuse_if_held(self, deployment: str, name: str) -> None:
        """Busy while an unfinished operation holds the deployment."""
        with self._database.read() as connection:
            _refuse_if_held(connection, deployment, name)

    def get(self, operation_id: str) -> Operation:
        """By id or an unambiguous beginning of it; NotFound, Conflict."""
        query = sa.select(_table).where(_table.c.id.startswith(operation_id, autoescape=True))
        with self._database.read() as connection:
            rows = connection.execute(query.limit(2)).mappings().all() if operation_id else []
        if len(rows) == 1:
            return _operation(rows[0])
        if rows:
            raise Conflict(
                what="more than one operation begins like this",
                on=operation_id,
                do="Give more of the operation's id.",
            )
        raise NotFound(
            what="there is no such operation",
            on=operation_id,
            do="Run `homeport operations` to see them all.",
        )

    def all(self, deployment: str | None = None, limit: int = 500) -> list[Operation]:
        """Newest first."""
        query = sa.select(_table).order_by(_table.c.created.desc()).limit(limit)
        if deployment is not None:
            query = query.where(_table.c.deployment == deployment)
        with self._database.read() as connection:
            return [_operation(row) for row in connection.execute(query).mappings()]

    def unfinished(self, deployment: str | None = None) -> list[Operation]:
        """Oldest first; of one deployment, or all."""
        held = _table.c.holds.is_not(None) if deployment is None else _table.c.holds == deployment
        query = sa.select(_table).where(held)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_table.c.created)).mappings()
            return [_operation(row) for row in rows]

    def status(self, operation_id: str) -> OperationStatus:
        """Cheap: one column of one row."""
        query = sa.select(_table.c.status).where(_table.c.id == operation_id)
        with self._database.read() as connection:
            return OperationStatus(connection.execute(query).scalar_one())

    def status_before(self, operation_id: str) -> DeploymentStatus:
        """The deployment's status when the operation was begun."""
        query = sa.select(_table.c.status_before).where(_table.c.id == operation_id)
        with self._database.read() as connection:
            return DeploymentStatus(connection.execute(query).scalar_one())

    def claim(self, worker: str) -> list[tuple[str, int]]:
        """Take every waiting operation for this worker; (id, attempt) of all that it holds
        and that are not finished, taken now or by an earlier life of it."""
        mine = [_table.c.worker == worker, _table.c.status.in_(_UNFINISHED)]
        look = sa.select(_table.c.id, _table.c.attempt).order_by(_table.c.created)
        waiting = sa.select(_table.c.id).where(_table.c.worker == "", *mine[1:]).limit(1)
        with self._database.read() as connection:
            if connection.execute(waiting).first() is None:
                return [(row.id, row.attempt) for row in connection.execute(look.where(*mine))]
        with self._database.write() as connection:
            connection.execute(
                _table.update().where(_table.c.worker == "", *mine[1:]).values(worker=worker)
            )
            return [(row.id, row.attempt) for row in connection.execute(look.where(*mine))]

    def started(self, operation_id: str) -> None:
        """From waiting to running; anything else is left as it is."""
        where = (_table.c.id == operation_id, _table.c.status == OperationStatus.WAITING.value)
        values = {
            "status": OperationStatus.RUNNING.value,
            "started": sa.func.coalesce(_table.c.started, datetime.now(UTC).isoformat()),
        }
        with self._database.write() as connection:
            if connection.execute(_table.update().where(*where).values(**values)).rowcount:
                _say(connection, operation_id, OperationStatus.RUNNING)

    def ask_to_stop(self, operation_id: str) -> bool:
        """Mark an unfinished operation as being cancelled; False where it is finished."""
        stoppable = [OperationStatus.WAITING.value, OperationStatus.RUNNING.value]
        where = (_table.c.id == operation_id, _table.c.status.in_(stoppable))
        values = {"status": OperationStatus.CANCELLING.value}
        with self._database.write() as connection:
            if not connection.execute(_table.update().where(*where).values(**values)).rowcount:
                return False
            _say(connection, operation_id, OperationStatus.CANCELLING)
            return True

    def end(
        self,
        operation_id: str,
        status: OperationStatus,
        error: Mapping[str, Any] | None = None,
        alongside: Alongside | None = None,
    ) -> None:
        """The outcome, once; a finished operation is left as it is."""
        where = (_table.c.id == operation_id, _table.c.status.in_(_UNFINISHED))
        values = {
            "status": status.value,
            "holds": None,
            "ended": datetime.now(UTC).isoformat(),
            "error": json.dumps(error) if error is not None else None,
        }
        with self._database.write() as connection:
            if not connection.execute(_table.update().where(*where).values(**values)).rowcount:
                return
            if alongside is not None:
                alongside(connection)
            _say(connection, operation_id, status, error)

    def begin_again(self, operation: Operation, alongside: Alongside | None = None) -> Operation:
        """A further attempt of a failed or cancelled operation. Busy, Conflict."""
        plan = operation.plan
        newest = (
            sa.select(_table.c.id)
            .where(_table.c.deployment == plan.deployment)
            .order_by(_table.c.created.desc())
            .limit(1)
        )
        where = (_table.c.id == operation.id, _table.c.status.in_(_ENDED_EARLY))
        values = {
            "status": OperationStatus.WAITING.value,
            "holds": plan.deployment,
            "worker": "",
            "attempt": operation.attempt + 1,
            "error": None,
            "ended": None,
        }
        with self._holding(plan) as connection:
            if connection.execute(newest).scalar() != operation.id:
                raise Conflict(
                    what="the operation cannot go on",
                    on=operation.id,
                    why=f"another operation ran on {plan.name} since",
                    left="nothing was changed",
                    do="Make a new plan: what this one was made from is no longer so.",
                )
            if connection.execute(_table.update().where(*where).values(**values)).rowcount:
                if alongside is not None:
                    alongside(connection)
                _say(connection, operation.id, OperationStatus.WAITING)
        return self.get(operation.id)


def _refuse_if_held(connection: sa.Connection, deployment: str, name: str) -> None:
    query = sa.select(_table.c.id).where(_table.c.holds == deployment)
    if holder := connection.execute(query).scalar():
        raise Busy(
            what="another operation holds this deployment",
            on=name,
            why=f"operation {holder} is not finished",
            left="nothing was changed",
            do=f"Wait for it (`homeport attach {holder}`) or cancel it "
            f"(`homeport cancel {holder}`).",
        )


def _deployment_status(connection: sa.Connection, deployment: str) -> str:
    query = sa.select(schema.deployments.c.status).where(schema.deployments.c.id == deployment)
    return str(connection.execute(query).scalar() or DeploymentStatus.PLANNED.value)


def _say(
    connection: sa.Connection,
    operation_id: str,
    status: OperationStatus,
    error: Mapping[str, Any] | None = None,
) -> None:
    event = OperationChanged(
        at=datetime.now(UTC), status=status, error=dict(error) if error is not None else None
    )
    append_events(connection, operation_id, [event])


def _operation(row: sa.RowMapping) -> Operation:
    return Operation(
        id=row["id"],
        plan=Plan.model_validate_json(row["plan"]),
        status=OperationStatus(row["status"]),
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        error=json.loads(row["error"]) if row["error"] else None,
        attempt=row["attempt"],
    )
