"""NetBox's API through pynetbox, its errors as the engine's, in this one place.

pynetbox sets no time limit and takes authorities from the environment; the session that it is
given here does neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import pynetbox
import requests

from engine.backends.addresses.netbox.rights import set_up_script
from engine.backends.addresses.netbox.settings import NetBoxSettings
from engine.backends.trust import connection_refused, https_session, untrusted, why_unreached
from engine.errors import (
    Conflict,
    Denied,
    HomeportError,
    NoCapacity,
    NotFound,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
)

Answer = TypeVar("Answer")
NOTHING_CHANGED = "nothing was changed"


class NetBoxClient:
    """One NetBox. Not shared between threads."""

    def __init__(self, settings: NetBoxSettings, token: str) -> None:
        self.settings = settings
        self._token = token
        self.api = pynetbox.api(settings.url, token=token)
        self.api.http_session = https_session(settings)

    def read(self, on: str, ask: Callable[[Any], Answer]) -> Answer:
        """What `ask` gives; Unreachable, Denied, RemoteFailure."""
        return self._ask(on, ask, writes=False)

    def write(self, on: str, ask: Callable[[Any], Answer]) -> Answer:
        """The same for a change. OutcomeUnknown where its answer was lost, Conflict where it
        clashes with what somebody else made, NoCapacity where no address is left."""
        return self._ask(on, ask, writes=True)

    def delete(self, records: Iterable[Any]) -> None:
        """Gone afterwards, also where somebody else was faster."""
        for record in records:
            try:
                self.write(str(record), partial(_delete, record))
            except NotFound:
                continue

    def may_add(self, endpoint: str) -> bool:
        """endpoint: "ipam/ip-addresses". NetBox tells what a token may make without making it."""

        def ask(api: Any) -> bool:
            answer = api.http_session.request(
                "OPTIONS",
                f"{api.base_url}/{endpoint}/",
                headers={"authorization": f"{self._scheme()} {self._token}"},
            )
            if not answer.ok:
                raise pynetbox.RequestError(answer)
            return "POST" in answer.json().get("actions", {})

        try:
            return self.read(endpoint, ask)
        except Denied:
            return False

    def _scheme(self) -> str:
        return "Bearer" if self._token.startswith("nbt_") else "Token"

    def _ask(self, on: str, ask: Callable[[Any], Answer], *, writes: bool) -> Answer:
        try:
            return ask(self.api)
        except pynetbox.AllocationError:
            raise self._exhausted(on) from None
        except pynetbox.RequestError as error:
            raise self._refused(on, error, writes=writes) from None
        except (pynetbox.ContentError, json.JSONDecodeError):
            raise self._not_netbox() from None
        except requests.exceptions.SSLError as error:
            raise untrusted("NetBox", self.settings.host, error) from None
        except requests.RequestException as error:
            raise self._unreached(on, error, writes=writes) from None

    def _refused(self, on: str, error: Any, *, writes: bool) -> HomeportError:
        status, said = error.req.status_code, _said(error)
        if status == 404 and not said:
            return self._not_netbox()
        if status == 404:
            return NotFound("NetBox has no such record any more", on=on, left=NOTHING_CHANGED)
        if status in (401, 403):
            return self._denied(on, said)
        if status == 400 and ("Duplicate" in said or "already exists" in said or "unique" in said):
            return Conflict(
                "NetBox has this already, and it is not Homeport's",
                on=on,
                why=said,
                left=NOTHING_CHANGED,
                do="Rename or remove the other one in NetBox, or choose another name.",
            )
        if status >= 500 or status == 429:
            if writes and status != 429:
                return self._lost(on, f"it answered with status {status}")
            return self._away(f"it answered with status {status}")
        return RemoteFailure(
            "NetBox refuses a request",
            on=on,
            why=said or f"status {status}",
            left=NOTHING_CHANGED,
            do="Check the provider: homeport providers check NAME",
        )

    def _denied(self, on: str, said: str) -> HomeportError:
        wrong_token = "token" in said.lower()
        return Denied(
            "NetBox does not accept Homeport's token"
            if wrong_token
            else "NetBox denies this to Homeport's user",
            on=on,
            why=said,
            left=NOTHING_CHANGED,
            do="Make a new token, and store it by homeport providers add."
            if wrong_token
            else "Give the user its rights again, in NetBox's own shell:\n" + set_up_script(),
        )

    def _exhausted(self, on: str) -> HomeportError:
        settings = self.settings
        place = f"the range from {settings.range_start} in " if settings.range_start else ""
        return NoCapacity(
            "no address is free",
            on=on,
            why=f"{place}{settings.prefix} in NetBox has none left",
            left=NOTHING_CHANGED,
            do="Destroy a deployment that is no longer needed, or free addresses in NetBox, or "
            "name a larger prefix in the provider's settings.",
        )

    def _unreached(
        self, on: str, error: requests.RequestException, *, writes: bool
    ) -> HomeportError:
        why = why_unreached(error)
        never_sent = isinstance(error, requests.ConnectTimeout) or connection_refused(error)
        return self._lost(on, why) if writes and not never_sent else self._away(why)

    def _away(self, why: str) -> HomeportError:
        return Unreachable(
            "NetBox cannot be reached",
            on=self.settings.host,
            why=why,
            left=NOTHING_CHANGED,
            do="Check that it is up, that the url in the provider's settings is right, and that "
            "this machine may connect to it.",
        )

    def _lost(self, on: str, why: str) -> HomeportError:
        return OutcomeUnknown(
            "NetBox's answer got lost",
            on=on,
            why=why,
            left="what it made bears the deployment's tag and is found again",
            do="Try again.",
        )

    def _not_netbox(self) -> HomeportError:
        return RemoteFailure(
            "the answer is not one of NetBox",
            on=self.settings.host,
            why="it is not JSON",
            left=NOTHING_CHANGED,
            do="Check the url in the provider's settings, and what stands in front of NetBox.",
        )


def _delete(record: Any, _: Any) -> None:
    record.delete()


def _said(error: Any) -> str:
    """NetBox's own words, without the request that they answer; "" where there are none."""
    try:
        body = json.loads(error.error)
    except (TypeError, ValueError):
        return ""
    if isinstance(body, dict):
        parts = (
            f"{field}: {' '.join(map(str, told))}" if isinstance(told, list) else str(told)
            for field, told in body.items()
        )
        return "; ".join(parts)
    return str(body)[:300]
