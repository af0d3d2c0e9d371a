"""A mail server's refusals, and the ways to it, in Homeport's words."""

from __future__ import annotations

from collections.abc import Callable

from engine.backends.mail.settings import DovecotSettings, MailSettings
from engine.backends.servers import not_believed
from engine.errors import (
    Denied,
    HomeportError,
    HostKeyMismatch,
    InvalidInput,
    Locked,
    NoCapacity,
    NotFound,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
)

LEFT = "nothing was changed"
FOUND_AGAIN = "what was made before bears the deployment's mark and is found again"


def not_entered(
    settings: DovecotSettings, error: HomeportError, public_key: Callable[[], str]
) -> HomeportError:
    """What keeps Homeport out of the server. error: of the way to a guest, which this is not."""
    on = f"{settings.ssh_user}@{settings.ssh_host or settings.host} port {settings.ssh_port}"
    if isinstance(error, HostKeyMismatch):
        return HostKeyMismatch(
            "the mail server does not prove to be the right one",
            on=on,
            why="it shows another SSH host key than those in the settings",
            left="no command was run",
            do="If its keys were made anew on purpose, put the lines of its "
            "/etc/ssh/ssh_host_*_key.pub into the settings as 'ssh_host_keys'. If not, find out "
            "who answers at this address.",
        )
    if isinstance(error, Denied):
        home = f"~{settings.ssh_user}/.ssh/authorized_keys"
        return Denied(
            "the mail server does not let Homeport in",
            on=on,
            why=error.why,
            left=LEFT,
            do=f"Put this line into {home} there: {public_key()}",
        )
    if isinstance(error, OutcomeUnknown):
        return OutcomeUnknown(
            "the mail server's answer got lost",
            on=on,
            why=error.why,
            left=FOUND_AGAIN,
            do="Try again.",
        )
    if isinstance(error, Unreachable):
        return Unreachable(
            "the mail server cannot be reached by SSH",
            on=on,
            why=error.why,
            left=LEFT,
            do="Check that it is up, that 'ssh_host' and 'ssh_port' are right, and that this "
            "machine may connect to it.",
        )
    if isinstance(error, InvalidInput):
        error.do = "Give the private key of the user, as ssh-keygen writes it, or none at all."
    return error


def may_not(settings: DovecotSettings, path: str, said: str) -> Denied:
    directory, user = settings.directory, settings.ssh_user
    return Denied(
        "Homeport may not change the accounts of the mail server",
        on=path,
        why=said or f"{user} has no right to it",
        left=FOUND_AGAIN,
        do="On the mail server, as root:\n"
        f"chown -R {user}:dovecot {directory}\nchmod 2750 {directory}",
    )


def no_file(settings: DovecotSettings, path: str) -> NotFound:
    return NotFound(
        "a file of the mail server's accounts is not there",
        on=path,
        left=LEFT,
        do="Make it as the README's section on mail says, or correct 'directory' in the "
        "provider's settings.",
    )


def busy(path: str) -> Locked:
    return Locked(
        "somebody else changes the accounts of the mail server all the time",
        on=path,
        left=FOUND_AGAIN,
        do="Try again.",
    )


def failed(path: str, said: str) -> HomeportError:
    if "No space left" in said or "Disk quota" in said:
        return NoCapacity(
            "the mail server has no room left",
            on=path,
            why=said,
            left=FOUND_AGAIN,
            do="Free space there, then resume.",
        )
    return RemoteFailure(
        "the mail server's accounts cannot be changed",
        on=path,
        why=said,
        left=FOUND_AGAIN,
        do="Check the provider: homeport doctor --provider NAME",
    )


def not_taken(settings: MailSettings, said: str) -> HomeportError:
    return RemoteFailure(
        "the mail server takes no mail from accounts",
        on=settings.address,
        why=said,
        left=LEFT,
        do="Give this port of Postfix TLS and logins (smtpd_tls_security_level = encrypt, "
        "smtpd_sasl_auth_enable = yes), as the README's section on mail says.",
    )


def no_submission(settings: MailSettings, error: Exception) -> HomeportError:
    said = str(error) or type(error).__name__
    if "certificate" in said.lower():
        return not_believed("the mail server", settings.address, said)
    return Unreachable(
        "the mail server cannot be reached where it takes mail",
        on=settings.address,
        why=said,
        left=LEFT,
        do="Check that Postfix runs, that 'host' and 'port' are right, and that this machine may "
        "connect to it.",
    )
