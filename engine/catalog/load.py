"""Reading packages: from the built-in catalog and from further catalog directories.

A catalog is a directory with one directory for each package. A package that cannot be read
does not hide the others: it is listed in `Catalog.broken` with what is wrong. What upstream
changed in an application's options, release by release, is kept for ever in a file of its own
beside the manifest, and read when an upgrade asks for it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemas
from engine.catalog.package import Package
from engine.errors import HomeportError, InvalidInput, NotFound
from engine.paths import Paths

if TYPE_CHECKING:
    from forms.migrations import Migrations

MANIFEST = "manifest.yaml"
MIGRATIONS = "migrations.yaml"


class Catalog:
    """All packages of one installation. Files are read on first use, and once."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self._directories = tuple(directories)
        self.broken: dict[Path, HomeportError] = {}
        """Package directories that cannot be used, and why; filled by the first look."""
        self._schemas: dict[Path, dict[str, Any]] = {}
        self._migrations: dict[Path, Migrations] = {}

    @classmethod
    def open(cls, paths: Paths | None = None) -> Catalog:
        """The built-in catalog, and those that the user's configuration names."""
        return cls((schemas.applications(), *(further_directories(paths) if paths else ())))

    def packages(self) -> list[Package]:
        """By name of the application."""
        return sorted(
            (package for _, package in self._found.values()), key=lambda p: p.name.casefold()
        )

    def package(self, application: str) -> Package:
        """NotFound, naming what there is."""
        return self._entry(application)[1]

    def options_schema(self, application: str, release: str | None = None) -> dict[str, Any]:
        """The options of a release, by default of the newest, as JSON Schema 2020-12."""
        directory, package = self._entry(application)
        try:
            found = package.release(release)
        except KeyError:
            raise NotFound(
                f"{package.name} has no release {release} in the catalog",
                do="Choose one of " + ", ".join(r.version for r in package.releases) + ".",
            ) from None
        path = directory / found.options
        if path not in self._schemas:
            self._schemas[path] = _read_schema(path)
        return self._schemas[path]

    def migrations(self, application: str) -> Migrations:
        """What upstream ever changed in the application's options. `changes(old, new)` of it
        leads a document of one release to another. Empty where the package declares none;
        InvalidInput, with the first mistake, where what it declares cannot be used."""
        directory, _ = self._entry(application)
        if directory not in self._migrations:
            self._migrations[directory] = load_migrations(directory)
        return self._migrations[directory]

    def _entry(self, application: str) -> tuple[Path, Package]:
        try:
            return self._found[application]
        except KeyError:
            raise NotFound(
                f"there is no application {application!r} in the catalog",
                do="Choose one of " + ", ".join(sorted(self._found)) + ".",
            ) from None

    @cached_property
    def _found(self) -> dict[str, tuple[Path, Package]]:
        found: dict[str, tuple[Path, Package]] = {}
        for catalog in self._directories:
            for directory in sorted(catalog.iterdir()) if catalog.is_dir() else ():
                if not (directory / MANIFEST).is_file():
                    continue
                try:
                    package = load_package(directory)
                    if package.id in found:
                        raise _taken(package, directory, found[package.id][0])
                    found[package.id] = (directory, package)
                except HomeportError as error:
                    self.broken[directory] = error
        return found


def load_package(directory: Path) -> Package:
    """The package in a directory. InvalidInput, with the first mistake, if it has any."""
    import yaml
    from pydantic import ValidationError

    path = directory / MANIFEST
    try:
        return Package.model_validate_json(_yaml_as_json(path), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _unusable(path, f"{where}: {first['msg']}") from error
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise _unusable(path, str(error)) from error


def load_migrations(directory: Path) -> Migrations:
    """What the package in a directory declares. InvalidInput, with the first mistake, if that
    has any."""
    import yaml

    from forms.migrations import Migrations, read_migrations

    path = directory / MIGRATIONS
    try:
        return read_migrations(json.loads(_yaml_as_json(path)))
    except FileNotFoundError:
        return Migrations()
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise _unusable(path, str(error)) from error


def _yaml_as_json(path: Path) -> str:
    """As JSON, so that "2" is no number and a date no text, as the schemas have it."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return json.dumps(yaml.load(path.read_bytes(), Loader=loader))


def further_directories(paths: Paths) -> tuple[Path, ...]:
    """Catalog directories named in the user's `config.toml`:

    [catalog]
    directories = ["/srv/our-catalog"]
    """
    file = paths.config / "config.toml"
    try:
        text = file.read_text()
    except FileNotFoundError:
        return ()
    try:
        named = tomllib.loads(text).get("catalog", {}).get("directories", [])
        return tuple((paths.config / Path(name).expanduser()) for name in named)
    except (tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        raise InvalidInput(
            "the configuration cannot be read",
            on=str(file),
            why=str(error),
            do='Write [catalog], and below it: directories = ["/path/to/catalog"]',
        ) from error


def _read_schema(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    if not isinstance(schema, dict):
        raise _unusable(path, "an options schema is an object")
    return schema


def _unusable(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        "the package cannot be used",
        on=str(path),
        why=why,
        do=f"Run: homeport catalog check {path.parent}",
    )


def _taken(package: Package, directory: Path, holder: Path) -> InvalidInput:
    return InvalidInput(
        f"two packages are called {package.id}",
        on=str(directory),
        why=f"{holder} has that name already",
        do=f"Rename one of them, or take {directory.parent} out of the configuration.",
    )
