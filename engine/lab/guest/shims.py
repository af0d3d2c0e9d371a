"""Places the commands of the guest's `usr/bin` that make it look like Debian to a script."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

_ASK_INIT = ("systemctl", "journalctl", "apt-get", "dpkg-query", "dpkg")


def bare_python() -> str:
    """The interpreter below the lab's virtual environment: starts faster, and makes venvs."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def write_shims(directory: Path) -> None:
    """Write all commands anew: the lab may have moved or been updated since the last boot."""
    binaries = directory / "root/usr/bin"
    client = shlex.join(
        [bare_python(), "-I", "-S", str(Path(__file__).with_name("shim.py")), str(directory)]
    )
    for name in _ASK_INIT:
        write_script(binaries / name, f'exec {client} {name} "$@"')
    write_script(binaries / "python3", f'exec {shlex.quote(bare_python())} "$@"')
    if uv := shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"):
        link(binaries / "uv", Path(uv))


def write_script(path: Path, body: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(f"#!/bin/sh\n{body}\n")
    temporary.chmod(0o755)
    temporary.replace(path)


def link(path: Path, target: Path) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)
