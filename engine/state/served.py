"""Databases on a server of the provider, as their programs on the guest reach them: by the role
that they belong to, which may do nothing beside them."""

from __future__ import annotations

from typing import Any

from engine.methods.bindings import authority_file
from engine.state.protocols import Ground, Side


def is_served(component: str, *sides: Side) -> bool:
    """Is it on a server of the provider, at any of them?"""
    return any(component in side.ground.place.app.databases for side in sides)


def login_of(component: str, ground: Ground) -> dict[str, Any] | None:
    """For a program's task; None where the server is the guest's own."""
    place = ground.place
    access = place.app.databases.get(component)
    if access is None:
        return None
    return {
        "host": access.host,
        "port": access.port,
        "password": place.app.read_secret(f"{component}-password"),
        "ssl_mode": access.ssl_mode,
        "ca_file": authority_file(place, component, access),
    }
