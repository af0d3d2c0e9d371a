"""The plan that removes a deployment and all that it owns; every deletion is named.

Each step looks for what bears the deployment's mark at the provider, not only for what the
inventory remembers, so a deployment that failed at any point is removed whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Effect, Intent, Plan
from engine.planning.desired import Desired
from engine.planning.nets import dropped, dropped_elsewhere
from engine.planning.records import more_than_the_address, record_args
from engine.planning.removal import removal_of_side
from engine.planning.reverse import reverse_unnamed
from engine.planning.services import dropping


def plan_destroy(
    desired: Desired,
    resources: Sequence[Resource],
    *,
    names_at: str = "",
    other: Desired | None = None,
    keeps_secrets: bool = False,
) -> Plan:
    """names_at: the provider of its names, where it is not the one it lives at.

    other: the other side of a move, where something of it is left; keeps_secrets: that side
    has the same store of secrets.
    """
    own = [found for found in resources if found.provider == desired.provider.name]
    known = {resource.kind: resource.external_id for resource in reversed(own)}
    guest, address = known.get(ResourceKind.GUEST), known.get(ResourceKind.ADDRESS)
    kept = [resource.key for resource in own if resource.kind is ResourceKind.CAPTURE]
    name, domain = desired.name, desired.domain
    elsewhere = removal_of_side(other, resources, keeps_secrets=keeps_secrets) if other else []
    sides = [desired.provider.name, *([other.provider.name] if other else [])]
    nets = [*dropped(desired, resources), *dropped_elsewhere(desired, resources, sides)]
    served = [
        step.model_copy(update={"after": ("guest.destroy",)}) for step in dropping(desired, own)
    ]
    unnamed = reverse_unnamed(desired, ("dns.remove",))
    steps = (
        desired.step(
            "dns.remove@1",
            "Remove the name",
            Effect.DELETE,
            f"{desired.record_type} record {domain}{more_than_the_address(desired)}",
            (),
            {"records": record_args(desired)},
        ).model_copy(update={"at": names_at}),
        *unnamed,
        *(
            step.model_copy(update={"after": (before,)})
            for before, step in zip(
                ["dns.remove", *(step.id for step in elsewhere)], elsewhere, strict=False
            )
        ),
        *(step.model_copy(update={"after": ("dns.remove",)}) for step in nets),
        desired.step(
            "guest.destroy@1",
            "Destroy the guest",
            Effect.DELETE,
            f"guest {name}{f' ({guest})' if guest else ''} with all data on it",
            ("dns.remove", *(step.id for step in nets)),
        ),
        *served,
        desired.step(
            "address.release@1",
            "Give the address back",
            Effect.DELETE,
            f"address {address}" if address else f"address of {name}",
            ("guest.destroy", *(step.id for step in unnamed)),
        ),
        desired.step(
            "certificate.remove@1",
            "Remove the certificate",
            Effect.DELETE,
            f"certificate and key for {domain}",
        ),
        desired.step(
            "secrets.remove@1",
            "Remove the secrets",
            Effect.DELETE,
            f"all secrets of {name}",
            ("guest.destroy", "certificate.remove", *(step.id for step in served)),
        ),
        desired.step(
            "deployment.forget@1",
            "Close the books",
            Effect.CHANGE,
            f"deployment {name}; its history is kept",
            ("address.release", "secrets.remove", *(step.id for step in elsewhere[-1:])),
            {"captures": kept} if kept else None,
        ),
    )
    where = f"on guest {name}" + (" and on servers of the provider" if served else "")
    warning = f"All data of {desired.package.name} {where} is lost."
    return desired.plan(Intent.DESTROY, steps, (), (warning,))
