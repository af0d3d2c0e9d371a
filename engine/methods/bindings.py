"""What the placeholders of a package stand for, in one deployment on one guest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from engine.backends.databases.settings import SYSTEM_AUTHORITIES
from engine.backends.protocols import DatabaseAccess
from engine.catalog.placeholders import SECRET
from engine.errors import InvalidInput
from engine.methods import mariadb, postgresql, rabbitmq, redis
from engine.methods.place import Place
from engine.public import PublicEndpoint

_SERVERS: Mapping[str, Any] = {"postgresql": postgresql, "mariadb": mariadb}
"""The modules of the database servers that a guest may have of its own."""


class PlaceBindings(Mapping[str, "str | int"]):
    """Values by placeholder. A secret is read when it is asked for, and not before."""

    def __init__(self, values: Mapping[str, str | int], read_secret: Callable[[str], str]) -> None:
        self._values = dict(values)
        self._read_secret = read_secret

    def __getitem__(self, name: str) -> str | int:
        if name.startswith(SECRET):
            return self._read_secret(name.removeprefix(SECRET))
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def authority_file(place: Place, component: str, access: DatabaseAccess) -> str:
    """On the guest: the authorities by which its application proves the server; empty where it
    does not have to."""
    if access.ssl_mode != "verify-full":
        return ""
    if not access.ca_pem:
        return SYSTEM_AUTHORITIES
    return f"{place.paths.config}/{component}-ca.pem"


def _on_guest(place: Place, component: str) -> DatabaseAccess:
    server = _SERVERS[component]
    own = server.Database.of(place.app.package.id)
    return DatabaseAccess(
        host=place.facts.loopback,
        port=server.PORT,
        database=own.name,
        username=own.username,
        ssl_mode="prefer",
    )


def account_name(place: Place) -> str:
    """User name of the first account: what was asked for, or the package's default."""
    accounts = place.app.package.accounts
    name = place.app.account or (accounts[0].username if accounts else "")
    if name.startswith("-") or any(ord(char) < 33 or ord(char) == 127 for char in name):
        raise InvalidInput(
            "this user name cannot be used",
            on=name,
            why="it starts with a dash, or has a space or a control character in it",
            do="Choose another name.",
        )
    return name


def bindings_of(place: Place, *, password_file: str = "") -> PlaceBindings:
    """All placeholders of `engine.catalog.package` that this deployment can fill."""
    app, facts, paths = place.app, place.facts, place.paths
    values: dict[str, str | int] = {
        "root": facts.root,
        "config": paths.config,
        "data": paths.data,
        "run": paths.run,
        "venv": paths.venv,
        "address": facts.loopback,
        "port": app.package.service.port,
        "domain": app.domain,
        "public_port": app.access.https_port,
        "url": PublicEndpoint(app.domain, app.access.https_port, (), None).url,
        "name": app.name,
        "account": account_name(place),
        "timers": " ".join(map(paths.timer, app.package.service.timers)),
    }
    if password_file:
        values["password_file"] = password_file
    needed = app.package.needs.components
    for component in set(needed) & _SERVERS.keys():
        access = app.databases.get(component) or _on_guest(place, component)
        values |= {
            f"{component}.host": access.host,
            f"{component}.port": access.port,
            f"{component}.database": access.database,
            f"{component}.username": access.username,
            f"{component}.ssl_mode": access.ssl_mode,
            f"{component}.ca_file": authority_file(place, component, access),
        }
    if "redis" in needed:
        values |= {"redis.host": facts.loopback, "redis.port": redis.PORT}
    if "rabbitmq" in needed:
        account = rabbitmq.Account.of(app.package.id)
        values |= {"rabbitmq.host": facts.loopback, "rabbitmq.port": rabbitmq.PORT}
        values |= {f"rabbitmq.{name}": value for name, value in asdict(account).items()}
    if app.bucket is not None:
        values |= {f"s3.{name}": value for name, value in asdict(app.bucket).items()}
    if app.relay is not None:
        values |= {f"smtp.{name}": value for name, value in asdict(app.relay).items()}
    return PlaceBindings(values, app.read_secret)
