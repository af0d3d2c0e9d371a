"""From what a package declares to the units of one deployment on its guest."""

from __future__ import annotations

from engine.catalog.package import StateUnit
from engine.catalog.placeholders import expand_text
from engine.methods.bindings import bindings_of
from engine.methods.place import Place
from engine.state.protocols import Unit
from engine.state.volume import check_device

INSTALLATION = "homeport."
"""How the ids of what Homeport itself puts on a guest begin."""


def units_of(place: Place, group: str | None = None) -> tuple[Unit, ...]:
    """What cannot be made anew, of one consistency group or of all, in the package's order.

    InvalidInput for a path outside the deployment's own directories.
    """
    declared = place.app.package.state
    return tuple(
        _unit(place, unit)
        for unit in declared
        if not unit.is_made_anew and group in (None, unit.group)
    )


def installation_units(place: Place) -> tuple[Unit, ...]:
    """The configuration and the service unit as they lie on the guest: with them the
    application starts again byte for byte as it did, whatever the catalog says by then."""
    paths = place.paths
    return (
        Unit(f"{INSTALLATION}configuration", "files", paths.config),
        Unit(f"{INSTALLATION}service", "files", paths.unit_file),
    )


def _unit(place: Place, unit: StateUnit) -> Unit:
    locator = expand_text(unit.locator, bindings_of(place))
    if unit.kind == "volume" and locator.startswith("/dev/"):
        locator = check_device(locator)
    elif unit.is_path:
        locator = place.paths.within(locator)
    return Unit(unit.id, unit.kind, locator, unit.exclude, unit.empty_after_restore, unit.queues)
