"""Small packages of the tests, in a catalog of the installation's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deployed import Installation, installation
from tests.lab_fixture import RunningLab

CATALOG = Path(__file__).parent / "data" / "catalog"


@contextmanager
def with_packages(lab: RunningLab, directory: Path, *names: str) -> Iterator[Installation]:
    """An installation on the lab that knows these, too. directory: empty; for the catalog."""
    for name in names:
        shutil.copytree(CATALOG / name, directory / name)
    with with_catalog(lab, directory) as opened:
        yield opened


@contextmanager
def with_catalog(lab: RunningLab, directory: Path) -> Iterator[Installation]:
    """An installation on the lab that knows the packages in this directory, too. Whoever opens
    the catalog meanwhile finds them, the worker included."""
    settings = lab.paths.config / "config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'[catalog]\ndirectories = ["{directory}"]\n')
    try:
        with installation(lab) as opened:
            yield opened
    finally:
        settings.unlink()
