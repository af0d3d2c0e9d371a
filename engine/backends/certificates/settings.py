"""Settings of the driver `certificates.acme`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AcmeSettings(BaseModel):
    """directory: the ACME server's directory (https). ca_pem: root of an authority of one's
    own; public ones need none. email: where the authority may write to.
    issue_seconds: how long one certificate may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    directory: str = Field(pattern=r"^https://[^\s/]+/.*$")
    ca_pem: str | None = Field(default=None, pattern=r"-----BEGIN CERTIFICATE-----")
    email: str | None = Field(default=None, pattern=r"^[^@\s,]+@[^@\s,]+$")
    issue_seconds: float = Field(default=180.0, gt=0)
