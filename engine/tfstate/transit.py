"""Closing and opening pieces of a state by OpenBao's transit engine; the key never leaves it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from hvac import exceptions

from engine.backends.secrets.openbao.refusals import explain
from engine.backends.secrets.openbao.session import Session
from engine.errors import NotReady
from engine.tfstate import refusals


class NotOpened(Exception):
    """It was changed, or closed for another place."""


class Transit:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._settings = session.settings

    def close(self, content: bytes, bound: bytes) -> str:
        """bound: the place for which it is closed; it opens nowhere else."""
        text = base64.b64encode(content).decode()
        return self._ask("plaintext", text, bound, "encrypt_data", "ciphertext")

    def open(self, sealed: str, bound: bytes) -> bytes:
        """NotOpened where it was not closed for this place."""
        try:
            text = self._ask("ciphertext", sealed, bound, "decrypt_data", "plaintext")
        except (exceptions.InvalidRequest, exceptions.InvalidPath):
            raise NotOpened from None
        return base64.b64decode(text)

    def _ask(self, given: str, value: str, bound: bytes, verb: str, wanted: str) -> str:
        settings = self._settings
        on = f"{settings.transit_mount}/keys/{settings.transit_key} at {settings.host}"

        def ask(client: Any) -> str:
            method: Callable[..., Any] = getattr(client.secrets.transit, verb)
            answer = method(
                settings.transit_key,
                associated_data=base64.b64encode(bound).decode(),
                mount_point=settings.transit_mount,
                **{given: value},
            )
            return str(answer["data"][wanted])

        try:
            return refusals.call(self._session, on, ask)
        except (exceptions.InvalidRequest, exceptions.InvalidPath) as error:
            if "key not found" in str(error):
                raise refusals.no_key(settings, on) from None
            if verb == "decrypt_data":
                raise
            raise explain(error, settings, on) from None
        except NotReady:
            raise refusals.no_transit(settings, on) from None
