"""DNS records that a deployment owns beside those of its address."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.model.base import Model

RecordType = Literal["A", "AAAA", "CAA", "CNAME", "MX", "SRV", "TXT"]
Ttl = Annotated[int, Field(ge=30, le=604800)]
"""Seconds."""


class RecordSet(Model):
    """All records of one type at one name.

    name: full, lower case, no trailing dot. values: as `DnsRecord` has them; in them
    {public_address} stands for the deployment's address, wherever it lives.
    """

    name: str
    type: RecordType
    values: tuple[str, ...] = Field(min_length=1)
    ttl: Ttl = 300

    @property
    def key(self) -> str:
        """How it is called: "MX chat.example.org"."""
        return f"{self.type} {self.name}"


class RecordStanding(Model):
    """A record set that a deployment owns, and how it stands in its zone.

    origin: whose word it is. there: what the zone has in its place, with the address filled in;
    empty where nothing is.
    """

    record: RecordSet
    origin: Literal["address", "package", "owner"]
    served: bool
    there: tuple[str, ...] = ()

    @property
    def stands(self) -> Literal["served", "otherwise", "missing"]:
        if self.served:
            return "served"
        return "otherwise" if self.there else "missing"

    @property
    def shown(self) -> tuple[str, ...]:
        """Its values for a person: the address itself once it is known."""
        return self.there if self.origin == "address" and self.served else self.record.values


class RecordsElsewhere(Model):
    """The same records at further name servers, while a deployment's names move from the source to
    the target. at: the provider of these, one of the two. trouble: why nobody knows how they
    stand."""

    at: str
    source: str
    target: str
    records: tuple[RecordStanding, ...] = ()
    trouble: str = ""

    @property
    def is_whole(self) -> bool:
        return not self.trouble and all(one.served for one in self.records)


class RecordsInZone(Model):
    """All of a deployment's in its zone, that of its address first; added: as its owner wrote
    them. at: the provider at whose name servers they are. other: set while they move. offers:
    providers to whose name servers they could move."""

    zone: str
    domain: str
    records: tuple[RecordStanding, ...]
    added: tuple[RecordSet, ...] = ()
    at: str = ""
    other: RecordsElsewhere | None = None
    offers: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Wherever they are written to."""
        here = all(one.served for one in self.records)
        return here and (self.other is None or self.other.is_whole)
