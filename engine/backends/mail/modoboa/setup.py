"""The guided setup of a mail server with Modoboa."""

from __future__ import annotations

from engine.backends.mail.modoboa.rights import set_up_commands
from engine.backends.mail.settings import ModoboaSettings
from engine.backends.mail.setup import RECORDS, SENT_FROM
from engine.backends.setup import DriverSetup, Part, Settings


class _ModoboaSetup(DriverSetup):
    def commands(self, settings: Settings) -> str:
        """For who runs Modoboa, in the directory of its manage.py."""
        return set_up_commands(settings.get("domain") or "example.org")


SETUP = _ModoboaSetup(
    "Modoboa, by its API",
    ModoboaSettings,
    SENT_FROM,
    Part("Modoboa", ("url", "token_ref", "fingerprint"), commands=True, connects=True),
    RECORDS,
    compare="On Modoboa's host itself run: openssl x509 -noout -sha256 -fingerprint "
    "-in CERTIFICATE, with the file that its web server shows.",
)
