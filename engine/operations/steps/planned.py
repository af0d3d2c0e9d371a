"""What the plan says beyond the step at hand: names, records, the first account."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from engine.backends.protocols import DnsRecord
from engine.methods.protocols import Installation
from engine.model.plan import PlannedStep
from engine.operations.step import StepContext
from engine.planning.records import PUBLIC_ADDRESS

_ACCOUNTS = "accounts.ensure@1"
_BEFORE_ADDRESS = re.compile(rf"\bip[46]:(?={re.escape(PUBLIC_ADDRESS)})")


def planned_records(*steps: PlannedStep) -> list[DnsRecord]:
    """The record sets these steps name. That of the address is without values, and others may
    have it in theirs (`pointing_at`): it is known when they run."""
    return [
        DnsRecord(
            record["name"],
            record["type"],
            tuple(record.get("values", ())),
            int(record.get("ttl", 300)),
        )
        for step in steps
        for record in step.args.get("records", ())
    ]


def pointing_at(address: str, records: Iterable[DnsRecord]) -> list[DnsRecord]:
    """The records as they are written."""
    return [
        dataclasses.replace(
            record,
            values=tuple(_filled(value, address) for value in record.values) or (address,),
        )
        for record in records
    ]


def _filled(value: str, address: str) -> str:
    """A policy of SPF says the family before the address (RFC 7208, 5.6)."""
    family = "ip6:" if ":" in address else "ip4:"
    policy = _BEFORE_ADDRESS.sub(family, value)
    return policy.replace(PUBLIC_ADDRESS, address)


def installation(ctx: StepContext) -> Installation:
    """What the method is told, with the account that the plan names."""
    names = [
        str(step.args["username"])
        for step in ctx.plan.steps
        if step.kind == _ACCOUNTS and step.args.get("username")
    ]
    return dataclasses.replace(ctx.installation(), account=names[0] if names else "")
