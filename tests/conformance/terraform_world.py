"""A real terraform (or tofu) in a directory of its own, with nothing of this machine's set-up; the
resources are those that are built into it, so no provider is fetched."""

from __future__ import annotations

import json
import os
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
