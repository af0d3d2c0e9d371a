"""What OpenTofu needs on this machine: the program, and a mirror with a plug-in for Proxmox VE; and
a backend on them, as a worker opens it, in this process or in one that is killed."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from engine.backends.addresses.netbox.service import open_backend as open_netbox
from engine.backends.buckets.service import open_backend as open_s3
from engine.backends.databases.postgresql.service import open_backend as open_postgresql
from engine.backends.hypervisor.proxmox import open_backend
from engine.backends.infrastructure.opentofu.addresses import DeclaredAddresses
from engine.backends.infrastructure.opentofu.buckets import DeclaredBuckets
from engine.backends.infrastructure.opentofu.databases import DeclaredDatabases
from engine.backends.infrastructure.opentofu.driver import open_infrastructure
from engine.backends.infrastructure.opentofu.guests import DeclaredGuests
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.protocols import GuestSpec
from engine.backends.registry import BackendEnvironment
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.paths import Paths
from tests.cached_packages import cached_environment
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.terraform_world import program

Opened = TypeVar("Opened")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_SCRIPTS = {"proxmox": "proxmox_provider", "netbox": "services_provider"}
_SCRIPTS |= dict.fromkeys(("postgresql", "aws"), _SCRIPTS["netbox"])
"""By the names of plug-ins: the module that stands for each."""


def infrastructure(directory: Path, **more: Any) -> BackendProfile:
    """`infrastructure: opentofu`, with a mirror made in this directory, of all plug-ins that are
    declared for. Skips the test where there is no program for it."""
    binary = program()
    registry = "registry.terraform.io" if "terraform" in binary else "registry.opentofu.org"
    pinned = OpenTofuSettings()
    for name, module in _SCRIPTS.items():
        source, version = getattr(pinned, f"{name}_source"), getattr(pinned, f"{name}_version")
        _put_plugin(directory, f"{registry}/{source}", version, module)
    settings = {"binary": binary, "mirror": str(directory), **more}
    return BackendProfile(kind="opentofu", settings=settings)


def _put_plugin(directory: Path, source: str, version: str, module: str) -> None:
    name = source.rpartition("/")[2]
    place = directory / source / version / f"linux_{_ARCHITECTURES[platform.machine()]}"
    place.mkdir(parents=True)
    python = cached_environment("tf==1.2.0") / "bin" / "python"
    plugin = place / f"terraform-provider-{name}_v{version}"
    plugin.write_text(
        "#!/bin/sh\n"
        f'export HOLD="{directory}" SITE="{sysconfig.get_path("purelib")}" SOURCE="{source}"\n'
        f'export PYTHONPATH="{Path(__file__).parents[2]}"\n'
        f'exec "{python}" -m tests.conformance.{module} {name} "$@"\n'
    )
    plugin.chmod(0o755)


@dataclass
class TofuWorld:
    """All that a worker is told; secrets by their references. Plain JSON."""

    home: str
    provider: dict[str, Any]
    hypervisor: dict[str, Any]
    infrastructure: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return Path(self.home) / "state" / "infrastructure"

    @property
    def mirror(self) -> Path:
        return Path(self.infrastructure["mirror"])

    @property
    def environment(self) -> BackendEnvironment:
        paths = Paths.from_environment({"HOMEPORT_HOME": self.home})
        hypervisor = {"kind": "proxmox", "settings": self.hypervisor}
        backends = {"hypervisor": hypervisor, **self.provider["backends"]}
        profile = ProviderProfile.model_validate({**self.provider, "backends": backends})
        read = self.secrets.__getitem__
        return BackendEnvironment(profile, "ab12cd34", paths, read, MemoryLeases())

    def open(self) -> DeclaredGuests:
        """With nothing remembered but what is at the provider and on the disk."""
        return self._opened(DeclaredGuests, Service.HYPERVISOR, open_backend)

    def databases(self) -> DeclaredDatabases:
        """As `open`."""
        return self._opened(DeclaredDatabases, Service.DATABASES, open_postgresql)

    def addresses(self) -> DeclaredAddresses:
        """As `open`."""
        return self._opened(DeclaredAddresses, Service.ADDRESSES, open_netbox)

    def buckets(self) -> DeclaredBuckets:
        """As `open`."""
        return self._opened(DeclaredBuckets, Service.BUCKETS, open_s3)

    def _opened(
        self, kind: type[Opened], service: Service, open_native: Callable[..., Any]
    ) -> Opened:
        environment = self.environment
        native = open_native(environment, environment.provider.backends[service].settings)
        declared = open_infrastructure(environment, self.infrastructure)
        opened = getattr(declared, service.value)(native)
        assert isinstance(opened, kind)
        return opened

    def start(self, wanted: GuestSpec | tuple[str, str, str]) -> subprocess.Popen[bytes]:
        """A worker of its own that makes the guest, or the database of these arguments."""
        file = Path(self.home) / "task.json"
        told = asdict(wanted) if isinstance(wanted, GuestSpec) else wanted
        file.write_text(json.dumps({"world": asdict(self), "wanted": told}))
        file.chmod(0o600)
        return subprocess.Popen([sys.executable, "-m", __name__, str(file)])

    def hold(self, moment: str) -> None:
        (self.mirror / "held").unlink(missing_ok=True)
        (self.mirror / f"hold-{moment}").touch()

    def let_go(self) -> None:
        for file in self.mirror.glob("hold-*"):
            file.unlink()

    @property
    def is_held(self) -> bool:
        return (self.mirror / "held").exists()


def descendants(pid: int) -> list[Path]:
    """Of a process, as places in /proc."""
    parents = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                state = (process / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(process.name)] = int(state[1])
    found, pending = [], [pid]
    while pending:
        parent = pending.pop()
        children = [child for child, of in parents.items() if of == parent]
        found += children
        pending += children
    return [Path(f"/proc/{child}") for child in found]


def _work(file: Path) -> None:
    task = json.loads(file.read_text())
    world, wanted = TofuWorld(**task["world"]), task["wanted"]
    if isinstance(wanted, list):
        world.databases().ensure(*wanted)
        return
    wanted |= {key: tuple(wanted[key]) for key in ("nameservers", "ssh_public_keys")}
    world.open().ensure(GuestSpec(**wanted), Journal())


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
