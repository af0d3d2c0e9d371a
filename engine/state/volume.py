"""A block volume of the guest: a device that is attached to it, or a raw image in a file.

Carried by blocks: every pass reads both sides, and moves the blocks whose hashes differ. So a
second pass costs reading, and hardly any line. The last one reads all of the volume while nobody
writes: it takes what reading takes, at the slower of the two disks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.errors import InvalidInput
from engine.state.protocols import Compared, Ground, Moved, Passage, Side, Unit
from engine.state.running import ProgramKind

_DEVICE = re.compile(r"/dev/(disk/by-(id|label|partlabel|partuuid|uuid)|mapper)/[A-Za-z0-9._:+-]+")
"""Names that mean the same device after a restart; /dev/sdb does not."""


@dataclass(frozen=True)
class VolumeKind(ProgramKind):
    is_seeded: ClassVar[bool] = True

    def seed(self, source: Side, target: Side, passage: Passage) -> Moved:
        return self._sync(source, target, passage, live=True)

    def delta(
        self, source: Side, target: Side, passage: Passage, *, thorough: bool = False
    ) -> Moved:
        """All of it is read at both sides in any case."""
        source.ground.place.run_long("sync")
        return self._sync(source, target, passage, live=False)

    def compare(self, source: Side, target: Side) -> Compared:
        """As far as the source's volume goes: the target's device may be larger."""
        size = self._run("size", source.unit, source.ground)["size"]
        return self._read_both(source, target, size=size)

    def _sync(self, source: Side, target: Side, passage: Passage, *, live: bool) -> Moved:
        found = self._run(
            "sync",
            target.unit,
            target.ground,
            source=source.unit.locator,
            config=passage.config,
            live=live,
        )
        return Moved(items=found["items"], bytes=found["bytes"])


def check_device(locator: str) -> str:
    """The name of a device as it may be written. InvalidInput."""
    if not _DEVICE.fullmatch(locator):
        raise InvalidInput(
            what="this does not name a volume for good",
            on=locator,
            left="nothing was changed",
            do="Write {data}/NAME for an image, or /dev/disk/by-id/NAME (by-label, by-uuid) or "
            "/dev/mapper/NAME for a device.",
        )
    return locator


def _task(unit: Unit, _ground: Ground) -> Mapping[str, Any]:
    return {"path": unit.locator}


def open_kind() -> VolumeKind:
    return VolumeKind("volume", _task)
