"""The source's guest switched off at its hypervisor: the fence of a guest that cannot be reached.

Its application was stopped and disabled by the freeze, by a step that is finished; a guest that
is off runs nothing besides. Those are two means that do not depend on each other, and the
hypervisor's own word that the guest has stopped is the proof of the second.
"""

from __future__ import annotations

from engine.errors import HomeportError, Unreachable
from engine.guests.waiting import wait_for_shell
from engine.operations.step import StepContext

_BOOT_SECONDS = 300.0
_MOMENT_SECONDS = 5.0
_STOPPED = "stopped"


def power_off(ctx: StepContext, unreachable: Unreachable) -> tuple[str, ...]:
    """The guest is off, and what proves it. Unreachable, as it came, where the hypervisor cannot
    switch it off or does not say that it is."""
    hypervisor = ctx.backends.hypervisor
    ctx.log(f"The guest cannot be reached ({unreachable.why or unreachable.what})")
    try:
        guest = hypervisor.find(ctx.owner)
        if guest is None:
            raise unreachable
        if guest.status != _STOPPED:
            with ctx.spent("provider-task"):
                hypervisor.stop(guest, ctx)
        found = hypervisor.find(ctx.owner)
    except HomeportError as error:
        raise _unproven(ctx, unreachable, str(error)) from error
    if found is None or found.status != _STOPPED:
        says = found.status if found else "there is no such guest"
        raise _unproven(ctx, unreachable, f"the hypervisor says: {says}")
    ctx.log(
        f"Its hypervisor has switched guest {found.id} off: it cannot write, and nothing passes "
        "requests on at the old address"
    )
    return (
        "the service was stopped and disabled by the freeze",
        f"guest {found.id} is switched off: its hypervisor says that it has stopped",
    )


def power_on(ctx: StepContext) -> None:
    """A guest that was switched off runs again and can be reached; others are let be."""
    hypervisor = ctx.backends.hypervisor
    guest = hypervisor.find(ctx.owner)
    if guest is None or guest.status != _STOPPED:
        return
    with ctx.spent("provider-task"):
        hypervisor.start(guest, ctx)

    wait_for_shell(ctx.shell, _raised, ctx, _BOOT_SECONDS)


def wait_briefly(ctx: StepContext) -> None:
    """A line that was lost for a moment is no guest to be switched off. Unreachable otherwise."""
    ctx.close()
    wait_for_shell(ctx.shell, _raised, ctx, _MOMENT_SECONDS)


def _raised(error: HomeportError) -> None:
    raise error


def _unproven(ctx: StepContext, unreachable: Unreachable, why: str) -> Unreachable:
    return Unreachable(
        "the source cannot be fenced: it cannot be reached, nor proven to be switched off",
        on=f"{ctx.plan.name} at {ctx.provider.name}",
        why=f"{unreachable.why or unreachable.what}; {why}",
        left="nothing was started at the target: the source might still write",
        do="Bring the source's guest back, or have its hypervisor switch it off.",
    )
