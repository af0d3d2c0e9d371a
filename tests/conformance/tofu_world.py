"""What OpenTofu needs on this machine: the program, and a mirror with a plug-in for Proxmox VE."""

from __future__ import annotations

import platform
from pathlib import Path

from engine.model.provider import BackendProfile
from tests.cached_packages import cached_environment
from tests.conformance.terraform_world import program

VERSION = "0.111.1"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def infrastructure(directory: Path, **more: object) -> BackendProfile:
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
    plugin.write_text(f'#!/bin/sh\nexec "{python}" "{script}" "$@"\n')
    plugin.chmod(0o755)
    settings = {"binary": binary, "mirror": str(directory), "proxmox_version": VERSION, **more}
    return BackendProfile(kind="opentofu", settings=settings)
