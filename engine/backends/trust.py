"""Settings that say how a service's certificate is known to be the right one, and the HTTP
session that heeds them and nothing else of this machine."""

from __future__ import annotations

import re
from typing import Any

import requests
import urllib3
from pydantic import BaseModel, ConfigDict, field_validator

from engine.backends.tls import VerifyingAdapter, certificate_problem, shown_fingerprint
from engine.errors import Denied

CONNECT_SECONDS = 6.0
READ_SECONDS = 30.0
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}")


def pem_authority(value: str) -> str:
    """Of a setting that holds one; may be empty. ValueError otherwise."""
    if value and "-----BEGIN CERTIFICATE-----" not in value:
        raise ValueError("this is not a certificate in PEM form")
    return value


class Trust(BaseModel):
    """ca_pem: the authority that signed the certificate. fingerprint: SHA-256 fingerprints of
    the certificates themselves. Neither: the system's authorities. There is no setting that
    turns the check off."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    ca_pem: str = ""
    fingerprint: tuple[str, ...] = ()

    @field_validator("fingerprint", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, str):
            return (value,) if value else ()
        return value

    @field_validator("fingerprint")
    @classmethod
    def _fingerprints(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_FINGERPRINT.fullmatch(item) for item in value):
            raise ValueError("a fingerprint is 32 bytes in hexadecimal, joined by colons (SHA-256)")
        return tuple(item.upper() for item in value)

    _authority = field_validator("ca_pem")(pem_authority)


class _Bounded(VerifyingAdapter):
    """With a time limit also where the library that uses the session sets none."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        limited = kwargs | {"timeout": kwargs.get("timeout") or (CONNECT_SECONDS, READ_SECONDS)}
        return super().send(*args, **limited)


def https_session(trust: Trust) -> requests.Session:
    """Speaks https alone, also where it is sent elsewhere: a token never goes in the clear."""
    session = requests.Session()
    session.adapters.clear()
    session.mount("https://", _Bounded(trust.ca_pem, trust.fingerprint))
    session.trust_env = False  # no proxy, no .netrc and no bundle of authorities of the machine
    return session


def with_port(url: str) -> str:
    """ "https://bao.example.org" -> "bao.example.org:443", as it is shown and asked for its
    certificate."""
    host = url.removeprefix("https://").partition("/")[0]
    return host if ":" in host.rpartition("]")[2] else f"{host}:443"


def why_unreached(error: requests.RequestException) -> str:
    """What came between, in plain words and without an address that holds a query."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no answer to the connection"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.TooManyRedirects):
        return "it sends to another address, and that one is not asked"
    return connection_refused(error) or "the connection was cut before the answer came"


def connection_refused(error: Exception) -> str:
    """Why no connection came about; "" where there was one, so that the request may be out."""
    reason = error.args[0] if error.args else None
    cause = getattr(reason, "reason", reason)
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        text = str(cause).rpartition(": ")[2]
        return f"no connection ({text})"
    return ""


def untrusted(service: str, host: str, error: Exception) -> Denied:
    """The error for a certificate that was not believed. host: "name:port"."""
    return Denied(
        f"{service} cannot prove that it is the right one",
        on=host,
        why=certificate_problem(error, shown_fingerprint(host, CONNECT_SECONDS)),
        left="no token and no secret was sent to it",
        do="Put the certificate of the authority that signed it into the provider's settings as "
        "'ca_pem', or its own SHA-256 fingerprint as 'fingerprint', read on the host itself. If "
        "they are there already, somebody may be in between.",
    )
