"""The connection check of a PostgreSQL server: what is missing, and the line that mends it."""

from __future__ import annotations

from engine.backends.databases.postgresql.rights import granting
from engine.backends.databases.postgresql.session import Connection, Session
from engine.model.provider import Check, CheckStatus

_OLDEST = 15
"""Before it, everybody may make tables in the schema `public` of every new database."""
_FEW = 10
_STATE = """
SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version'),
       rolsuper, rolcreatedb, rolcreaterole, pg_is_in_recovery(),
       current_setting('max_connections')::int - (SELECT count(*) FROM pg_stat_activity
         WHERE backend_type = 'client backend')
  FROM pg_roles WHERE rolname = current_user"""
_OPEN = """
SELECT datname FROM pg_database
 WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres'
   AND has_database_privilege('public', oid, 'CONNECT') ORDER BY 1"""


def check_postgresql(session: Session) -> list[Check]:
    """It answers, is the one that writes, lets the role make databases and roles, and has
    connections to spare. Makes nothing."""
    with session.open("the server's state", writes=False) as connection:
        found = connection.execute(_STATE).fetchone()
        assert found is not None
        major, version, superuser, createdb, createrole, standby, free = found
        return [
            _version(session, major, version, standby=standby),
            _rights(session.settings.user, superuser, createdb, createrole),
            _room(free),
            *_open_databases(connection),
        ]


def _version(session: Session, major: int, version: str, *, standby: bool) -> Check:
    title = "PostgreSQL answers"
    found = f"version {version.split()[0]} at {session.settings.address}"
    if standby:
        do = "Name the primary in the provider's settings; this one cannot be written to."
        return _line(title, CheckStatus.FAIL, f"{found}, a standby", do)
    if major < _OLDEST:
        do = f"Homeport is tested with PostgreSQL {_OLDEST} and newer; update the server."
        return _line(title, CheckStatus.WARN, found, do)
    return _line(title, CheckStatus.PASS, found)


def _rights(user: str, superuser: bool, createdb: bool, createrole: bool) -> Check:
    title = f"Rights of the role {user}"
    if superuser:
        do = f'It needs less: ALTER ROLE "{user}" NOSUPERUSER CREATEDB CREATEROLE;'
        return _line(title, CheckStatus.WARN, "it is a superuser", do)
    held = {"CREATEDB": createdb, "CREATEROLE": createrole}
    lacking = [right for right, has in held.items() if not has]
    if lacking:
        do = "As a superuser:\n" + "\n".join(granting(user, right) for right in lacking)
        return _line(title, CheckStatus.FAIL, f"it lacks {' and '.join(lacking)}", do)
    return _line(title, CheckStatus.PASS, " and ".join(held))


def _room(free: int) -> Check:
    title = "Connections that are free"
    if free < _FEW:
        do = "Raise max_connections: every application holds several."
        return _line(title, CheckStatus.WARN, f"{max(free, 0)}", do)
    return _line(title, CheckStatus.PASS, f"{free}")


def _open_databases(connection: Connection) -> list[Check]:
    names = [str(row[0]) for row in connection.execute(_OPEN)]
    if not names:
        return []
    shown = ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")
    do = "\n".join(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC;' for name in names[:5])
    found = f"every role on the server, an application's too, may connect to {shown}"
    return [_line("Databases of others", CheckStatus.WARN, found, f"If that is not meant:\n{do}")]


def _line(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service="databases", title=title, status=status, found=found, do=do)
