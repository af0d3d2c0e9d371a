"""Debian packages on a guest, installed only where they are missing."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import RemoteFailure
from engine.guests.protocols import Completed
from engine.methods.place import Place

_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
_OPTIONS = ("-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600")


def ensure_packages(place: Place, names: Sequence[str]) -> bool:
    """Installed afterwards; False where all were there. names: checked by the caller.

    The package lists are fetched only where installing fails without: a new image has none,
    an old one has lists of versions that are gone.
    """
    missing = [name for name in names if name not in _installed(place, names)]
    if not missing:
        return False
    place.work.log(f"Installing {', '.join(missing)}")
    with place.work.spent("package-installer"):
        done = _install(place, missing)
        if done.status != 0:
            place.run_long("apt-get", "update", env=_QUIET)
            done = _install(place, missing)
    if done.status != 0:
        raise RemoteFailure(
            "packages cannot be installed on the guest",
            on=f"{', '.join(missing)} at {place.facts.address}",
            why="\n".join((done.stderr or done.stdout).strip().splitlines()[-6:]),
            left="nothing of the application was changed",
            do="Log in to the guest, make `apt-get install` of these packages work (package "
            "sources, network, space), then retry.",
        )
    return True


def _installed(place: Place, names: Sequence[str]) -> set[str]:
    shown = place.run("dpkg-query", "-W", "-f", "${Package} ${Status}\\n", *names, check=False)
    lines = (line.split() for line in shown.stdout.splitlines())
    return {words[0] for words in lines if words[1:] == ["install", "ok", "installed"]}


def _install(place: Place, names: Sequence[str]) -> Completed:
    return place.run_long("apt-get", "install", *_OPTIONS, *names, env=_QUIET)
