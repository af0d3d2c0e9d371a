"""Bringing the zone to what an owner shall have in it, by plan and apply."""

from __future__ import annotations

from collections.abc import Sequence

from engine.backends.protocols import Dns, DnsRecord
from engine.errors import PlanChanged

_TRIES = 3
"""A zone that others work in may change between planning and applying; not endlessly."""


def settle(dns: Dns, owner: str, desired: Sequence[DnsRecord]) -> bool:
    """The owner owns exactly these records; False where that was so already."""
    for tries_left in reversed(range(_TRIES)):
        plan = dns.plan(owner, desired)
        if not plan.changes:
            return False
        try:
            dns.apply(plan, desired)
            break
        except PlanChanged:
            if not tries_left:
                raise
    return True


def challenge_owner(owner: str) -> str:
    """ACME challenges bear a mark of their own, so that they come and go without the
    deployment's records."""
    return f"{owner}-acme"
