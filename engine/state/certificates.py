"""Certificates that an application keeps for itself: chains, their keys, accounts at authorities.

The certificate of the deployment's own name is a resource and goes along by itself; this is for
what lies beside it on the guest: of mail servers, federated protocols, an ACME client of the
application's own. They are carried as the files they are, and read at both sides: a key that fits
no more is found here, and not by the first client of the new side. What was no good at the
source already (run out, without its key) is said and carried: it is not this move's to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.errors import RemoteFailure
from engine.state.files import FilesKind
from engine.state.program_run import run_program
from engine.state.protocols import Captured, Compared, Ground, Side, Unit
from engine.state.running import difference, differs

_PAIRS = "pairs"


@dataclass(frozen=True)
class CertificateKind(FilesKind):
    def capture(self, unit: Unit, ground: Ground, into: str) -> Captured:
        captured = super().capture(unit, ground, into)
        return captured.model_copy(
            update={"facts": {**captured.facts, _PAIRS: _pairs(_read(unit, ground))}}
        )

    def restore(self, unit: Unit, ground: Ground, into: str, captured: Captured) -> bool:
        changed = super().restore(unit, ground, into, captured)
        found = _read(unit, ground)
        if why := difference(captured.facts[_PAIRS], _pairs(found)):
            raise RemoteFailure("certificates are not what they were", on=unit.id, why=why)
        _tell(unit, ground, found)
        return changed

    def compare(self, source: Side, target: Side) -> Compared:
        compared = super().compare(source, target)
        here, there = (_read(side.unit, side.ground) for side in (source, target))
        if why := difference(_pairs(here), _pairs(there)):
            raise differs(target, why)
        _tell(target.unit, target.ground, there)
        return compared.model_copy(update={"level": 3})


def troubles(found: Mapping[str, Any]) -> Iterator[str]:
    """What an operator should see to, in words. found: as `programs.certificates` tells it."""
    for name, about in sorted(found["certificates"].items()):
        if about.get("broken"):
            yield f"{name} is not a certificate that can be read"
            continue
        if about["authority"]:
            continue
        until = datetime.fromtimestamp(about["until"], UTC)
        whose = ", ".join(about["names"]) or "no name"
        if about["until"] <= found["now"]:
            yield f"{name} (for {whose}) ran out on {until:%Y-%m-%d}"
        if not about["keys"]:
            yield f"{name} (for {whose}) has no key that fits it"
    for name in found["unreadable"]:
        yield f"the key {name} needs a passphrase or is damaged: what it fits cannot be told"


def _pairs(found: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same, whenever it is looked at."""
    return {name: held for name, held in found.items() if name != "now"}


def _tell(unit: Unit, ground: Ground, found: Mapping[str, Any]) -> None:
    log = ground.place.work.log
    for name, about in sorted(found["certificates"].items()):
        if about.get("keys"):
            until = datetime.fromtimestamp(about["until"], UTC)
            log(f"{unit.id}: {name} for {', '.join(about['names'])}, until {until:%Y-%m-%d}")
    for trouble in troubles(found):
        log(f"{unit.id}: see to it: {trouble}")


def _read(unit: Unit, ground: Ground) -> dict[str, Any]:
    return run_program(
        ground.place,
        "certificates",
        {"path": unit.locator, "exclude": list(unit.exclude)},
        failed="certificates cannot be read",
        on=f"{unit.id} ({unit.kind} {unit.locator})",
    )


def open_kind() -> CertificateKind:
    return CertificateKind(
        "tree", lambda unit, _: {"path": unit.locator, "exclude": list(unit.exclude)}
    )
