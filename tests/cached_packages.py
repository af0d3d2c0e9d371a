"""Packages that only tests of real services need, too heavy for everybody's `.venv`.

Each is installed once, into a directory of its own in a cache; nothing else is touched. The
directory is HOMEPORT_TEST_CACHE, or homeport-tests in the user's cache.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.private_files import exclusive


def cached_environment(requirement: str, *, python: str = "", overrides: str = "") -> Path:
    """A virtual environment that has the requirement ("name==1.0"); made where there is none.

    python: the interpreter ("3.12"), by default this one. overrides: requirements that take the
    place of the package's own. Skips the test where it cannot be had.
    """
    interpreter = _interpreter(python)
    cache = Path(os.environ.get("HOMEPORT_TEST_CACHE") or _user_cache() / "homeport-tests")
    place = cache / re.sub(r"[^A-Za-z0-9.]+", "-", f"{requirement}-py{python or 'this'}")
    ready = place / "ready"
    with exclusive(cache / "lock"):
        if not ready.exists():
            _install(place, requirement, interpreter, overrides)
            ready.touch()
    return place


def _install(place: Path, requirement: str, interpreter: str, overrides: str) -> None:
    shutil.rmtree(place, ignore_errors=True)
    uv = str(Path(sys.executable).with_name("uv"))
    extra: list[str] = []
    _run([uv, "venv", "--quiet", "--python", interpreter, str(place)], requirement)
    if overrides:
        file = place / "overrides.txt"
        file.write_text(overrides)
        extra = ["--override", str(file)]
    python = str(place / "bin" / "python")
    _run([uv, "pip", "install", "--quiet", "--python", python, *extra, requirement], requirement)


def _run(argv: list[str], requirement: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{requirement} cannot be installed: {done.stderr.strip()[-300:]}")


def _interpreter(version: str) -> str:
    if not version:
        return sys.executable
    kept = Path.home() / ".pyenv" / "versions"
    for found in sorted(kept.glob(f"{version}.*/bin/python{version}"), reverse=True):
        return str(found)
    on_path = shutil.which(f"python{version}")
    if on_path is None:
        pytest.skip(f"needs Python {version}")
    return on_path


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
