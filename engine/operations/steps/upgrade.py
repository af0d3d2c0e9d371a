"""What an upgrade and its way back do beside deploying: check, stop, run as it is, archive."""

from __future__ import annotations

from engine.errors import NoCapacity
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.operations.steps.side import refuse_second_writer
from engine.operations.steps.state import captures, units

_COPIES = 3
"""Of the state, at most at one time: what is kept before, what is kept since, and what is
written beside the present one when it is put back."""
_SPARE_MIB = 256
"""For the release itself and for a system that goes on."""


@handles("upgrade.check@1")
def check(ctx: StepContext) -> StepOutcome:
    """The release can be configured with these values, and there is room for all copies."""
    app, shell = installation(ctx), ctx.shell()
    ctx.method.check(shell, app, ctx)
    sizes = captures(ctx).measure(units(ctx))
    size = sum(found.bytes for found in sizes.values())
    ctx.log(f"{len(sizes)} parts of its state: {size / 1e6:.1f} MB")
    free, needed = shell.facts().disk_free_mib, _COPIES * size // (1 << 20) + _SPARE_MIB
    if free and free < needed:
        raise NoCapacity(
            "the guest's disk has no room for going back",
            on=f"{ctx.plan.name}: {free} MiB are free",
            why=f"its state is {size >> 20} MiB; {needed} MiB are needed to keep it and to put "
            "it back safely",
            left="nothing was changed",
            do="Remove what is not needed from the guest or enlarge its disk, then plan again.",
        )
    return StepOutcome(changed=False, output={"bytes": size})


@handles("app.stop@1")
def stop(ctx: StepContext) -> StepOutcome:
    ctx.method.stop(ctx.shell(), installation(ctx), ctx)
    return StepOutcome()


@handles("app.run@1")
def run(ctx: StepContext) -> StepOutcome:
    """Started with the files that are there; it migrates its data itself. Nothing is put back
    here: what follows in the plan, or the plan's way back, knows about the data as well."""
    refuse_second_writer(ctx)
    ctx.method.start(ctx.shell(), installation(ctx), ctx, restart=False, as_is=True)
    return StepOutcome(output={"release": ctx.release.version})


@handles("values.archive@1")
def archive(ctx: StepContext) -> StepOutcome:
    ctx.archive(ctx.step.args["values"], str(ctx.step.args["release"]))
    return StepOutcome(output={"paths": sorted(ctx.step.args["values"])})
