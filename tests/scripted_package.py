"""Small packages of the tests, in a catalog of the installation's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.paths import Paths
from tests.deployed import Installation, installation
from tests.lab_fixture import RunningLab

CATALOG = Path(__file__).parent / "data" / "catalog"


def use_catalog(paths: Paths, directory: Path) -> None:
    """Whoever opens the catalog from now on, the worker included, finds what is in it."""
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "config.toml").write_text(f'[catalog]\ndirectories = ["{directory}"]\n')


@contextmanager
def with_packages(lab: RunningLab, directory: Path, *names: str) -> Iterator[Installation]:
    """An installation on the lab that knows these, too. directory: empty; for the catalog."""
    for name in names:
        shutil.copytree(CATALOG / name, directory / name)
    use_catalog(lab.paths, directory)
    try:
        with installation(lab) as opened:
            yield opened
    finally:
        (lab.paths.config / "config.toml").unlink()
