"""A real terraform (or tofu) in a directory of its own, with nothing of this machine's set-up; the
resources are those that are built into it, so no provider is fetched."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


def program() -> str:
    """Skips the test where there is neither."""
    found = shutil.which("tofu") or shutil.which("terraform")
    if found is None:
        pytest.skip("needs tofu or terraform on PATH")
    return found


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass
class Terraform:
    directory: Path
    binary: str

    @classmethod
    def new(
        cls, directory: Path, url: str, user: str, password: str, ca_pem: str, retries: int = 0
    ) -> Terraform:
        """A working directory whose backend is there; not initialised yet."""
        directory.mkdir(parents=True, exist_ok=True)
        made = cls(directory, program())
        backend = {
            "address": url,
            "lock_address": url,
            "unlock_address": url,
            "lock_method": "LOCK",
            "unlock_method": "UNLOCK",
            "username": user,
            "password": password,
            "retry_max": retries,
            **({"client_ca_certificate_pem": ca_pem} if ca_pem else {}),
        }
        made.write("backend", {"terraform": {"backend": {"http": backend}}})
        (directory / "cli.rc").write_text("disable_checkpoint = true\n")
        return made

    def write(self, name: str, configuration: object) -> None:
        (self.directory / f"{name}.tf.json").write_text(json.dumps(configuration))

    def resources(self, count: int, value: str = "a") -> None:
        self.write(
            "main",
            {"resource": {"terraform_data": {"it": {"count": count, "input": value}}}},
        )

    def provider(self, source: str, python: Path, script: Path) -> None:
        """A provider written in Python, in a filesystem mirror, as OpenTofu wants one."""
        name, version = source.rpartition("/")[2], "0.1.0"
        mirror = self.directory / "mirror"
        place = mirror / source / version / f"linux_{_ARCHITECTURES[platform.machine()]}"
        place.mkdir(parents=True)
        binary = place / f"terraform-provider-{name}_v{version}"
        binary.write_text(f'#!/bin/sh\nexec "{python}" "{script}" "$@"\n')
        binary.chmod(0o755)
        (self.directory / "cli.rc").write_text(
            "disable_checkpoint = true\n"
            f'provider_installation {{\n filesystem_mirror {{\n path = "{mirror}"\n }}\n}}\n'
        )
        self.write("provider", {"terraform": {"required_providers": {name: {"source": source}}}})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "TF_CLI_CONFIG_FILE": str(self.directory / "cli.rc"),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
        }
        return subprocess.Popen(
            [self.binary, *arguments],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        """What it said; it ended with this status."""
        process = self.start(*arguments)
        said, _ = process.communicate()
        assert process.returncode == status, said
        return said
