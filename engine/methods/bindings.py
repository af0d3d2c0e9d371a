"""What the placeholders of a package stand for, in one deployment on one guest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from engine.catalog.placeholders import SECRET
from engine.errors import InvalidInput
from engine.methods import mariadb, postgresql, redis
from engine.methods.place import Place
from engine.public import PublicEndpoint


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
    }
    if password_file:
        values["password_file"] = password_file
    needed = app.package.needs.components
    if "postgresql" in needed:
        database = postgresql.Database.of(app.package.id)
        values |= {
            "postgresql.host": facts.loopback,
            "postgresql.port": postgresql.PORT,
            "postgresql.database": database.name,
            "postgresql.username": database.username,
        }
    if "mariadb" in needed:
        own = mariadb.Database.of(app.package.id)
        values |= {
            "mariadb.host": facts.loopback,
            "mariadb.port": mariadb.PORT,
            "mariadb.database": own.name,
            "mariadb.username": own.username,
        }
    if "redis" in needed:
        values |= {"redis.host": facts.loopback, "redis.port": redis.PORT}
    return PlaceBindings(values, app.read_secret)
