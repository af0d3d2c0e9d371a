"""`homeport lab`: the lab of this installation, and its two providers in the inventory.

The lab knows nothing of an installation and the engine nothing of the lab; they meet here,
in what a user would otherwise type on the provider page.
"""

from __future__ import annotations

from engine.errors import Conflict
from engine.homeport import Homeport
from engine.lab.lab import Lab, PartStatus, Say
from engine.lab.lab_record import HARBOURS, GuestKind
from engine.paths import Paths


def up(
    paths: Paths, say: Say = lambda text: None, *, guests: GuestKind | None = None
) -> list[PartStatus]:
    """The lab runs and both of its providers are known to the installation. guests: see
    `Lab.up`."""
    lab = Lab(paths.lab)
    parts = lab.up(say, guests=guests)
    homeport = Homeport.open(paths)
    try:
        for profile, secrets in lab.provider_profiles():
            homeport.save_provider(profile, secrets)
    finally:
        homeport.close()
    return parts


def down(paths: Paths, say: Say = lambda text: None) -> bool:
    """Nothing of the lab runs; its state stays. False: there is no lab."""
    return Lab(paths.lab).down(say)


def status(paths: Paths) -> list[PartStatus]:
    """How every part is; empty when there is no lab."""
    return Lab(paths.lab).status()


def reset(paths: Paths, say: Say = lambda text: None, *, force: bool = False) -> bool:
    """Remove the lab and its providers. False: there was no lab.

    Conflict while deployments live in it, unless forced: their data is in the lab, too.
    Their entries stay in the inventory and can be destroyed there.
    """
    lab = Lab(paths.lab)
    homeport = Homeport.open(paths)
    try:
        known = {profile.name for profile in homeport.providers()} & set(HARBOURS)
        living = [
            view.deployment for view in homeport.deployments() if view.deployment.provider in known
        ]
        if living and lab.exists and not force:
            raise Conflict(
                "the lab is not removed",
                on=", ".join(sorted(deployment.name for deployment in living)),
                why="these deployments live in it, and their data would be gone",
                left="nothing was changed",
                do="Destroy them first, or say that you mean it: homeport lab reset --force",
            )
        removed = lab.reset(say)
        for name in known - {deployment.provider for deployment in living}:
            homeport.remove_provider(name)
    finally:
        homeport.close()
    return removed
