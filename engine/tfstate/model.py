"""What is kept of a state: who may use it, who holds it, and every version that it had."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import Field

from engine.errors import InvalidInput
from engine.model.base import Model

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class StateName:
    """Two parts that never run into one another: "a-b/c" is not "a/b-c"."""

    project: str
    name: str

    @classmethod
    def parse(cls, text: str) -> StateName:
        """ "project/name"; InvalidInput for anything else."""
        project, _, name = text.partition("/")
        if not (_PART.fullmatch(project) and _PART.fullmatch(name)):
            raise InvalidInput(
                "this is not the name of a state",
                on=text,
                left="nothing was changed",
                do="Write PROJECT/NAME; each is made of letters, digits, '_', '-' and '.', begins "
                "with none of the last two, and has at most 64 characters.",
            )
        return cls(project, name)

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"


class Credential(Model):
    """digest: SHA-256 of the secret (hex). Homeport makes the secrets, 256 random bits each, so
    a slow hash would add nothing."""

    digest: str
    made: datetime


class Lock(Model):
    """info: as the holder's client sent it. heard: when the holder last wrote or locked."""

    id: str
    info: dict[str, Any]
    user: str
    taken: datetime
    heard: datetime

    def shown(self) -> dict[str, Any]:
        """The holder's own JSON; where it left Info empty, that says how old the lock is."""
        said = f"held by {self.user}, last heard of at {self.heard:%Y-%m-%d %H:%M:%S} UTC"
        return {**self.info, "Info": self.info.get("Info") or said}


class Forced(Model):
    """A lock that somebody else than its holder took away."""

    lock: str
    holder: str
    by: str
    reason: str
    at: datetime


class Version(Model):
    """One version, whole. key: of its own record. blob, parts: where its content lies, no blob: in
    the record; no parts: the state was deleted. size: bytes. previous: key of the record before."""

    number: int
    key: str
    serial: int
    lineage: str
    written: datetime
    by: str
    operation: str
    previous: str
    size: int = 0
    blob: str = ""
    parts: int = 0

    @property
    def deleted(self) -> bool:
        return not self.parts


class Head(Model):
    """All that decides about a state, in one value that is replaced in one step: so a write
    counts only while its writer still holds the lock."""

    credentials: dict[str, Credential] = Field(default_factory=dict)
    current: Version | None = None
    lock: Lock | None = None
    released: str = ""
    """The lock that was released last, by its holder: told so again when he asks again."""
    forced: tuple[Forced, ...] = ()


@dataclass(frozen=True)
class Document:
    """A state as a client sends it. encrypted: by OpenTofu itself, before it was sent."""

    body: bytes
    serial: int
    lineage: str
    encrypted: bool

    @classmethod
    def read(cls, body: bytes) -> Document:
        """InvalidInput where it is no state; nothing of it is repeated."""
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise _no_state("it is not JSON, or not all of it came") from None
        if not isinstance(value, dict):
            raise _no_state("it is not a JSON object")
        serial, lineage = value.get("serial"), value.get("lineage")
        if not isinstance(serial, int) or isinstance(serial, bool) or serial < 0:
            raise _no_state("it has no serial")
        if not isinstance(lineage, str) or not lineage:
            raise _no_state("it has no lineage")
        return cls(body, serial, lineage, "encrypted_data" in value)

    def with_serial(self, serial: int) -> Document:
        """One that OpenTofu encrypted stays as it is: its serial is sealed in."""
        if self.encrypted:
            return self
        value = json.loads(self.body) | {"serial": serial}
        return Document.read(json.dumps(value, indent=2, ensure_ascii=False).encode())


def _no_state(why: str) -> InvalidInput:
    return InvalidInput(
        "this is not a state of OpenTofu or Terraform",
        why=why,
        left="the state that was there is kept",
        do="Send what `tofu state pull` gives.",
    )
