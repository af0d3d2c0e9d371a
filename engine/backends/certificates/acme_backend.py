"""Certificates from any ACME server, proven by DNS-01 through the deployment's own DNS.

What talks to the server is in `dialogue` and imported when it is needed: whoever only wants
the trust anchors, as every health check does, is spared the ACME libraries' memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.backends.certificates.settings import AcmeSettings
from engine.backends.protocols import ChallengePublisher, Progress
from engine.backends.registry import BackendEnvironment, read_settings
from engine.model.provider import Check


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> AcmeCertificates:
    """The driver `certificates.acme`. Opens no connection."""
    return AcmeCertificates(read_settings(AcmeSettings, environment, settings))


class AcmeCertificates:
    """`protocols.Certificates`; keeps nothing between calls."""

    def __init__(self, settings: AcmeSettings) -> None:
        self._settings = settings

    def check(self) -> list[Check]:
        from engine.backends.certificates.dialogue import check_authority

        return check_authority(self._settings)

    def issue(
        self,
        names: Sequence[str],
        csr_pem: bytes,
        account_key_pem: bytes,
        publisher: ChallengePublisher,
        progress: Progress,
    ) -> bytes:
        from engine.backends.certificates.dialogue import issue

        return issue(self._settings, names, csr_pem, account_key_pem, publisher, progress)

    def trust_anchors(self) -> bytes | None:
        pem = self._settings.ca_pem
        return pem.encode("ascii") if pem is not None else None
