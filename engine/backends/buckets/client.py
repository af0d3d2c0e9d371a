"""Requests to an S3 server and to its IAM, signed as the program on guests does it."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from engine.backends.buckets.refusals import away, refused
from engine.backends.buckets.settings import BucketSettings
from engine.backends.protocols import BucketKey
from engine.backends.trust import READ_SECONDS
from engine.state.programs.s3 import Bucket, Refused, parsed, tag

_IAM_VERSION = "2010-05-08"


class TrustedBucket(Bucket):
    """One that believes the authority of the settings, and waits for as long as is bearable."""

    def __init__(self, told: dict[str, str], ca_pem: str, seconds: float) -> None:
        super().__init__(told)
        self._ca_pem, self._seconds = ca_pem, seconds

    def _connection(self) -> http.client.HTTPConnection:
        where = urlsplit(self.endpoint)
        host, port = where.hostname or "", where.port
        if where.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._seconds)
        context = ssl.create_default_context(cadata=self._ca_pem or None)
        return http.client.HTTPSConnection(host, port, timeout=self._seconds, context=context)


class Iam(TrustedBucket):
    service = "iam"

    def act(self, action: str, **parameters: str) -> ElementTree.Element:
        """The answer to one action of the IAM's query API. Refused; OSError."""
        body = urlencode({"Action": action, "Version": _IAM_VERSION, **parameters}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return parsed(self.ask("POST", headers=headers, body=body).read())


@dataclass(frozen=True)
class Client:
    settings: BucketSettings
    read_secret: Callable[[str], str]
    seconds: float = READ_SECONDS

    def own_key(self) -> BucketKey:
        settings = self.settings
        return BucketKey(
            self.read_secret(settings.access_key_ref), self.read_secret(settings.secret_key_ref)
        )

    def bucket(self, name: str, key: BucketKey | None = None) -> TrustedBucket:
        """As Homeport's key, or another, sees it."""
        told = self._told(self.settings.endpoint, name, key or self.own_key())
        return TrustedBucket(told, self.settings.ca_pem, self.seconds)

    def iam(self) -> Iam:
        told = self._told(self.settings.iam, "", self.own_key())
        # IAM is one for all regions.
        return Iam({**told, "region": "us-east-1"}, self.settings.ca_pem, self.seconds)

    @contextmanager
    def asking(self, on: str, *, writes: bool = True) -> Iterator[None]:
        """Errors of the server and of the way to it become those of `engine.errors`."""
        try:
            yield
        except Refused as error:
            raise refused(self.settings, on, error) from None
        except (OSError, ElementTree.ParseError) as error:
            raise away(self.settings, error, writes=writes) from None

    def _told(self, endpoint: str, name: str, key: BucketKey) -> dict[str, str]:
        return {
            "endpoint": endpoint,
            "bucket": name,
            "prefix": "",
            "region": self.settings.region,
            "key": key.access_key,
            "secret": key.secret_key,
        }


def texts(answer: ElementTree.Element, name: str) -> list[str]:
    """Of all elements of that name, wherever in the answer."""
    return [one.text or "" for one in answer.iter() if tag(one) == name]


def absent(act: Callable[[], Any], *codes: str) -> Any:
    """What it gives; None where the server says one of these codes, or that there is no such."""
    try:
        return act()
    except Refused as error:
        if error.code in codes or (error.status == 404 and not error.code):
            return None
        raise
