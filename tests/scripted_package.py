"""A package with migration scripts, in a catalog of the installation's own."""

from __future__ import annotations

from pathlib import Path

from engine.paths import Paths

CATALOG = Path(__file__).parent / "data" / "catalog"


def use_catalog(paths: Paths, directory: Path) -> None:
    """Whoever opens the catalog from now on, the worker included, finds what is in it."""
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "config.toml").write_text(f'[catalog]\ndirectories = ["{directory}"]\n')
