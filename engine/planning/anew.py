"""The plans that make a deployment from a backup: one that stays, and one that only proves it.

Both deploy as always (`engine.planning.deploy`), with the backup's secrets before any is
generated, and its state put in before the application first starts. Configuration is rendered
anew: names, paths and addresses are those of the new place.

A drill's guest has no public name, and its service reaches nothing but the guest itself: it
holds the same identity as the deployment that is running, and two of those must never talk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.model.repository import Backup, RepositoryProfile
from engine.planning.backup import FETCHED, drop_capture
from engine.planning.deploy import plan_deploy
from engine.planning.desired import Desired
from engine.planning.removal import removal_of_throw_away
from engine.planning.scripts import script_steps
from engine.planning.sequence import in_order, named

_BACK = "back."
_DRILLED = (
    "preflight",
    "secrets.adopt",
    "secrets.ensure",
    "databases.ensure",
    "buckets.ensure",
    "mail.ensure",
    "address.allocate",
    "guest.ensure",
    "guest.start",
    "components.install",
    "app.install",
    "app.configure",
    "backup.fetch",
    "state.restore",
    "state.adopt",
)


def plan_restore_as(
    desired: Desired,
    schema: Mapping[str, Any],
    repository: RepositoryProfile,
    backup: Backup,
    *,
    domain: str,
    living: str = "",
) -> Plan:
    """desired: the new deployment, with the backup's release and values.

    domain: the one that the data are of. living: name of the deployment that the backup is of,
    where it is still there.
    """
    deploy = plan_deploy(desired, schema)
    steps = tuple(_with_backup(deploy.steps, desired, repository, backup))
    warnings = list(deploy.warnings)
    if domain != desired.domain:
        warnings.insert(
            0,
            f"The data are of {domain}. An application whose identity is its domain does not "
            f"start as {desired.domain}, or starts as somebody else.",
        )
    if living:
        warnings.insert(
            0,
            f"{living} is still there: afterwards two deployments have the same secrets and keys.",
        )
    return desired.plan(Intent.RESTORE, steps, deploy.changes, tuple(warnings))


def plan_drill(
    desired: Desired,
    schema: Mapping[str, Any],
    repository: RepositoryProfile,
    backup: Backup,
) -> Plan:
    """desired: the throw-away deployment, with the domain that the backup's data are of."""
    made = {
        step.id: step
        for step in _with_backup(plan_deploy(desired, schema).steps, desired, repository, backup)
    }
    what = f"{desired.package.name} {desired.release.version}"
    build = [made[step] for step in _DRILLED if step in made]
    alone = desired.step(
        "guest.isolate@1", "Cut its service off", Effect.CHANGE, "it reaches the guest itself only"
    )
    build.insert([step.id for step in build].index("app.configure") + 1, alone)
    build += script_steps(desired, "after-restore", "restore")
    build += script_steps(desired, "before-start", "restore")
    build.append(desired.step("app.run@1", "Start it and ask it on the guest", Effect.CHANGE, what))
    build += script_steps(desired, "after-start", "restore")
    notes = (
        f"{desired.provider.title or desired.provider.name} needs room for one more guest "
        "while the drill runs.",
    )
    removal = removal_of_throw_away(desired, "drill", captures=(FETCHED,))
    plan = desired.plan(Intent.DRILL, in_order([*build, *removal]), (), notes)
    back = desired.plan(Intent.DRILL, in_order([named(step, _BACK + step.id) for step in removal]))
    return plan.model_copy(update={"rollback": back, "rollback_from": "preflight"})


def _with_backup(
    steps: Sequence[PlannedStep], desired: Desired, repository: RepositoryProfile, backup: Backup
) -> Iterator[PlannedStep]:
    """The steps of a deployment, and what brings the backup in among them."""
    args = {"repository": repository.name, "backup": backup.id, "snapshot": backup.snapshot}
    where = f"{backup.title} from {repository.name}"
    for step in steps:
        if step.id == "secrets.ensure":
            yield desired.step(
                "secrets.adopt@1",
                "Take over the backup's secrets",
                Effect.CREATE,
                where,
                ("preflight",),
                args,
            )
            step = step.model_copy(update={"after": ("secrets.adopt",)})
        if step.id == "app.start":
            yield desired.step(
                "backup.fetch@1",
                "Bring the backup to the guest",
                Effect.CREATE,
                where,
                ("app.configure",),
                args,
            )
            yield desired.step(
                "state.restore@1",
                "Put its state in",
                Effect.CHANGE,
                f"as it was at {backup.at:%Y-%m-%d %H:%M} UTC",
                ("backup.fetch",),
                {"name": FETCHED, "operation": ""},
            )
            yield desired.step(
                "state.adopt@1",
                "Give it to the service's user",
                Effect.CHANGE,
                desired.name,
                ("state.restore",),
                {"name": FETCHED},
            )
            before = [
                *script_steps(desired, "after-restore", "restore"),
                *script_steps(desired, "before-start", "restore"),
            ]
            yield from _chained(before, "state.adopt")
            yield drop_capture(desired, FETCHED, ("app.start",))
            last = before[-1].id if before else "state.adopt"
            yield step.model_copy(update={"after": (last,)})
            yield from _chained(script_steps(desired, "after-start", "restore"), "app.start")
            continue
        if step.id == "app.health":
            done = script_steps(desired, "after-start", "restore")
            more = tuple(script.id for script in done)
            step = step.model_copy(update={"after": (*step.after, *more)})
        yield step


def _chained(steps: Sequence[PlannedStep], first: str) -> Iterator[PlannedStep]:
    """One after the other, behind the step `first`."""
    for step in steps:
        yield step.model_copy(update={"after": (first,)})
        first = step.id
