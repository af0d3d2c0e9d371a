"""The guest as a whole, kept by its hypervisor before what cannot be taken back there.

Whether and how is a setting of the provider's hypervisor (`safety_net`), so a plan shows it
without asking anybody. What was kept is removed by name: by the next upgrade, or with the guest.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Effect, PlannedStep
from engine.model.provider import Service
from engine.planning.desired import Desired
from engine.planning.sequence import named

_WHAT = {
    "snapshot": "a snapshot of guest {name}, where its storage has them",
    "backup": "a backup of guest {name} on the storage {storage}",
}


def kept_before_upgrade(side: Desired) -> list[PlannedStep]:
    """The guest as it is before anything is changed on it; the next upgrade removes that."""
    return _kept(side) if _kind(side) in _WHAT else []


def kept_before_removal(side: Desired) -> list[PlannedStep]:
    """A backup of a guest that is about to go; a snapshot would go with it."""
    return _kept(side) if _kind(side) == "backup" else []


def dropped(side: Desired, resources: Sequence[Resource]) -> list[PlannedStep]:
    """Every net that earlier operations left at this side, by name."""
    return _dropped(side, side.provider.name, resources)


def dropped_elsewhere(
    here: Desired, resources: Sequence[Resource], besides: Sequence[str]
) -> list[PlannedStep]:
    """Nets at providers where nothing else of the deployment is left, one step for each;
    besides: providers that are seen to already."""
    places = {found.provider for found in resources if found.kind is ResourceKind.SAFETY_NET}
    return [
        named(step, f"{place}.{step.id}").model_copy(update={"at": place})
        for place in sorted(places - set(besides))
        for step in _dropped(here, place, resources)
    ]


def _dropped(side: Desired, place: str, resources: Sequence[Resource]) -> list[PlannedStep]:
    names = [
        found.key
        for found in resources
        if found.kind is ResourceKind.SAFETY_NET and found.provider == place
    ]
    if not names:
        return []
    title, what = "Remove old safety nets", f"of {side.name} at {place}: {', '.join(names)}"
    return [side.step("guest.drop-net@1", title, Effect.DELETE, what, (), {"names": names})]


def _kept(side: Desired) -> list[PlannedStep]:
    hypervisor, kind = side.provider.backends[Service.HYPERVISOR], _kind(side)
    storage = hypervisor.settings.get("backup_storage", "")
    what = _WHAT[kind].format(name=side.name, storage=storage)
    title = "Keep the guest as it is"
    return [side.step("guest.keep-net@1", title, Effect.CREATE, what, (), {"kind": kind})]


def _kind(side: Desired) -> str:
    hypervisor = side.provider.backends.get(Service.HYPERVISOR)
    return str(hypervisor.settings.get("safety_net", "none")) if hypervisor else "none"
