"""A package's migration script (`engine.catalog.migration_script`) as a step of an operation."""

from __future__ import annotations

import dataclasses

from engine.errors import PlanChanged
from engine.methods.place import Place
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.planning.scripts import digest
from engine.state.scripting import run_guest_program


@handles("script.run@1")
def run(ctx: StepContext) -> StepOutcome:
    """args: script, its id; digest of it as the plan was made; operation and from_release, as it
    is told. Its outputs are kept, and told to the operation's later scripts."""
    args = ctx.step.args
    script = next((one for one in ctx.package.scripts if one.id == args["script"]), None)
    if script is None or digest(script) != args["digest"]:
        raise PlanChanged(
            "a migration script is not the one that was planned",
            on=f"{args['script']} of {ctx.package.name}",
            why="the package in the catalog has changed since",
            left="it was not started",
            do="Put the package back as it was, or cancel the operation and plan again.",
        )
    earlier = {
        str(output["script"]): output["values"]
        for output in ctx.outputs().values()
        if "script" in output
    }
    document = {
        "phase": script.phase,
        "operation": args["operation"],
        "release": args["release"],
        "from_release": args["from_release"],
        "earlier": earlier,
    }
    # Before a capture the plan's release may be installed and does not run yet.
    app = dataclasses.replace(installation(ctx), release=ctx.package.release(args["release"]))
    place = Place.of(ctx.shell(), app, ctx)
    values = run_guest_program(place, script, script.id, document)
    return StepOutcome(output={"script": script.id, "values": ctx.redacted(values)})
