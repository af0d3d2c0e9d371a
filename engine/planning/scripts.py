"""The steps that run a package's migration scripts, wherever an operation has their moment."""

from __future__ import annotations

import hashlib

from engine.catalog.migration_script import MigrationScript, Occasion, Phase
from engine.model.plan import Effect, PlannedStep
from engine.planning.desired import Desired
from engine.planning.sequence import named

KIND = "script.run@1"


def script_steps(
    desired: Desired, phase: Phase, operation: Occasion, *, came_from: str = ""
) -> tuple[PlannedStep, ...]:
    """Those that are for this moment, in the package's order; often none.

    desired: the side where they run. came_from: the release that the data are of, where that is
    another one. The plan binds each script's text: a changed one needs a new approval.
    """
    release = desired.release.version
    origin = came_from or release
    return tuple(
        named(_step(desired, script, operation, origin), f"script.{script.id}")
        for script in desired.package.scripts
        if script.is_for(phase, operation, release, origin)
    )


def _step(
    desired: Desired, script: MigrationScript, operation: Occasion, origin: str
) -> PlannedStep:
    args = {
        "script": script.id,
        "digest": digest(script),
        "operation": operation,
        "release": desired.release.version,
        "from_release": origin,
    }
    reach = "with the guest's network" if script.needs.network else "without a network"
    step = desired.step(
        KIND,
        script.title,
        Effect.CHANGE,
        f"script {script.id} of {desired.package.name}, in a sandbox {reach}",
        (),
        args,
    )
    return step.model_copy(update={"at": desired.provider.name})


def digest(script: MigrationScript) -> str:
    """SHA-256 of all that the script is, as hex."""
    return hashlib.sha256(script.model_dump_json().encode()).hexdigest()
