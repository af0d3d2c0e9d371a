"""What removes one side of a deployment: the guest, the address and what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Effect, PlannedStep
from engine.planning.desired import Desired
from engine.planning.nets import dropped
from engine.planning.reverse import reverse_unnamed
from engine.planning.sequence import named
from engine.planning.services import dropping


def removal_of_side(
    side: Desired, resources: Sequence[Resource], *, keeps_secrets: bool
) -> list[PlannedStep]:
    """Every deletion is named, and nothing at another provider is among them. The steps look
    for the deployment's mark at the provider, whatever the inventory knows.

    keeps_secrets: the store is also that of a side that stays.
    """
    at, name = side.provider.name, side.name
    there = side.provider.title or at
    own = [found for found in resources if found.provider == at]
    known = {found.kind: found.external_id for found in reversed(own)}
    guest, address = known.get(ResourceKind.GUEST), known.get(ResourceKind.ADDRESS)
    captures = [found.key for found in own if found.kind is ResourceKind.CAPTURE]
    steps = [
        *reverse_unnamed(side),
        *dropped(side, resources),
        side.step(
            "guest.destroy@1",
            "Destroy the guest",
            Effect.DELETE,
            f"guest {name}{f' ({guest})' if guest else ''} at {there} with all data on it",
        ),
        side.step(
            "address.release@1",
            "Give the address back",
            Effect.DELETE,
            f"address {address or f'of {name}'} at {there}",
        ),
    ]
    at_servers = next(n for n, step in enumerate(steps) if step.id == "guest.destroy") + 1
    steps[at_servers:at_servers] = dropping(side, resources)
    if not keeps_secrets:
        steps.append(
            side.step(
                "secrets.remove@1",
                "Remove the secrets",
                Effect.DELETE,
                f"all secrets of {name} in the store of {there}, the certificate's key included",
            )
        )
    steps.append(
        side.step(
            "side.forget@1",
            "Close the books on that side",
            Effect.CHANGE,
            f"{name} at {there}",
            (),
            {"captures": captures} if captures else None,
        )
    )
    return [named(step, f"{at}.{step.id}").model_copy(update={"at": at}) for step in steps]


def removal_of_throw_away(
    desired: Desired, made_by: str, *, captures: Sequence[str] = ()
) -> list[PlannedStep]:
    """Of a deployment that nobody but one operation ever had. captures: names of its own."""
    name = desired.name
    return [
        desired.step(
            "guest.destroy@1",
            "Destroy the throw-away guest",
            Effect.DELETE,
            f"throw-away guest {name}, made by this {made_by}",
        ),
        *dropping(desired, ()),
        desired.step(
            "address.release@1", "Give its address back", Effect.CHANGE, f"address of {name}"
        ),
        desired.step(
            "secrets.remove@1", "Remove its copies of secrets", Effect.CHANGE, f"copies for {name}"
        ),
        desired.step(
            "deployment.forget@1",
            "Close the books",
            Effect.CHANGE,
            f"{name}; the result is kept",
            (),
            {"own_captures": list(captures)} if captures else None,
        ),
    ]
