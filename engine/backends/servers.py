"""What is said of servers on which others have things of their own, whatever they serve."""

from __future__ import annotations

from engine.errors import Conflict, Denied


def not_ours(
    what: str, on: str, found: str = "", *, known_by: str = "name", where: str = ""
) -> Conflict:
    """what: "database", "alias". found: the mark that it bears. known_by: what of it is the same
    as of ours. where: the place that has it, if that is none which Homeport writes."""
    whose = f"it bears the mark '{found[:80]}'" if found else "it does not bear Homeport's mark"
    return Conflict(
        f"there is a {what} of this {known_by} already, and it is not this deployment's",
        on=on,
        why=f"it is in {where}" if where else whose,
        left="it is as it was, and nothing was made",
        do=f"Look whose it is. Rename or remove that {what} on the server, then resume.",
    )


def not_believed(server: str, address: str, said: str) -> Denied:
    """server: "the database server"; its certificate is not of an authority that is trusted."""
    return Denied(
        f"{server} cannot prove that it is the right one",
        on=address,
        why=said,
        left="no password was sent to it",
        do="Put the certificate of the authority that signed the server's into the settings as "
        "'ca_pem', and make 'host' a name that is in it. If they are right already, somebody "
        "may be in between.",
    )
