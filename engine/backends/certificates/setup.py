"""The guided setup of an ACME authority."""

from __future__ import annotations

from collections.abc import Mapping

from engine.backends.certificates.settings import AcmeSettings
from engine.backends.setup import Choice, DriverSetup, Ground, Part, Settings

_PUBLIC = (
    ("https://acme-v02.api.letsencrypt.org/directory", "Let's Encrypt"),
    ("https://acme-staging-v02.api.letsencrypt.org/directory", "Let's Encrypt, for trying out"),
    ("https://api.buypass.com/acme/directory", "Buypass"),
)


class AcmeSetup(DriverSetup):
    def choices(self, settings: Settings, ground: Ground) -> Mapping[str, list[Choice]]:
        return {"directory": [Choice(url, name) for url, name in _PUBLIC]}


SETUP = AcmeSetup(
    "an ACME authority, by DNS-01",
    AcmeSettings,
    Part(
        "which authority",
        ("directory", "email", "ca_pem"),
        "Names are proved by DNS, so guests need not be reachable from outside.",
        offers=True,
    ),
)
