"""What Homeport's role may do on a PostgreSQL server: the least that it needs, to paste."""

from __future__ import annotations

from engine.backends.databases.settings import PostgresSettings


def set_up_script(settings: PostgresSettings) -> str:
    """For psql, as a superuser. The password is asked for and not shown."""
    return (
        f'CREATE ROLE "{settings.user}" LOGIN CREATEDB CREATEROLE;\n'
        f'GRANT CONNECT ON DATABASE "{settings.database}" TO "{settings.user}";\n'
        f'\\password "{settings.user}"'
    )


def granting(user: str, right: str) -> str:
    """right: "CREATEDB" or "CREATEROLE"."""
    return f'ALTER ROLE "{user}" {right};'
