"""The guided setup of an OpenBao or Vault: its place, what to run there, and the login."""

from __future__ import annotations

from engine.backends.secrets.openbao.policy import commands
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.backends.setup import DriverSetup, Part, Settings

_LOGIN = {"role_id": "unknown", "secret_id_ref": "secret:unknown"}


class OpenBaoSetup(DriverSetup):
    def commands(self, settings: Settings) -> str:
        return commands(OpenBaoSettings.model_validate(_LOGIN | dict(settings)), {})


SETUP = OpenBaoSetup(
    "OpenBao or Vault",
    OpenBaoSettings,
    Part(
        "where it is",
        ("url", "namespace", "mount", "prefix", "auth_mount", "ca_pem", "fingerprint"),
        connects=True,
    ),
    Part("how Homeport logs in", ("role_id", "secret_id_ref"), commands=True),
    compare="On the host itself run: openssl x509 -noout -sha256 -fingerprint -in CERTIFICATE, "
    "with the file that 'tls_cert_file' of its listener names.",
)
