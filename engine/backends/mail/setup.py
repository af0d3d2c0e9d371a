"""The guided setup of a mail server with Dovecot and Postfix, and what is asked of every one."""

from __future__ import annotations

from engine.backends.mail.settings import DovecotSettings
from engine.backends.setup import DriverSetup, Part, Settings

SENT_FROM = Part("Where mail is sent from", ("host", "domain", "port", "tls", "ca_pem"))
RECORDS = Part("What the DNS says of it", ())
_ENTERED = (
    *("ssh_host", "ssh_port", "ssh_user", "ssh_host_keys", "ssh_key_ref"),
    *("directory", "map_type", "postfix_config"),
)


class _DovecotSetup(DriverSetup):
    def commands(self, settings: Settings) -> str:
        """For root on the mail server. What Dovecot and Postfix have to read is in the README."""
        user = settings.get("ssh_user") or "homeport"
        directory = settings.get("directory") or "/etc/homeport-mail"
        kind = settings.get("map_type") or "hash"
        return "\n".join(
            [
                f"adduser --system --shell /bin/sh --home /var/lib/{user} {user}",
                f"install -d -o {user} -g dovecot -m 2750 {directory}",
                f"cd {directory} && touch users mailboxes aliases",
                f"chown {user}:dovecot users mailboxes aliases",
                "chmod 640 users mailboxes aliases",
                f"postmap {kind}:mailboxes {kind}:aliases",
                f"chown {user} mailboxes.* aliases.*",
            ]
        )


SETUP = _DovecotSetup(
    "Dovecot and Postfix, by SSH",
    DovecotSettings,
    SENT_FROM,
    Part("The way in", _ENTERED, commands=True),
    RECORDS,
)
