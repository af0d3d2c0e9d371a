"""The guided setup of a database server."""

from __future__ import annotations

from engine.backends.databases.settings import MariaSettings, PostgresSettings
from engine.backends.setup import DriverSetup

POSTGRESQL = DriverSetup("A PostgreSQL server", PostgresSettings)
MARIADB = DriverSetup("A MariaDB server", MariaSettings)
