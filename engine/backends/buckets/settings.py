"""What the user says of an S3 server, checked before anything is asked of it."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.backends.trust import pem_authority

_URL = r"^https?://[^\s/?#@]+$"


class BucketSettings(BaseModel):
    """One S3 server, and Homeport's key to it.

    endpoint: as this machine and the guests both reach it; "http://" only in a network that
    nobody else is in. access_key_ref, secret_key_ref: of Homeport's own key.
    keys: how a deployment comes by a key that opens its own bucket alone: by the server's IAM
    ("aws-iam", "seaweedfs-iam"); "static" where the server makes none: then every deployment
    has Homeport's own.
    iam_endpoint: of the IAM, where that is not the endpoint's; on AWS
    "https://iam.amazonaws.com".
    ca_pem: the authority that signed the certificate; empty for the system's authorities.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(pattern=_URL)
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    access_key_ref: str = Field(pattern=r"^secret:")
    secret_key_ref: str = Field(pattern=r"^secret:")
    keys: Literal["aws-iam", "seaweedfs-iam", "static"]
    iam_endpoint: str = Field(default="", pattern=rf"^$|{_URL}")
    ca_pem: str = ""

    _authority = field_validator("ca_pem")(pem_authority)

    @property
    def iam(self) -> str:
        return self.iam_endpoint or self.endpoint

    @property
    def host(self) -> str:
        """As it is shown: "s3.example.org"."""
        return urlsplit(self.endpoint).netloc
