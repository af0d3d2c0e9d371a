"""What OpenTofu needs on this machine: the program, and a mirror with a plug-in for Proxmox VE; and
a backend on them, as a worker opens it, in this process or in one that is killed."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.backends.hypervisor.proxmox import open_backend
from engine.backends.infrastructure.opentofu.driver import open_infrastructure
from engine.backends.infrastructure.opentofu.guests import DeclaredGuests
from engine.backends.protocols import GuestSpec
from engine.backends.registry import BackendEnvironment
from engine.model.provider import BackendProfile, ProviderProfile
from engine.paths import Paths
from tests.cached_packages import cached_environment
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.terraform_world import program

VERSION = "0.111.1"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def infrastructure(directory: Path, **more: Any) -> BackendProfile:
    """`infrastructure: opentofu`, with a mirror made in this directory. Skips the test where there
    is no program for it."""
    binary = program()
    registry = "registry.terraform.io" if "terraform" in binary else "registry.opentofu.org"
    system = f"linux_{_ARCHITECTURES[platform.machine()]}"
    place = directory / registry / "bpg" / "proxmox" / VERSION / system
    place.mkdir(parents=True)
    python = cached_environment("tf==1.2.0") / "bin" / "python"
    script = Path(__file__).with_name("proxmox_provider.py")
    plugin = place / f"terraform-provider-proxmox_v{VERSION}"
    plugin.write_text(f'#!/bin/sh\nHOLD="{directory}" exec "{python}" "{script}" "$@"\n')
    plugin.chmod(0o755)
    settings = {"binary": binary, "mirror": str(directory), "proxmox_version": VERSION, **more}
    return BackendProfile(kind="opentofu", settings=settings)


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
        environment = self.environment
        native = open_backend(environment, self.hypervisor)
        opened = open_infrastructure(environment, self.infrastructure).hypervisor(native)
        assert isinstance(opened, DeclaredGuests)
        return opened

    def start(self, spec: GuestSpec) -> subprocess.Popen[bytes]:
        """A worker of its own that makes the guest."""
        file = Path(self.home) / "task.json"
        file.write_text(json.dumps({"world": asdict(self), "spec": asdict(spec)}))
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


def _work(file: Path) -> None:
    task = json.loads(file.read_text())
    wanted = task["spec"]
    wanted |= {key: tuple(wanted[key]) for key in ("nameservers", "ssh_public_keys")}
    TofuWorld(**task["world"]).open().ensure(GuestSpec(**wanted), Journal())


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
