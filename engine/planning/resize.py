"""The plan that gives a deployment's guest another size; empty where nothing would change."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import InvalidInput
from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.planning.desired import Desired
from engine.planning.guest_size import GuestSize
from engine.planning.sequence import in_order, named
from engine.planning.services import bucket_step, database_step

ENSURE = "guest.ensure"
_BACK = "back."


def plan_resize(
    desired: Desired, now: GuestSize, wanted: GuestSize, owned: Sequence[Resource] = ()
) -> Plan:
    """The application is away while its guest is off. Of a guest that stays as it is, the plan has
    the declaration alone, and that of what else is owned: whether that changes anything, whoever
    it is declared to must say.

    InvalidInput for a smaller disk.
    """
    if wanted.disk_gib < now.disk_gib:
        raise InvalidInput(
            "a guest's disk cannot be made smaller",
            on=desired.name,
            why=f"it has {now.disk_gib} GiB, and {wanted.disk_gib} were asked for",
            left="nothing was changed",
            do="Ask for as much or more.",
        )
    check = desired.step("preflight@1", "Check the provider", Effect.READ, desired.provider.name)
    if now == wanted:
        keep = _ensure(desired, wanted, "Declare the guest as it is", str(now))
        more = [step for one in owned if (step := _kept(desired, one))]
        return desired.plan(Intent.RECONFIGURE, in_order((check, keep, *more)))
    subject = f"{desired.name}: {now} -> {wanted}"
    start = desired.step("guest.start@1", "Start the guest", Effect.CHANGE, f"guest {desired.name}")
    health = desired.step("app.health@1", "Ask it by its public name", Effect.READ, desired.domain)
    steps = (
        check,
        desired.step("guest.stop@1", "Stop the guest", Effect.CHANGE, f"guest {desired.name}"),
        _ensure(desired, wanted, "Change the guest's size", subject),
        start,
        health,
    )
    back = in_order([named(step, _BACK + step.id) for step in (start, health)])
    warning = f"{desired.package.name} is away while its guest is off: about a minute."
    plan = desired.plan(Intent.RECONFIGURE, in_order(steps), (), (warning,))
    rollback = desired.plan(Intent.RECONFIGURE, back)
    return plan.model_copy(update={"rollback": rollback, "rollback_from": "guest.stop"})


def resized_to(plan: Plan) -> GuestSize | None:
    """The size that a plan of this kind asks for; None for others."""
    steps = {step.id: step for step in plan.steps}
    if plan.intent is not Intent.RECONFIGURE or ENSURE not in steps or "app.configure" in steps:
        return None
    args = steps[ENSURE].args
    return GuestSize(int(args["cores"]), int(args["memory_mib"]), int(args["disk_gib"]))


def _kept(desired: Desired, owned: Resource) -> PlannedStep | None:
    """What a provider's services have for a deployment is declared as it is."""
    title, name = "Declare it as it is", owned.external_id
    if owned.provider != desired.provider.name:
        return None
    if owned.kind is ResourceKind.ADDRESS:
        return desired.step("address.allocate@1", title, Effect.CHANGE, f"address {name}")
    if owned.kind is ResourceKind.DATABASE:
        return database_step(desired, title, owned.key, name)
    if owned.kind is ResourceKind.BUCKET:
        return bucket_step(desired, title, name)
    return None


def _ensure(desired: Desired, size: GuestSize, title: str, subject: str) -> PlannedStep:
    return desired.step("guest.ensure@1", title, Effect.CHANGE, subject, (), size.args)
