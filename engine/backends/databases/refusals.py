"""What database servers have in common when they refuse or are away, in Homeport's words."""

from __future__ import annotations

from engine.backends.databases.mark import LEFT
from engine.errors import Locked, NoCapacity, OutcomeUnknown, Unreachable

MADE_BEFORE = "what was made before bears the deployment's mark and is found again"


def is_distrust(said: str) -> bool:
    """Does a client library say that it did not believe the server? A line that is cut while TLS
    is spoken is something else."""
    if "eof" in said.lower() or "lost connection" in said.lower():
        return False
    return "certificate" in said or "SSL error" in said or ("SSL" in said and "support" in said)


def full(address: str, said: str) -> Unreachable:
    return Unreachable(
        "the database server has no connection left",
        on=address,
        why=said,
        left=LEFT,
        do="End connections that nobody needs, or raise max_connections, then resume.",
    )


def no_room(address: str, said: str) -> NoCapacity:
    return NoCapacity(
        "the database server has no room left",
        on=address,
        why=said,
        left=MADE_BEFORE,
        do="Free space or memory there, then resume.",
    )


def busy(on: str, said: str) -> Locked:
    return Locked("somebody else works on the database", on=on, why=said, do="Try again.")


def lost(address: str, said: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        "the database server's answer got lost",
        on=address,
        why=said,
        left=MADE_BEFORE,
        do="Try again.",
    )


def away(address: str, said: str, do: str) -> Unreachable:
    return Unreachable(
        "the database server cannot be reached", on=address, why=said, left=LEFT, do=do
    )
