"""The application's own packages: one virtual environment per release.

A release is complete when its marker says what is in it; anything without that marker is
what a killed attempt left, and is removed before the next begins. Releases stand side by
side, so that going back needs no installer.
"""

from __future__ import annotations

import re

from packaging.specifiers import SpecifierSet

from engine.errors import InvalidInput, RemoteFailure
from engine.guests.protocols import Completed
from engine.methods import apt
from engine.methods.place import Place

_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._-]+(,[A-Za-z0-9._-]+)*\])?==[A-Za-z0-9.!+_-]+"
)
"""Exact versions only (PEP 508 without markers and addresses)."""
_DEBIAN_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
"""Debian policy 5.6.1."""


def ensure_release(place: Place) -> bool:
    """The release's environment, complete. False where it was so already."""
    paths, release = place.paths, place.app.release
    wanted = "".join(f"{line}\n" for line in _checked(release.pypi))
    if place.shell.read_file(paths.installed) == wanted.encode():
        return False
    has_uv = place.run("uv", "--version", check=False).status == 0
    debian = (*(() if has_uv else ("python3-venv",)), *_debian_names(release.build))
    if debian:
        apt.ensure_packages(place, debian)
    check_python(place)
    place.work.log(f"Installing {' '.join(release.pypi)}")
    with place.work.spent("package-installer"):
        _install(place, has_uv)
    place.write(paths.installed, wanted.encode())
    return True


def check_python(place: Place) -> None:
    """RemoteFailure where the guest's Python is not one that the release runs with."""
    release, python = place.app.release, _python_version(place)
    if python not in SpecifierSet(release.python):
        raise RemoteFailure(
            f"the guest's Python cannot run {place.app.package.name} {release.version}",
            on=place.facts.address,
            why=f"it is {python}, and the release needs {release.python}",
            left="nothing was installed",
            do="Use a newer image for the guests of this provider, or choose another release.",
        )


def _install(place: Place, has_uv: bool) -> None:
    venv = place.paths.venv
    requirements = _checked(place.app.release.pypi)
    if not place.app.release.resolve:
        requirements = ("--no-deps", *requirements)
    _done(place, place.run_long("rm", "-rf", "--", venv))
    if has_uv:
        make = ("uv", "venv", "--no-python-downloads", "--python", "python3", "--", venv)
        _done(place, place.run_long(*make))
        install = ("uv", "pip", "install", "--no-python-downloads", "--compile-bytecode")
        _done(place, place.run_long(*install, "--python", f"{venv}/bin/python", *requirements))
    else:
        _done(place, place.run_long("python3", "-m", "venv", "--", venv))
        install = (f"{venv}/bin/python", "-m", "pip", "install", "--progress-bar=off")
        _done(place, place.run_long(*install, "--no-input", *requirements))


def _done(place: Place, completed: Completed) -> None:
    if completed.status == 0:
        return
    said = (completed.stderr or completed.stdout).strip().splitlines()
    raise RemoteFailure(
        f"{place.app.package.name} {place.app.release.version} cannot be installed",
        on=place.facts.address,
        why="\n".join(said[-8:]) or f"exit status {completed.status}",
        left="the half-made environment is removed by the next attempt",
        do="Check that the guest reaches the package registry and has free space, then retry.",
    )


def _python_version(place: Place) -> str:
    if place.facts.python:
        return place.facts.python
    # It came with the packages, after we had logged in.
    shown = place.run("python3", "-c", "import platform; print(platform.python_version())")
    return shown.stdout.strip()


def _debian_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _DEBIAN_NAME.fullmatch(name):
            raise InvalidInput(
                "the package names a Debian package that cannot be one",
                on=name,
                do="Correct the package's `build`.",
            )
    return names


def _checked(requirements: tuple[str, ...]) -> tuple[str, ...]:
    for requirement in requirements:
        if not _REQUIREMENT.fullmatch(requirement):
            raise InvalidInput(
                "the package names a requirement that is not an exact version",
                on=requirement,
                do='Correct the package\'s `pypi`: "name==version".',
            )
    return requirements
