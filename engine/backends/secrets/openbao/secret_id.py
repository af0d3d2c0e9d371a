"""The secret id by which Homeport logs in: as it lies in the installation's own store, or
unwrapped from the token that its maker handed over.

A wrapping token opens once. One that does not open any more was opened by somebody else, or is
too old, and its maker must be told: that is what wrapping is for.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import hvac
from hvac import exceptions

from engine.backends.registry import BackendEnvironment
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.errors import HomeportError, Unsafe
from engine.private_files import exclusive

_WRAPPING_TOKEN = re.compile(r"(s|hvs)\.[A-Za-z0-9_.-]{8,}")

OpenClient = Callable[[str], hvac.Client]
"""A client with this token."""


class SecretId:
    def __init__(self, settings: OpenBaoSettings, environment: BackendEnvironment) -> None:
        self._settings = settings
        self._environment = environment

    def read(self, open_client: OpenClient) -> str:
        """Unwrapped where need be, by one process only. Unsafe where that cannot be."""
        value = self._stored()
        if not _WRAPPING_TOKEN.fullmatch(value):
            return value
        name = self._environment.provider.name
        with exclusive(self._environment.paths.state / "secrets" / f"unwrapping-{name}.lock"):
            value = self._stored()
            if not _WRAPPING_TOKEN.fullmatch(value):
                return value
            secret_id = self._unwrap(open_client(value), value)
            self._environment.write_secret(self._settings.secret_id_ref, secret_id)
            return secret_id

    def _stored(self) -> str:
        return self._environment.read_secret(self._settings.secret_id_ref).strip()

    def _unwrap(self, client: hvac.Client, token: str) -> str:
        """Looked at before it is opened: a token that somebody slipped in wraps something else."""
        role = f"auth/{self._settings.auth_mount}/role/"
        try:
            made_by = str(
                client.adapter.post("/v1/sys/wrapping/lookup", json={"token": token})["data"][
                    "creation_path"
                ]
            )
            if not (role in made_by and made_by.endswith("/secret-id")):
                raise self._suspicious(f"it wraps what came from {made_by}, not a secret id")
            return str(client.sys.unwrap()["data"]["secret_id"])
        except (exceptions.InvalidRequest, exceptions.Forbidden):
            raise self._suspicious("it was opened already, or its time has run out") from None

    def _suspicious(self, why: str) -> HomeportError:
        settings = self._settings
        return Unsafe(
            "the wrapped secret id is not to be trusted",
            on=f"{settings.secret_id_ref} for {settings.host}",
            why=why,
            left="nothing was logged in with it",
            do="If nobody let it lie for too long, somebody else may hold the secret id: look into "
            "OpenBao's audit log, destroy the role's secret ids there, make a new wrapped one, and "
            f"store it by homeport providers add. Role id: {settings.role_id}",
        )
