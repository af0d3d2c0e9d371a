"""An S3 server's refusals, and the way to it, in Homeport's words."""

from __future__ import annotations

from engine.backends.buckets.settings import BucketSettings
from engine.errors import (
    Denied,
    HomeportError,
    NoCapacity,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
)
from engine.state.programs.s3 import Refused

LEFT = "nothing was changed"
_FOUND_AGAIN = "what it made bears the deployment's mark and is found again"
_KEY = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId")
_BUSY = ("Throttling", "ThrottlingException", "RequestLimitExceeded", "ConcurrentModification")
"""With which AWS asks for patience, by other statuses than one would think."""
_FULL = ("TooManyBuckets", "LimitExceeded", "QuotaExceeded", "InsufficientStorage")


def refused(settings: BucketSettings, on: str, error: Refused) -> HomeportError:
    said = f"{error.code or 'no reason given'} (HTTP status {error.status})"
    if error.code in _KEY:
        return Denied(
            "the S3 server does not know Homeport's key",
            on=settings.host,
            why=said,
            left=LEFT,
            do="Make a new key there, and store it: homeport providers add.",
        )
    if error.code in _FULL or error.status == 507:
        return NoCapacity(
            "the S3 server has no room for more",
            on=on,
            why=said,
            left=_FOUND_AGAIN,
            do="Raise the limit there, or remove what nobody needs, then resume.",
        )
    if error.status == 403:
        return Denied(
            "the S3 server denies this to Homeport's key",
            on=on,
            why=said,
            left=_FOUND_AGAIN,
            do="Give it the rights of the README's section on buckets. An IAM that may not be "
            "written to is opened by its owner (SeaweedFS: -s3.iam.readOnly=false).",
        )
    if error.status >= 500 or error.status == 429 or error.code in _BUSY:
        return Unreachable(
            "the S3 server cannot answer at the moment",
            on=settings.host,
            why=said,
            left=_FOUND_AGAIN,
            do="Look at its log, then resume.",
        )
    return RemoteFailure(
        "the S3 server refuses a request",
        on=on,
        why=said,
        left=_FOUND_AGAIN,
        do="Check the provider: homeport doctor --provider NAME",
    )


def away(settings: BucketSettings, error: Exception, *, writes: bool) -> HomeportError:
    said = str(error)
    if "certificate" in said.lower():
        return Denied(
            "the S3 server cannot prove that it is the right one",
            on=settings.host,
            why=said,
            left="no request was sent to it",
            do="Put the certificate of the authority that signed the server's into the settings as "
            "'ca_pem'. If it is there already, somebody may be in between.",
        )
    if writes and "refused" not in said.lower():
        return OutcomeUnknown(
            "the S3 server's answer got lost",
            on=settings.host,
            why=said,
            left=_FOUND_AGAIN,
            do="Try again.",
        )
    return Unreachable(
        "the S3 server cannot be reached",
        on=settings.host,
        why=said,
        left=LEFT,
        do="Check that it is up, that the endpoint in the provider's settings is right, and that "
        "this machine may connect to it.",
    )
