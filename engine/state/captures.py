"""Captures: a consistency group's units at one point in time, in one directory on the guest.

A capture is complete or it is not there: its directory gets its name when all units are
written, verified and on the disk. The manifest in it says what was captured, with checksums;
the manifest's own checksum is kept by whoever asked for the capture, so that nobody changes
both in passing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from engine.errors import InvalidInput, NotFound, RemoteFailure
from engine.model.base import Model
from engine.state.protocols import UNFINISHED, Captured, Ground, Size, Unit
from engine.state.registry import state_kind

_MANIFEST = "manifest.json"
_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


class CapturedUnit(Model):
    id: str
    kind: str
    locator: str
    exclude: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    captured: Captured

    @property
    def unit(self) -> Unit:
        return Unit(self.id, self.kind, self.locator, self.exclude, self.empty)


class Manifest(Model):
    """What lies in a capture's directory as manifest.json."""

    format: Literal[1] = 1
    id: str
    deployment: str
    application: str
    release: str
    """The release whose data these are."""
    at: datetime
    units: tuple[CapturedUnit, ...]

    @property
    def text(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, as hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(unit.captured.bytes for unit in self.units)


@dataclass(frozen=True)
class Captures:
    """The captures of one deployment on its guest."""

    ground: Ground

    def measure(self, units: Sequence[Unit]) -> dict[str, Size]:
        """By the units' ids."""
        return {unit.id: state_kind(unit.kind).measure(unit, self.ground) for unit in units}

    def capture(
        self, name: str, units: Sequence[Unit], now: datetime, release: str = ""
    ) -> Manifest:
        """The complete capture of this name: made, or found as it was made before.

        release: the one whose data these are; by default the one that is installed.

        The application must not write meanwhile. What a killed attempt left is removed first.
        """
        place = self.ground.place
        directory, making = self._directory(name), self._directory(name) + UNFINISHED
        if place.exists(directory):
            return self.manifest(name)
        place.run_long("rm", "-rf", "--", making)
        place.directory(place.paths.captures, "0700", "root:root")
        place.directory(making, "0700", "root:root")
        found = []
        for unit in units:
            kind, into = state_kind(unit.kind), f"{making}/{unit.id}"
            captured = kind.capture(unit, self.ground, into)
            kind.verify(unit, self.ground, into, captured)
            place.work.log(_told("Captured", unit, captured))
            fields = {"id": unit.id, "kind": unit.kind, "locator": unit.locator}
            more = {"exclude": unit.exclude, "empty": unit.empty, "captured": captured}
            found.append(CapturedUnit.model_validate(fields | more))
        manifest = Manifest(
            id=name,
            deployment=place.app.deployment,
            application=place.app.package.id,
            release=release or place.app.release.version,
            at=now,
            units=tuple(found),
        )
        place.write(f"{making}/{_MANIFEST}", manifest.text.encode(), mode=0o600)
        place.run_long("sync")
        place.run("mv", "-T", "--", making, directory)
        place.run("sync", place.paths.captures)
        return manifest

    def manifest(self, name: str, checksum: str | None = None) -> Manifest:
        """NotFound without such a capture; RemoteFailure where it is not the one that the
        checksum was written down for."""
        path = f"{self._directory(name)}/{_MANIFEST}"
        data = self.ground.place.shell.read_file(path)
        if data is None:
            raise NotFound(
                what="the captured state is not on the guest",
                on=f"{name} at {self.ground.place.facts.address}",
                why="it was never completed, or was removed",
                left="nothing was changed",
            )
        try:
            manifest = Manifest.model_validate_json(data)
        except ValidationError as error:
            raise _damaged(path, str(error)) from error
        if checksum is not None and manifest.checksum != checksum:
            raise _damaged(path, "it is not the one that was written when state was captured")
        return manifest

    def restore(self, manifest: Manifest) -> bool:
        """Every unit is what it was; False where all were. All are verified before the first
        one is touched. The application must be stopped."""
        directory = self._directory(manifest.id)
        for entry in manifest.units:
            kind = state_kind(entry.kind)
            kind.verify(entry.unit, self.ground, f"{directory}/{entry.id}", entry.captured)
        changed = False
        for entry in manifest.units:
            kind, into = state_kind(entry.kind), f"{directory}/{entry.id}"
            if kind.restore(entry.unit, self.ground, into, entry.captured):
                self.ground.place.work.log(_told("Restored", entry.unit, entry.captured))
                changed = True
        return changed

    def remove(self, name: str) -> bool:
        """The capture and its copies of secrets are gone; False where they were already."""
        from engine.state.secrets import COPIES

        directory, place = self._directory(name), self.ground.place
        there = place.exists(directory)
        # Renamed first: what is removed half must not look like a capture.
        if there:
            place.run("mv", "-T", "--", directory, directory + UNFINISHED)
        place.run_long("rm", "-rf", "--", directory + UNFINISHED)
        secrets = self.ground.secrets.delete(f"{self.ground.secrets_prefix}/{COPIES}/{name}")
        return there or secrets > 0

    def _directory(self, name: str) -> str:
        if not name or set(name) - _ALPHABET or name.startswith(".") or name.endswith(UNFINISHED):
            raise InvalidInput("this cannot name a capture", on=name)
        return f"{self.ground.place.paths.captures}/{name}"


def _told(did: str, unit: Unit, captured: Captured) -> str:
    if captured.facts.get("absent"):
        return f"{did} {unit.id}: there was none"
    size = f", {captured.bytes / 1e6:.1f} MB" if captured.bytes else ""
    items = "1 item" if captured.items == 1 else f"{captured.items} items"
    return f"{did} {unit.id} ({unit.kind}): {items}{size}"


def _damaged(path: str, why: str) -> RemoteFailure:
    return RemoteFailure(
        "the captured state cannot be used",
        on=path,
        why=why,
        left="nothing was changed",
        do="The application's data are as they are now; restore a backup if they are wrong.",
    )
