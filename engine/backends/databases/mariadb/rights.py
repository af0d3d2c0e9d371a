"""What Homeport's account may do on a MariaDB server: the least that it needs, to paste."""

from __future__ import annotations

from engine.backends.databases.mark import PREFIX
from engine.backends.databases.settings import MariaSettings

PATTERN = PREFIX.replace("_", "\\_") + "%"
"""As MariaDB writes the names of all databases that Homeport makes; others are out of reach."""
EVERYWHERE = ("CREATE USER", "CONNECTION ADMIN")
"""To make accounts, and to end the connections of one that must not write any more."""
READ = ("db", "global_priv")
"""Tables of the schema `mysql`: is an account of this name there, and what may it do?"""


def set_up_script(settings: MariaSettings) -> str:
    """For the client `mariadb`, as root."""
    user = settings.user
    lines = [f"CREATE USER '{user}'@'%' IDENTIFIED BY 'the password';", on_everything(user)]
    lines += [on_databases(user), *(reading(user, table) for table in READ)]
    return "\n".join(lines)


def on_everything(user: str) -> str:
    return f"GRANT {', '.join(EVERYWHERE)} ON *.* TO '{user}'@'%';"


def on_databases(user: str) -> str:
    return f"GRANT ALL PRIVILEGES ON `{PATTERN}`.* TO '{user}'@'%' WITH GRANT OPTION;"


def reading(user: str, table: str) -> str:
    return f"GRANT SELECT ON mysql.{table} TO '{user}'@'%';"
