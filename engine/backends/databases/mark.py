"""How a database and its role say whose they are."""

from __future__ import annotations

from engine.backends.databases.settings import NAME
from engine.errors import Conflict, Denied, InvalidInput

PREFIX = "hp_"
"""Of the names of databases and roles that Homeport makes."""
LEFT = "nothing was changed"


def mark_of(owner: str, provider: str) -> str:
    """Two providers may share one server, and a deployment that moves is at both."""
    return f"homeport: {owner} at {provider}"


def checked(name: str) -> str:
    """The name. InvalidInput for one that would have to be quoted."""
    if not NAME.fullmatch(name):
        raise InvalidInput("this cannot name a database", on=name, left=LEFT)
    return name


def not_ours(what: str, on: str, found: str) -> Conflict:
    """what: "database", "role". found: the mark that it bears."""
    whose = f"it bears the mark '{found[:80]}'" if found else "it does not bear Homeport's mark"
    return Conflict(
        f"there is a {what} of this name already, and it is not this deployment's",
        on=on,
        why=whose,
        left="it is as it was, and nothing was made",
        do=f"Look whose it is. Rename or remove that {what} on the server, then resume.",
    )


def is_distrust(said: str) -> bool:
    """Does a client library say that it did not believe the server? A line that is cut while TLS
    is spoken is something else."""
    if "eof" in said.lower() or "lost connection" in said.lower():
        return False
    return "certificate" in said or "SSL error" in said or ("SSL" in said and "support" in said)


def not_believed(address: str, said: str) -> Denied:
    return Denied(
        "the database server cannot prove that it is the right one",
        on=address,
        why=said,
        left="no password was sent to it",
        do="Put the certificate of the authority that signed the server's into the settings as "
        "'ca_pem', and make 'host' a name that is in it. If they are right already, somebody "
        "may be in between.",
    )
