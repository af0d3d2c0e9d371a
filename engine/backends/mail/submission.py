"""Where the mail server takes mail from accounts: asked as an application would, without a mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from engine.backends.mail.refusals import no_submission, not_taken
from engine.backends.mail.settings import MailSettings
from engine.backends.trust import READ_SECONDS

_WRONG_PASSWORD = (534, 535)


def refuses_login(settings: MailSettings, address: str, password: str) -> bool:
    """Denied, Unreachable or RemoteFailure where the server does not get as far as that."""
    with _connected(settings) as client:
        try:
            client.login(address, password)
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code in _WRONG_PASSWORD:
                return True
            raise
    return False


def offers_logins(settings: MailSettings) -> str:
    """The ways to log in that it names over TLS. Errors as above."""
    with _connected(settings) as client:
        offered = client.esmtp_features.get("auth", "").split()
    if not set(offered) & {"PLAIN", "LOGIN"}:
        raise not_taken(settings, "over TLS, it offers no login with a password")
    return " ".join(offered)


@contextmanager
def _connected(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    """Over TLS, with the server proven; smtplib's errors become those of `engine.errors`."""
    trust = ssl.create_default_context(cadata=settings.ca_pem or None)
    where, port, seconds = settings.host, settings.port, READ_SECONDS
    try:
        with (
            smtplib.SMTP_SSL(where, port, timeout=seconds, context=trust)
            if settings.tls == "tls"
            else smtplib.SMTP(where, port, timeout=seconds)
        ) as client:
            if settings.tls == "starttls":
                client.starttls(context=trust)
            client.ehlo()
            yield client
    except smtplib.SMTPNotSupportedError as error:
        raise not_taken(settings, str(error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise no_submission(settings, error) from None
