"""What somebody who deploys has said so far, and what is wrong with it: pure values.

The engine checks the same again when it makes the plan; these checks are for the moment of
typing, where a question to the engine would come too late.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forms import FormModel

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass
class Wish:
    """A deployment as far as it has been described."""

    application: str = ""
    release: str = ""
    provider: str = ""
    name: str = ""
    domain: str = ""
    account: str = ""
    form: dict[str, Any] | None = None
    """The form as FormModel.dump() gave it; no secrets inside."""

    opened: FormModel | None = field(default=None, repr=False, compare=False)
    """The form itself, secrets included, for as long as the steps are open; never kept."""

    def to_draft(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _KEPT}

    @classmethod
    def from_draft(cls, draft: Mapping[str, Any]) -> Wish:
        """What was kept; entries of another version of Homeport are left out."""
        return cls(**{key: value for key, value in draft.items() if key in _KEPT})

    def described(self) -> str:
        """For the sentence "... is kept as a draft"."""
        name = f" as {self.name}" if self.name else ""
        return f"the deployment of {self.application}{name}"


_KEPT = tuple(field.name for field in fields(Wish) if field.name != "opened")


def draft_key(application: str) -> str:
    """Where the inventory keeps the half-described deployment of an application."""
    return f"deploy:{application}"


def name_problem(name: str, taken: Collection[str]) -> str:
    """What is wrong with a deployment's name; empty where nothing is."""
    if not name:
        return "give it a name, like calendar"
    if not _NAME.fullmatch(name):
        if not ("a" <= name[0] <= "z"):
            return "must begin with a small letter a to z"
        if len(name) > 31:
            return f"must have 31 characters at most; it has {len(name)}"
        return "only small letters, digits and - can be in it"
    if name in taken:
        return "another deployment has this name"
    return ""


def domain_problem(domain: str, zone: str, taken: Collection[str]) -> str:
    """What is wrong with a full domain name under the provider's zone (RFC 1035, 2.3.4)."""
    if not domain:
        return f"give it a name under {zone}, like cal.{zone}"
    if domain != domain.lower():
        return "write it in small letters"
    if len(domain) > 253:
        return "must have 253 characters at most"
    for label in domain.split("."):
        if not _LABEL.fullmatch(label):
            return f"{label!r} cannot be a part of a domain" if label else "two dots in a row"
    if domain == zone:
        return f"must be a name under {zone}, not {zone} itself"
    if not domain.endswith(f".{zone}"):
        return f"must end in .{zone}: this provider has no other zone"
    if domain in taken:
        return "another deployment answers at this domain"
    return ""


def account_problem(account: str) -> str:
    """What is wrong with the user name of the first account; empty takes the package's own."""
    if account and not _ACCOUNT.fullmatch(account):
        return "only letters, digits and . _ - can be in it"
    return ""


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The wanted name, or the first of wanted-2, wanted-3, ... that nobody has."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name
