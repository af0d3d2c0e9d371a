"""Databases on a PostgreSQL server that OpenTofu makes and looks after.

The mark of a role is a comment, which the plug-in does not know; so Homeport makes the role with
its mark, in one transaction and without a login, and OpenTofu takes it over by an `import` and
makes the database that belongs to it. A role without its mark would be nobody's if the run was
killed in between.

Not declared are the role's password, which belongs to the secrets of the deployment, and whether it
may log in: a move shuts the role of its source for good.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.backends.databases.postgresql.service import PostgresDatabases
from engine.backends.databases.settings import PostgresSettings
from engine.backends.infrastructure.opentofu.declaring import Declared, Declaring, named_for
from engine.backends.infrastructure.opentofu.documents import AUTHORITIES
from engine.backends.infrastructure.opentofu.parts import (
    DATABASE,
    Plugin,
    Resource,
    Secret,
    label,
    reference,
)
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.protocols import DeclaredChange, Progress, Wanted

ROLE, BASE, GRANT = DATABASE.kinds
_VARIABLE = "postgresql_password"


def plugin(
    settings: OpenTofuSettings, server: PostgresSettings, password: Callable[[], str]
) -> Plugin:
    secret = Secret(f"Password of {server.user} at {server.address}.", "<the password>", password)
    trust = {"sslrootcert": f"${{path.root}}/{AUTHORITIES}"} if server.ca_pem else {}
    configuration = {
        "host": server.host,
        "port": server.port,
        "database": server.database,
        "username": server.user,
        "password": reference(_VARIABLE),
        "superuser": False,
        "sslmode": server.ssl_mode,
        **trust,
    }
    return Plugin(
        "postgresql",
        settings.postgresql_source,
        settings.postgresql_version,
        configuration,
        {_VARIABLE: secret},
        server.ca_pem,
    )


def resources(name: str, *, has_role: bool, has_database: bool) -> list[Resource]:
    """As the back-end for PostgreSQL makes them."""
    stays = {"prevent_destroy": True}
    role = {"name": name, "login": True, "lifecycle": {**stays, "ignore_changes": ["login"]}}
    base = {
        "name": name,
        "owner": f"${{{ROLE}.{label(name)}.name}}",
        "template": "template0",
        "encoding": "UTF8",
        "lc_collate": "C",
        "lc_ctype": "C",
        "lifecycle": stays,
    }
    nobody = {
        "database": f"${{{BASE}.{label(name)}.name}}",
        "role": "public",
        "object_type": "database",
        "privileges": [],
    }
    return [
        Resource(ROLE, label(name), role, name, name, has_role),
        Resource(BASE, label(name), base, name, name, has_database),
        Resource(GRANT, label(name), nobody),
    ]


class DeclaredDatabases(Declared, PostgresDatabases):
    """The protocols `Databases` and `Declares`."""

    def __init__(self, native: PostgresDatabases, declaring: Declaring) -> None:
        Declared.__init__(self, native, declaring)
        PostgresDatabases.__init__(self, native.session, native.provider)

    # Declares

    def preview(
        self, owner: str, name: str, wanted: Wanted, progress: Progress
    ) -> list[DeclaredChange]:
        found = []
        if isinstance(wanted, str):
            has_role, has_database = self.standing(owner, wanted)
            found = resources(wanted, has_role=has_role, has_database=has_database)
        return self._declaring.preview(owner, name, found, progress)

    # Databases

    def ensure(self, owner: str, name: str, password: str) -> bool:
        def want() -> list[Resource]:
            return resources(name, has_role=True, has_database=self.reserve(owner, name))

        plan = self._declaring.apply(owner, want, named_for(owner), self._declaring.progress)
        return super().ensure(owner, name, password) or plan.made(BASE)

    def drop(self, owner: str) -> bool:
        owns, progress = named_for(owner), self._declaring.progress
        if self._declaring.may_remove(owner, owns, ROLE):
            for one in self._declaring.known(owner, owns):
                if one.kind == ROLE:
                    self.standing(owner, one.name)  # refuses another's
                    self.set_login(owner, one.name, allowed=False)
        dropped = self._declaring.withdraw(owner, owns, progress)
        dropped = super().drop(owner) or dropped
        self._declaring.clear(owner, progress)
        return dropped
