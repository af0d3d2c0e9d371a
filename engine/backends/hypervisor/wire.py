"""The forms in which the Proxmox VE API takes and gives values, and how it can fail to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import requests

Parameter = str | int | float | bool | None | Sequence[str]


def encode(params: Mapping[str, Parameter]) -> dict[str, Any]:
    """Parameters as PVE reads them: 1 and 0, lists joined by commas, None left out."""
    encoded: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, bool):
            encoded[name] = int(value)
        elif isinstance(value, (str, int, float)):
            encoded[name] = value
        elif value is not None:
            encoded[name] = ",".join(value)
    return encoded


class NotJson(Exception):
    """The other side answered with something that the API of PVE never says."""


class Serializer:
    """Takes the place of proxmoxer's, which drops the body's message."""

    def loads(self, response: requests.Response) -> Any:
        with suppress(ValueError, UnicodeError):
            body = json.loads(response.content)
            if isinstance(body, dict) and "data" in body:
                return body["data"]
        raise NotJson(f"status {response.status_code} with a body that is not PVE's JSON")

    def loads_errors(self, response: requests.Response) -> dict[str, Any]:
        with suppress(ValueError, UnicodeError):
            body = json.loads(response.content)
            if isinstance(body, dict):
                return body
        return {}
