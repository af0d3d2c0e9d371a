"""Policies in OpenBao's own language, ready to paste: the least that Homeport needs, and what
one deployment may read.

Everything that goes into a policy was checked as a setting or is an id that Homeport made, so
nothing in it can break out of its quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.backends.secrets.openbao.settings import OpenBaoSettings

ROLE = "homeport"


@dataclass(frozen=True)
class Right:
    """path: as `sys/capabilities-self` takes it, "*" for all below."""

    path: str
    capabilities: tuple[str, ...]
    why: str


def own_rights(settings: OpenBaoSettings) -> tuple[Right, ...]:
    """What Homeport's own role needs, and for what."""
    mount, prefix = settings.mount, settings.prefix
    return (
        Right(f"{mount}/data/{prefix}/*", ("create", "read", "update"), "values, with every write"),
        Right(
            f"{mount}/metadata/{prefix}/*",
            ("create", "read", "update", "list", "delete"),
            "who owns a value and what it is for; finding and removing them",
        ),
        Right(f"{mount}/metadata/{prefix}", ("list",), "finding them"),
    )


def own_policy(settings: OpenBaoSettings) -> str:
    return rules(own_rights(settings))


def rules(rights: tuple[Right, ...]) -> str:
    return "\n".join(_rule(right) for right in rights)


def deployment_policy(settings: OpenBaoSettings, deployment: str) -> str:
    """Reading the values of one deployment, and nothing else."""
    place = f"{settings.prefix}/deployments/{deployment}"
    return rules(
        (
            Right(f"{settings.mount}/data/{place}/*", ("read",), ""),
            Right(f"{settings.mount}/metadata/{place}/*", ("list",), ""),
            Right(f"{settings.mount}/metadata/{place}", ("list",), ""),
        )
    )


def reading_policy(settings: OpenBaoSettings, paths: Iterable[str]) -> str:
    """Reading the values at these paths, and nothing else."""
    places = (f"{settings.mount}/data/{settings.prefix}/{path}" for path in sorted(paths))
    return "\n".join(_rule(Right(place, ("read",), "")) for place in places)


def commands(settings: OpenBaoSettings, deployments: Mapping[str, str]) -> str:
    """Shell commands for somebody with rights over OpenBao: Homeport's role, and a policy for
    each deployment (id -> name)."""
    where = f"export BAO_ADDR={settings.url.rstrip('/')}\n"
    if settings.namespace:
        where += f"export BAO_NAMESPACE={settings.namespace}\n"
    auth = settings.auth_mount
    text = (
        f"# Homeport's own role, with the least rights; run as an administrator of OpenBao\n{where}"
        f"bao secrets enable -path={settings.mount} -version=2 kv   # unless it is there already\n"
        f"bao auth enable -path={auth} approle   # unless it is there already\n"
        f"bao policy write {ROLE} - <<'END'\n{own_policy(settings)}\nEND\n"
        f"bao write auth/{auth}/role/{ROLE} token_policies={ROLE} token_ttl=20m token_max_ttl=4h\n"
        f"bao read -field=role_id auth/{auth}/role/{ROLE}/role-id   # 'role_id' of the settings\n"
        f"bao write -f -wrap-ttl=30m -field=wrapping_token auth/{auth}/role/{ROLE}/secret-id\n"
        "#   give this token to Homeport within 30 minutes; it can be used only once\n"
    )
    for deployment, name in sorted(deployments.items(), key=lambda item: item[1]):
        text += (
            f"\n# {name}: reads its own secrets and nothing else\n"
            f"bao policy write {ROLE}-{deployment} - <<'END'\n"
            f"{deployment_policy(settings, deployment)}\nEND\n"
        )
    return text


def missing(rights: tuple[Right, ...], granted: Mapping[str, list[str]]) -> list[Right]:
    """What is not granted, of what is needed; granted: path -> capabilities."""
    lacking = []
    for right in rights:
        has = granted.get(right.path, [])
        if "root" not in has and (gone := [c for c in right.capabilities if c not in has]):
            lacking.append(Right(right.path, tuple(gone), right.why))
    return lacking


def _rule(right: Right) -> str:
    listed = ", ".join(f'"{capability}"' for capability in right.capabilities)
    return f'path "{right.path}" {{ capabilities = [{listed}] }}'
