"""Repositories: where backups lie, and which of them are kept how long."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from engine.model.base import Model


class RepositoryKind(StrEnum):
    DIRECTORY = "directory"
    S3 = "s3"


class Keep(Model):
    """How many backups stay: of the last days, weeks and months that have one, the newest of
    each; and the newest `last` in any case. All of them where every figure is 0."""

    last: int = Field(3, ge=0)
    daily: int = Field(7, ge=0)
    weekly: int = Field(5, ge=0)
    monthly: int = Field(12, ge=0)

    @property
    def is_all(self) -> bool:
        return not (self.last or self.daily or self.weekly or self.monthly)


class RepositoryProfile(Model):
    """One repository as the user configured it.

    location: an absolute path on the machine where Homeport runs, or
    "https://host[:port]/bucket[/prefix]". Its password lies in the installation's secrets at
    "repositories/<name>/password", the secret half of the key for S3 beside it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    kind: RepositoryKind
    location: str
    access_key: str = Field("", pattern=r"^[\x21-\x7e]*$")
    """The public half of the key for S3."""
    region: str = Field("", pattern=r"^[A-Za-z0-9-]*$")
    keep: Keep = Keep()

    @model_validator(mode="after")
    def _location_fits(self) -> RepositoryProfile:
        if not self.location.isprintable():
            raise ValueError("a location has no control characters")
        if self.kind is RepositoryKind.DIRECTORY:
            if not self.location.startswith("/"):
                raise ValueError("a directory is named by its absolute path")
            return self
        parts = urlsplit(self.location)
        if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
            raise ValueError("S3 is named as https://host/bucket, or https://host/bucket/prefix")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("the address of S3 holds no key, question mark or hash")
        return self

    @property
    def password_path(self) -> str:
        """In the installation's secrets."""
        return f"repositories/{self.name}/password"

    @property
    def secret_key_path(self) -> str:
        return f"repositories/{self.name}/secret-key"


class Backup(Model):
    """One complete backup of a deployment, as its repository lists it."""

    id: str = Field(pattern=r"^[0-9a-f]{6,64}$")
    """That of the operation which made it."""
    repository: str
    snapshot: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    """restic's own name for it."""
    at: datetime
    """When the state was captured."""
    deployment: str
    name: str
    application: str
    release: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the stream that was put in; what comes out must have it."""

    @property
    def title(self) -> str:
        """For a plan: which one, of when."""
        return f"{self.id} of {self.at:%Y-%m-%d %H:%M} UTC ({self.application} {self.release})"
