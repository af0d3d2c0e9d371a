"""What the state service may do in OpenBao, ready to paste: the least that it needs.

Its folder stands beside the one of Homeport's secrets, so that neither role opens the other's.
"""

from __future__ import annotations

from engine.backends.secrets.openbao.policy import ROLE, Right, rules
from engine.backends.secrets.openbao.settings import OpenBaoSettings


def folder(settings: OpenBaoSettings) -> str:
    return f"{settings.prefix}-state"


def state_rights(settings: OpenBaoSettings) -> tuple[Right, ...]:
    mount, transit, key = settings.mount, settings.transit_mount, settings.transit_key
    place = folder(settings)
    return (
        Right(f"{mount}/data/{place}/*", ("create", "read", "update"), "versions and locks"),
        Right(f"{mount}/metadata/{place}/*", ("list",), "listing them"),
        Right(f"{mount}/metadata/{place}", ("list",), "listing them"),
        Right(f"{transit}/encrypt/{key}", ("update",), "closing a state"),
        Right(f"{transit}/decrypt/{key}", ("update",), "opening a state"),
    )


def state_policy(settings: OpenBaoSettings) -> str:
    return rules(state_rights(settings))


def commands(settings: OpenBaoSettings) -> str:
    """Shell commands for an administrator of OpenBao: the key, and the rights over it."""
    where = f"export BAO_ADDR={settings.url.rstrip('/')}\n"
    if settings.namespace:
        where += f"export BAO_NAMESPACE={settings.namespace}\n"
    transit, key = settings.transit_mount, settings.transit_key
    role = f"auth/{settings.auth_mount}/role/{ROLE}"
    return (
        "# Homeport's state service, with the least rights; as an administrator of OpenBao\n"
        f"{where}"
        f"bao secrets enable -path={transit} transit   # unless it is there already\n"
        f"bao write -f {transit}/keys/{key}\n"
        f"bao policy write {ROLE}-state - <<'END'\n{state_policy(settings)}\nEND\n"
        f"bao write {role} token_policies={ROLE},{ROLE}-state\n"
    )
