"""The small tables: installation, providers, drafts, audit trail, durations of steps."""

from __future__ import annotations

import getpass
import json
import secrets
import statistics
import string
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import NotFound
from engine.inventory import schema
from engine.inventory.database import Database
from engine.model.provider import ProviderProfile

_ALPHABET = string.ascii_lowercase + string.digits
_DURATIONS_KEPT = 20


class Installation:
    def __init__(self, database: Database) -> None:
        self._database = database

    def id(self) -> str:
        """Eight characters that tell this installation's marks from others'; made once."""
        query = sa.select(schema.installation.c.id).order_by(schema.installation.c.created)
        with self._database.read() as connection:
            if found := connection.execute(query).scalar():
                return str(found)
        with self._database.write() as connection:
            if found := connection.execute(query).scalar():
                return str(found)
            made = "".join(secrets.choice(_ALPHABET) for _ in range(8))
            connection.execute(schema.installation.insert().values(id=made, created=_now()))
            return made


class Providers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[ProviderProfile]:
        query = sa.select(schema.providers.c.profile).order_by(schema.providers.c.name)
        with self._database.read() as connection:
            return [ProviderProfile.model_validate_json(text) for text in connection.scalars(query)]

    def get(self, name: str) -> ProviderProfile:
        """NotFound, naming what there is."""
        table = schema.providers
        with self._database.read() as connection:
            query = sa.select(table.c.profile).where(table.c.name == name)
            if text := connection.execute(query).scalar():
                return ProviderProfile.model_validate_json(text)
            known = list(connection.scalars(sa.select(table.c.name).order_by(table.c.name)))
        raise NotFound(
            what="there is no such provider",
            on=name,
            why=f"there are: {', '.join(known)}" if known else "no provider is set up yet",
            do="Run `homeport providers` to see them all, or `homeport lab up` for the lab's.",
        )

    def save(self, profile: ProviderProfile) -> None:
        table = schema.providers
        row = {"profile": profile.model_dump_json(), "changed": _now()}
        with self._database.write() as connection:
            update = table.update().where(table.c.name == profile.name).values(**row)
            if connection.execute(update).rowcount == 0:
                connection.execute(table.insert().values(name=profile.name, **row))

    def remove(self, name: str) -> None:
        with self._database.write() as connection:
            connection.execute(schema.providers.delete().where(schema.providers.c.name == name))


class Drafts:
    """Forms that somebody left before they were done; they hold no secrets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, key: str, document: Mapping[str, Any]) -> None:
        row = {"document": json.dumps(dict(document)), "changed": _now()}
        table = schema.drafts
        with self._database.write() as connection:
            update = table.update().where(table.c.key == key).values(**row)
            if connection.execute(update).rowcount == 0:
                connection.execute(table.insert().values(key=key, **row))

    def get(self, key: str) -> dict[str, Any] | None:
        query = sa.select(schema.drafts.c.document).where(schema.drafts.c.key == key)
        with self._database.read() as connection:
            text = connection.execute(query).scalar()
        return dict(json.loads(text)) if text is not None else None

    def keys(self, prefix: str) -> list[str]:
        """Of all drafts whose key begins so, sorted."""
        query = sa.select(schema.drafts.c.key).order_by(schema.drafts.c.key)
        with self._database.read() as connection:
            return [key for key in connection.scalars(query) if key.startswith(prefix)]

    def drop(self, key: str) -> None:
        with self._database.write() as connection:
            connection.execute(schema.drafts.delete().where(schema.drafts.c.key == key))


class Audit:
    """Who did what, when; only ever appended to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, what: str, detail: str = "") -> None:
        row = {"at": _now(), "who": _who(), "what": what, "detail": detail}
        with self._database.write() as connection:
            connection.execute(schema.audit.insert().values(**row))

    def last(self, what: str) -> datetime | None:
        """When this was recorded last; None where it never was."""
        query = sa.select(sa.func.max(schema.audit.c.at)).where(schema.audit.c.what == what)
        with self._database.read() as connection:
            at = connection.scalar(query)
        return datetime.fromisoformat(at) if at else None

    def entries(self, limit: int = 1000) -> list[dict[str, str]]:
        """Newest first: at, who, what, detail."""
        query = sa.select(schema.audit).order_by(schema.audit.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [
                {name: row[name] for name in ("at", "who", "what", "detail")}
                for row in connection.execute(query).mappings()
            ]


class Durations:
    """How long steps took, so that a plan can say what to expect."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, kind: str, application: str, seconds: float) -> None:
        with self._database.write() as connection:
            self.record_with(connection, kind, application, seconds)

    def record_with(
        self, connection: sa.Connection, kind: str, application: str, seconds: float
    ) -> None:
        """In the caller's transaction."""
        table = schema.step_durations
        same = (table.c.kind == kind, table.c.application == application)
        connection.execute(
            table.insert().values(kind=kind, application=application, seconds=seconds)
        )
        kept = sa.select(table.c.id).where(*same).order_by(table.c.id.desc())
        connection.execute(
            table.delete().where(*same, table.c.id.not_in(kept.limit(_DURATIONS_KEPT)))
        )

    def expected(self, application: str) -> dict[str, float]:
        """Median seconds by step kind, for those that ran before."""
        table = schema.step_durations
        query = sa.select(table.c.kind, table.c.seconds).where(table.c.application == application)
        seen: defaultdict[str, list[float]] = defaultdict(list)
        with self._database.read() as connection:
            for kind, seconds in connection.execute(query):
                seen[kind].append(seconds)
        return {kind: round(statistics.median(found), 2) for kind, found in seen.items()}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
