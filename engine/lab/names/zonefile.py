"""A zone in memory and on disk: what is answered is what was written, also after SIGKILL.

Every accepted update is on disk before it is acknowledged: the zone is written to a
temporary file, synced, and renamed over the old one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import dns.name
import dns.rdataset
import dns.rdatatype
import dns.transaction
import dns.versioned
import dns.zone

SOA_TEXT = "{ns} hostmaster.{zone} 1 3600 600 604800 5"
"""Serial 1; the last number is how long "there is no such name" may be remembered: a lab's
names come and go, so it is short (RFC 2308)."""


class ZoneStore:
    """One zone, loaded from its master file and kept equal to it."""

    def __init__(self, path: Path, origin: str) -> None:
        self.path = path
        self.origin = dns.name.from_text(origin)
        self.zone = self._load()

    @classmethod
    def create(cls, path: Path, origin: str, nameserver: str) -> ZoneStore:
        """Open the zone; make it first where there is none. nameserver: its IPv4 address."""
        if not path.exists():
            ns = f"ns.{origin}."
            soa = SOA_TEXT.format(ns=ns, zone=f"{origin}.")
            _replace_file(
                path,
                f"{origin}. 60 IN SOA {soa}\n"
                f"{origin}. 60 IN NS {ns}\n"
                f"{ns} 60 IN A {nameserver}\n".encode(),
            )
        return cls(path, origin)

    def _load(self) -> dns.versioned.Zone:
        zone = dns.zone.from_file(
            str(self.path), self.origin, relativize=False, zone_factory=dns.versioned.Zone
        )
        assert isinstance(zone, dns.versioned.Zone)
        return zone

    @contextlib.contextmanager
    def update(self) -> Iterator[dns.transaction.Transaction]:
        """All of the changes made within, or none; on disk when the context ends.

        The serial rises when anything has changed. OSError when it cannot be written; the
        zone is then as it was before.
        """
        with self.zone.writer() as transaction:
            yield transaction
            changed = transaction.changed()
            if changed:
                transaction.update_serial(1, True, self.origin)
        if changed:
            try:
                self._save()
            except OSError:
                self.zone = self._load()
                raise

    def _save(self) -> None:
        lines = [
            f"{name} {ttl} IN {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text()}"
            for name, ttl, rdata in self.zone.iterate_rdatas()
        ]
        _replace_file(self.path, ("\n".join(lines) + "\n").encode())

    def rdataset(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
    ) -> dns.rdataset.Rdataset | None:
        return self.zone.get_rdataset(name, rdtype)

    def has_name(self, name: dns.name.Name) -> bool:
        """True also for a name without records that others lie below (RFC 8020)."""
        if self.zone.get_node(name) is not None:
            return True
        return any(owner.is_subdomain(name) for owner in self.zone)

    @property
    def soa(self) -> dns.rdataset.Rdataset:
        found = self.rdataset(self.origin, dns.rdatatype.SOA)
        assert found is not None
        return found


def _replace_file(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
