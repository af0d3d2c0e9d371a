"""The plans that bring a deployment to another release, and back with its data.

Both are one movement: the other release is there before anything stops; then the application
is stopped, all of its state is kept, and it runs on with the other release. What differs is
whose data it runs on: those that are there, or those of an earlier capture. Each plan carries
its own way back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.catalog.migration_script import Occasion
from engine.catalog.package import Package
from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.planning.changes import document_changes
from engine.planning.desired import Desired
from engine.planning.nets import dropped, kept_before_upgrade
from engine.planning.scripts import script_steps
from engine.planning.sequence import in_order, named
from engine.planning.services import has_relay, relay_step

CONFIGURE = "app.configure@1"
BEFORE, SINCE = "before", "since"
"""The captures of one operation: of what was there first, and of what came after it."""
_BACK = "back."


def plan_upgrade(
    new: Desired,
    old: Desired,
    new_schema: Mapping[str, Any],
    old_schema: Mapping[str, Any],
    *,
    archived: Mapping[str, Any] | None = None,
    resources: Sequence[Resource] = (),
) -> Plan:
    """new, old: the same deployment, as it shall be and as it is.

    archived: values that the new release has no place for, by their dotted paths in the old.
    resources: what the deployment owns; captures of operations before the last one are removed.
    """
    fresh, came_from = f"{new.package.name} {new.release.version}", old.release.version
    secrets = sorted(new.package.secrets.keys() - _keys(resources, ResourceKind.SECRET))
    steps = [_check(new, f"{new.name}: room for its state; {fresh} takes these values")]
    if secrets:
        what, args = ", ".join(secrets), {"names": secrets}
        steps.append(
            new.step("secrets.ensure@1", "Generate secrets", Effect.CREATE, what, (), args)
        )
    if has_relay(new) and not _keys(resources, ResourceKind.MAILBOX):
        steps.append(relay_step(new))
    steps += [
        *kept_before_upgrade(new),
        new.step("app.install@1", "Install the new release beside", Effect.CREATE, fresh),
        *stop_and_keep(new, old, "upgrade"),
        new.step("app.configure@1", "Write its configuration", Effect.CHANGE, fresh),
        *script_steps(new, "before-start", "upgrade", came_from=came_from),
        new.step("app.run@1", "Start it; it migrates its data", Effect.CHANGE, fresh),
        *script_steps(new, "after-start", "upgrade", came_from=came_from),
        *_accounts(new),
        public_health(new),
    ]
    if archived:
        kept: dict[str, Any] = {"values": dict(archived), "release": old.release.version}
        title, what = "Keep values that have no place any more", ", ".join(sorted(archived))
        steps.append(new.step("values.archive@1", title, Effect.CREATE, what, (), kept))
    if names := outlived(resources):
        what = f"captured state of {len(names)} earlier operations: {', '.join(names)}"
        title, args = "Remove old captures", {"names": names}
        steps.append(new.step("captures.remove@1", title, Effect.DELETE, what, (), args))
    steps += dropped(new, resources)
    changes = document_changes(new_schema, old.values, new.values, old_schema=old_schema)
    plan = new.plan(Intent.UPGRADE, in_order(steps), changes, _warnings(new, old))
    return with_way_back(plan, new, old)


def plan_rollback(
    old: Desired,
    new: Desired,
    old_schema: Mapping[str, Any],
    new_schema: Mapping[str, Any],
    *,
    upgrade: str,
    captured: datetime,
    has_moved_on: bool = False,
) -> Plan:
    """Back from `new` to `old`, to what the operation `upgrade` captured then.

    has_moved_on: other passwords hold since, or another provider: the configuration is written
    anew.
    """
    back = f"{old.package.name} {old.release.version}"
    steps = [
        _check(old, f"{old.name}: room for its state"),
        old.step("app.install@1", "See that the old release is there", Effect.CREATE, back),
        *stop_and_keep(old, new, "restore"),
        _restore(old, upgrade),
        *rewritten(old, has_moved_on),
        *script_steps(old, "after-restore", "restore"),
        *script_steps(old, "before-start", "restore"),
        old.step("app.run@1", "Start the old release", Effect.CHANGE, back),
        *script_steps(old, "after-start", "restore"),
        public_health(old),
    ]
    lost = ", ".join(unit.id for unit in old.package.state if unit.klass == "irreplaceable")
    warnings = (
        f"Everything written since {captured:%Y-%m-%d %H:%M} UTC leaves the application "
        f"({lost}). It is kept on the guest.",
        f"{old.package.name} is away while its state is kept and put back.",
    )
    changes = document_changes(old_schema, new.values, old.values, old_schema=new_schema)
    plan = old.plan(Intent.ROLLBACK, in_order(steps), changes, warnings)
    return with_way_back(plan, old, new)


def rewritten(desired: Desired, has_moved_on: bool) -> tuple[PlannedStep, ...]:
    """The configuration that was put back is written with the passwords, the addresses and the
    servers that hold now."""
    if not has_moved_on:
        return ()
    title = "Write its present passwords and servers"
    what = f"{desired.package.name} {desired.release.version}"
    return (desired.step(CONFIGURE, title, Effect.CHANGE, what),)


def outlived(resources: Sequence[Resource]) -> list[str]:
    """Captures that nothing goes back to any more once another upgrade is made: all but those
    of the operation before it, oldest first."""
    kept = [found for found in resources if found.kind is ResourceKind.CAPTURE]
    kept.sort(key=lambda found: (found.created, found.key))
    last = kept[-1].key.partition(".")[0] if kept else ""
    return [found.key for found in kept if found.key.partition(".")[0] != last]


def with_way_back(plan: Plan, to: Desired, origin: Desired) -> Plan:
    """The plan, and how it is taken back to where it came from: its own capture."""
    back = f"{origin.package.name} {origin.release.version}"
    kept = {"name": SINCE, "release": to.release.version, "may_fail": True}
    steps = [
        origin.step("app.stop@1", "Stop it again", Effect.CHANGE, origin.name),
        origin.step(
            "state.capture@1", "Keep what came since", Effect.CREATE, origin.name, (), kept
        ),
        _restore(origin, ""),
        origin.step("app.run@1", "Start it as it was", Effect.CHANGE, back),
        public_health(origin),
    ]
    way_back = origin.plan(plan.intent, in_order([named(step, _BACK + step.id) for step in steps]))
    return plan.model_copy(update={"rollback": way_back, "rollback_from": "app.stop"})


def _check(desired: Desired, what: str) -> PlannedStep:
    return desired.step("upgrade.check@1", "Check the guest", Effect.READ, what)


def stop_and_keep(
    desired: Desired, present: Desired, operation: Occasion
) -> tuple[PlannedStep, ...]:
    kept = [unit.id for unit in present.package.state if not unit.is_made_anew]
    args = {"name": BEFORE, "release": present.release.version}
    what = f"{present.package.name} {present.release.version}"
    keep = f"{', '.join(kept)} and its configuration, on the guest"
    return (
        desired.step("app.stop@1", "Stop the application", Effect.CHANGE, what),
        *script_steps(present, "before-capture", operation),
        desired.step("state.capture@1", "Keep its state", Effect.CREATE, keep, (), args),
    )


def _restore(desired: Desired, operation: str) -> PlannedStep:
    args = {"name": BEFORE, "operation": operation}
    what = f"{desired.name}, as it was with {desired.release.version}"
    return desired.step(
        "state.restore@1", "Put state and configuration back", Effect.CHANGE, what, (), args
    )


def _accounts(desired: Desired) -> tuple[PlannedStep, ...]:
    if not desired.package.accounts:
        return ()
    what, args = f"account {desired.account}", {"username": desired.account}
    kept = desired.step(
        "accounts.ensure@1", "Keep the first account", Effect.CHANGE, what, (), args
    )
    return (kept,)


def public_health(desired: Desired) -> PlannedStep:
    return desired.step("app.health@1", "Ask it by its public name", Effect.READ, desired.domain)


def _warnings(new: Desired, old: Desired) -> tuple[str, ...]:
    away = f"{new.package.name} is away while its state is kept and it starts anew."
    notes = (
        note.text
        for version in passed_releases(new.package, old.release.version, new.release.version)
        for note in new.package.release(version).notes
        if note.kind in ("action", "security")
    )
    return (away, *notes)


def passed_releases(package: Package, old: str, new: str) -> list[str]:
    """Releases that an upgrade goes through, oldest first, the new one included."""
    versions = [release.version for release in reversed(package.releases)]
    begin = versions.index(old) + 1 if old in versions else 0
    return versions[begin : versions.index(new) + 1]


def _keys(resources: Sequence[Resource], kind: ResourceKind) -> set[str]:
    return {found.key for found in resources if found.kind is kind}
