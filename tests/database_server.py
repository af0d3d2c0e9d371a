"""A PostgreSQL of a test's own, behind a socket in a private directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NOBODY = 65534
"""PostgreSQL refuses to run as root; any other user will do."""


def programs() -> Path | None:
    """Where initdb and postgres are: on the path, or where Debian keeps them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def postgresql() -> Iterator[Path]:
    """The directory of its socket; anybody on this machine who may enter it is `homeport`."""
    found = programs()
    if found is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    base = Path(tempfile.mkdtemp(prefix="hp-pg-"))
    account = _NOBODY if os.geteuid() == 0 else None
    if account is not None:
        os.chown(base, account, account)
    data = base / "data"
    options: dict[str, Any] = {"user": account, "cwd": base, "stdout": subprocess.DEVNULL}
    subprocess.run(
        [found / "initdb", "-D", data, "-U", "homeport", "-A", "trust", "--no-sync"],
        check=True,
        stderr=subprocess.DEVNULL,
        **options,
    )
    control = [found / "pg_ctl", "-D", data, "-w", "-s"]
    flags = f"-c listen_addresses='' -c unix_socket_directories={base} -c fsync=off"
    try:
        start = [*control, "-l", base / "log", "-o", flags, "start"]
        subprocess.run(start, check=True, **options)
        yield base
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **options)
        shutil.rmtree(base)
