"""How large a guest is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.catalog.package import Needs


@dataclass(frozen=True)
class GuestSize:
    cores: int
    memory_mib: int
    disk_gib: int

    @classmethod
    def of(cls, needs: Needs, made: Mapping[str, Any] | None = None) -> GuestSize:
        """As it was made or resized (attributes of the guest in the inventory), which guests from
        before that was kept do not tell; else as the package asks."""
        known = {**needs.model_dump(), **(made or {})}
        return cls(int(known["cores"]), int(known["memory_mib"]), int(known["disk_gib"]))

    @property
    def args(self) -> dict[str, int]:
        """Of the step `guest.ensure`."""
        return asdict(self)

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        return f"{cores}, {self.memory_mib} MiB, {self.disk_gib} GiB"
