"""Names and domains: what may become a host name, a path, a record, and what is refused.

A deployment's name is a DNS label, because the guest is called by it. A domain lies inside
the provider's zone, in the form that goes into the zone: lower case, without a trailing
dot, letters of other scripts as A-labels (RFC 5891).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from engine.errors import Conflict, InvalidInput

LONGEST_NAME = 31
LONGEST_DOMAIN = 253
"""RFC 1035, 2.3.4: 255 octets on the wire."""
_NAME = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_ACCOUNT = 64
_ACCOUNT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


def default_name(application: str, taken: Collection[str]) -> str:
    """The application's name with the first free number: "radicale-1"."""
    number = 1
    while (name := f"{application[: LONGEST_NAME - 6]}-{number}") in taken:
        number += 1
    return name


def check_name(name: str, taken: Collection[str]) -> str:
    """The name, if it can be used. InvalidInput, Conflict."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InvalidInput(
            what="the deployment cannot have this name",
            on="name",
            why=f"{_quoted(name)} is not 1 to {LONGEST_NAME} of a-z, 0-9 and -, "
            "beginning with a letter and not ending with a hyphen",
            left="nothing was changed",
            do="Choose a name like calendar or chat-2.",
        )
    if name in taken:
        raise Conflict(
            what="the name is taken",
            on=name,
            why="another deployment is called so",
            left="nothing was changed",
            do="Choose another name.",
        )
    return name


def check_domain(domain: str, zone: str, taken: Collection[str]) -> str:
    """The domain as it goes into the zone. InvalidInput, Conflict.

    A name without a dot is taken as a label inside the zone.
    """
    given = domain.strip().removesuffix(".")
    wanted = _ascii(given) if "." in given else f"{_ascii(given)}.{zone}"
    labels = wanted.split(".")
    if len(wanted) > LONGEST_DOMAIN or not all(_LABEL.fullmatch(label) for label in labels):
        raise _unusable(domain, "a label is 1 to 63 of a-z, 0-9 and -, with no hyphen at its ends")
    if not wanted.endswith(f".{zone}"):
        raise InvalidInput(
            what="the domain is not one of this provider's",
            on="domain",
            why=f"{wanted} does not lie inside the zone {zone}",
            left="nothing was changed",
            do=f"Choose a name that ends with .{zone}, or another provider.",
        )
    if wanted in taken:
        raise Conflict(
            what="the domain is taken",
            on=wanted,
            why="another deployment is reached by it",
            left="nothing was changed",
            do="Choose another domain.",
        )
    return wanted


def check_account(name: str) -> str:
    """A user name that every application takes. InvalidInput."""
    if not _ACCOUNT.fullmatch(name) or len(name) > LONGEST_ACCOUNT:
        raise InvalidInput(
            what="the account cannot have this name",
            on="account",
            why=f"{_quoted(name)} is not 1 to {LONGEST_ACCOUNT} of a-z and 0-9, "
            "with single dots, underscores or hyphens between them",
            left="nothing was changed",
            do="Choose a name like admin or maria.",
        )
    return name


def _ascii(name: str) -> str:
    """Lower-case A-labels; plain ASCII names need no library for that."""
    if name.isascii():
        return name.lower()
    import idna

    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise _unusable(name, str(error)) from None


def _unusable(domain: str, why: str) -> InvalidInput:
    return InvalidInput(
        what="the domain is not a name that DNS can hold",
        on="domain",
        why=f"{_quoted(domain)}: {why}",
        left="nothing was changed",
        do="Choose a name like calendar.example.org.",
    )


def _quoted(text: str) -> str:
    """As given, but harmless on a terminal and not endless."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:60])
    return f'"{shown}"' if len(text) <= 60 else f'"{shown}..."'
