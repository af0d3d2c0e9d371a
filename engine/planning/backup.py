"""The plans that bring a deployment's state into a repository, and back from there.

A backup keeps the application away only while its state is captured on the guest; it runs again
before anything goes over the network. What is removed to make room in the repository comes
last, when the new backup is there and proven, and is named in the plan.

A restore is the movement of an upgrade that is taken back (`engine.planning.upgrade`): the
backup is on the guest, whole, before anything stops, and the present state is kept first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile
from engine.planning.changes import document_changes
from engine.planning.desired import Desired
from engine.planning.scripts import script_steps
from engine.planning.sequence import in_order, named
from engine.planning.upgrade import public_health, rewritten, stop_and_keep, with_way_back

CAPTURE = "backup"
"""The capture that an operation makes for a backup."""
FETCHED = "fetched"
"""The capture that an operation brought from a repository."""
_BACK = "back."


def plan_backup(
    desired: Desired, repository: RepositoryProfile, expired: Sequence[Backup] = ()
) -> Plan:
    """expired: backups of this deployment that go once this one is there."""
    name, where = desired.name, f"{repository.name} ({repository.location})"
    args = {"repository": repository.name}
    what = f"{desired.package.name} {desired.release.version}"
    kept = [unit.id for unit in desired.package.state if not unit.is_made_anew]
    capture = {"name": CAPTURE, "release": desired.release.version, "secrets": True}
    parts = f"{', '.join(kept)}, its configuration and secrets"
    check = f"{where} opens; {name} has room for a copy"
    steps = [
        desired.step("backup.check@1", "Check repository and guest", Effect.READ, check, (), args),
        desired.step("app.stop@1", "Stop the application", Effect.CHANGE, what),
        *script_steps(desired, "before-capture", "backup"),
        desired.step("state.capture@1", "Capture its state", Effect.CREATE, parts, (), capture),
        desired.step("app.run@1", "Start it again", Effect.CHANGE, what),
        public_health(desired),
        desired.step(
            "backup.store@1", "Bring it into the repository", Effect.CREATE, where, (), args
        ),
        desired.step("backup.verify@1", "Verify it", Effect.READ, _level(repository), (), args),
        drop_capture(desired, CAPTURE),
    ]
    if expired:
        gone = [{"id": backup.id, "snapshot": backup.snapshot} for backup in expired]
        title, going = "Remove old backups", ", ".join(backup.title for backup in expired)
        more: Mapping[str, Any] = {**args, "backups": gone}
        steps.append(desired.step("backup.expire@1", title, Effect.DELETE, going, (), more))
    away = f"{desired.package.name} is away while its state is captured, not while it is stored."
    plan = desired.plan(Intent.BACKUP, in_order(steps), (), (away,))
    back = [
        desired.step("app.run@1", "Start it again", Effect.CHANGE, what),
        public_health(desired),
        drop_capture(desired, CAPTURE),
    ]
    return plan.model_copy(
        update={"rollback": _way_back(desired, plan, back), "rollback_from": "app.stop"}
    )


def plan_restore(
    old: Desired,
    present: Desired,
    old_schema: Mapping[str, Any],
    present_schema: Mapping[str, Any],
    repository: RepositoryProfile,
    backup: Backup,
    has_moved_on: bool = False,
) -> Plan:
    """From `present` to `old`, the deployment as it was when the backup was made.

    has_moved_on: other passwords hold since then, or another provider.
    """
    back_to = f"{old.package.name} {old.release.version}"
    args = {"repository": repository.name, "backup": backup.id, "snapshot": backup.snapshot}
    room = f"{old.name}: room for its state and for the backup's"
    fetch = f"{backup.title} from {repository.name}"
    steps = [
        old.step("restore.check@1", "Check repository and guest", Effect.READ, room, (), args),
        old.step("app.install@1", "See that its release is there", Effect.CREATE, back_to),
        old.step("backup.fetch@1", "Bring the backup to the guest", Effect.CREATE, fetch, (), args),
        *_keeping_secrets(stop_and_keep(old, present, "restore")),
        old.step(
            "state.restore@1",
            "Put state, configuration and secrets back",
            Effect.CHANGE,
            f"{old.name}, as it was at {backup.at:%Y-%m-%d %H:%M} UTC",
            (),
            {"name": FETCHED, "operation": ""},
        ),
    ]
    if components := old.package.needs.components:
        # The database's password may be another one by now: it is set again.
        title, what = "Tell its servers their passwords", ", ".join(components)
        told = {"components": list(components)}
        steps.append(old.step("components.install@1", title, Effect.CHANGE, what, (), told))
    steps += [
        *rewritten(old, has_moved_on),
        *script_steps(old, "after-restore", "restore"),
        *script_steps(old, "before-start", "restore"),
        old.step("app.run@1", "Start it", Effect.CHANGE, back_to),
        *script_steps(old, "after-start", "restore"),
        public_health(old),
        drop_capture(old, FETCHED),
    ]
    lost = ", ".join(unit.id for unit in old.package.state if unit.klass == "irreplaceable")
    warnings = (
        f"Everything written since {backup.at:%Y-%m-%d %H:%M} UTC leaves the application "
        f"({lost}). It is kept on the guest.",
        f"{old.package.name} is away while its present state is kept and the backup's put back.",
    )
    changes = document_changes(old_schema, present.values, old.values, old_schema=present_schema)
    plan = with_way_back(old.plan(Intent.RESTORE, in_order(steps), changes, warnings), old, present)
    assert plan.rollback is not None
    back = [*_without_prefix(plan.rollback.steps), drop_capture(present, FETCHED)]
    return plan.model_copy(update={"rollback": _way_back(present, plan, back)})


def _level(repository: RepositoryProfile) -> str:
    if repository.kind is RepositoryKind.DIRECTORY:
        return "all of it is read back and compared with the guest's checksum (V2)"
    return "its structure: every part is there in full length; contents are not read (V1)"


def drop_capture(desired: Desired, name: str, after: tuple[str, ...] = ()) -> PlannedStep:
    title, what = "Remove the copy from the guest", f"copy of the state on guest {desired.name}"
    return desired.step("capture.drop@1", title, Effect.CHANGE, what, after, {"name": name})


def _keeping_secrets(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    return [
        step.model_copy(update={"args": {**step.args, "secrets": True}})
        if step.kind == "state.capture@1"
        else step
        for step in steps
    ]


def _without_prefix(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    return [step.model_copy(update={"id": step.id.removeprefix(_BACK)}) for step in steps]


def _way_back(origin: Desired, plan: Plan, steps: Sequence[PlannedStep]) -> Plan:
    return origin.plan(plan.intent, in_order([named(step, _BACK + step.id) for step in steps]))
