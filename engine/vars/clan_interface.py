"""Clan's interface of a store for generated files, as far as a store needs it, for where Clan is
not installed: its types, and what the base of all stores does by itself.

Where Clan is installed, `engine.vars.clan` stands on Clan's own base instead. The shape is that
of Clan's `clan_lib.vars._types` (clan-core, 2026).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shared:
    def rel_prefix(self) -> Path:
        return Path("shared")


@dataclass(frozen=True)
class PerMachine:
    machine: str

    def rel_prefix(self) -> Path:
        return Path("per-machine") / self.machine


@dataclass(frozen=True)
class PerExport:
    exports_key: str

    def rel_prefix(self) -> Path:
        return Path("per-export") / self.exports_key


Placement: TypeAlias = Shared | PerMachine | PerExport


@dataclass(frozen=True)
class GeneratorId:
    name: str
    placement: Placement

    def rel_dir(self) -> Path:
        return self.placement.rel_prefix() / self.name


@dataclass(frozen=True)
class StoreRequest:
    """Who may have a file: it is put onto the machines in `deploy`, and is for `machines`."""

    placement: Placement
    deploy: Sequence[str]
    machines: Sequence[str]


class Flake(Protocol):
    @property
    def path(self) -> Path: ...


class Var(Protocol):
    """A declared file. mode: as a number."""

    name: str
    secret: bool
    deploy: bool
    owner: str
    group: str
    mode: int
    needed_for: str


class GeneratorStore(Protocol):
    """A generator, as stores see it."""

    name: str
    machines: list[str]

    @property
    def key(self) -> GeneratorId: ...

    @property
    def files(self) -> Sequence[Var]: ...


class StoreBase(ABC):
    """What every store inherits."""

    _secret_cache: dict[Path, bytes] | None = None
    """Where somebody puts a dictionary here, each value is read once."""

    def __init__(self, flake: Flake) -> None:
        self.flake = flake
        self.clan_dir = Path(flake.path)

    @property
    @abstractmethod
    def store_name(self) -> str: ...

    @property
    @abstractmethod
    def is_secret_store(self) -> bool: ...

    @abstractmethod
    def get(self, generator: GeneratorId, name: str) -> bytes: ...

    @abstractmethod
    def _set(
        self, generator: GeneratorId, name: str, value: bytes, *request: Any, **named: Any
    ) -> list[Path]: ...

    @abstractmethod
    def exists(self, generator: GeneratorId, name: str) -> bool: ...

    @abstractmethod
    def delete(self, generator: GeneratorId, name: str) -> Iterable[Path]: ...

    @abstractmethod
    def delete_store(self, machine: str) -> Iterable[Path]: ...

    @abstractmethod
    def get_validation(self, generator: GeneratorId) -> str | None: ...

    @abstractmethod
    def set_validation(self, generator: GeneratorId, hash_str: str | None) -> list[Path]: ...

    def set(
        self,
        generator: GeneratorStore,
        var: Var,
        value: bytes,
        is_migration: bool = False,
        log_info: Callable[[str], None] = log.info,
    ) -> list[Path]:
        """Store a value; the one that a generator left before it became shared, or stopped being
        so, is removed. Files of the repository that changed."""
        key = generator.key
        machines: list[Placement] = [PerMachine(machine) for machine in generator.machines]
        switched: dict[type, list[Placement]] = {Shared: machines, PerMachine: [Shared()]}
        deploy = generator.machines if var.deploy else []
        request = StoreRequest(key.placement, deploy, generator.machines)
        changed = self._set(key, var.name, value, request)
        for placement in switched.get(type(key.placement), []):
            before = GeneratorId(key.name, placement)
            if self.exists(before, var.name):
                changed += self.delete(before, var.name)
        done = "migrated" if is_migration else "stored"
        log_info(f"{done} {key.name}/{var.name} for {', '.join(generator.machines)}")
        return changed

    def hash_is_valid(self, generator: GeneratorId, target_hash: str | None) -> bool:
        return self.get_validation(generator) == target_hash

    def rel_dir(self, generator: GeneratorId, var_name: str) -> Path:
        return generator.rel_dir() / var_name

    def directory(self, generator: GeneratorId, var_name: str) -> Path:
        return self.clan_dir / "vars" / self.rel_dir(generator, var_name)
