"""How a database and its role say whose they are."""

from __future__ import annotations

from engine.backends.databases.settings import NAME
from engine.errors import InvalidInput

PREFIX = "hp_"
"""Of the names of databases and roles that Homeport makes."""
LEFT = "nothing was changed"


def mark_of(owner: str, provider: str) -> str:
    """Two providers may share one server, and a deployment that moves is at both."""
    return f"homeport: {owner} at {provider}"


def checked(name: str) -> str:
    """The name. InvalidInput for one that would have to be quoted."""
    if not NAME.fullmatch(name):
        raise InvalidInput("this cannot name a database", on=name, left=LEFT)
    return name
