"""The plan that makes a deployment from nothing, or finishes one that was begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.plan import Change, Effect, Intent, Plan, PlannedStep
from engine.planning.changes import document_changes
from engine.planning.desired import Desired
from engine.planning.records import more_than_the_address, record_args
from engine.planning.reverse import reverse_named
from engine.planning.services import installed_components, making, unproven_server


def plan_deploy(
    desired: Desired, schema: Mapping[str, Any], changes: tuple[Change, ...] | None = None
) -> Plan:
    """Steps from credentials to the health check through the public name.

    changes: by default, what the user set beside the release's own defaults.
    """
    shown = document_changes(schema, {}, desired.values) if changes is None else changes
    return desired.plan(Intent.DEPLOY, _steps(desired), shown, _warnings(desired))


def _steps(desired: Desired) -> tuple[PlannedStep, ...]:
    return (*_ground(desired), *_application(desired), *_publication(desired))


def _ground(desired: Desired) -> tuple[PlannedStep, ...]:
    """What the application stands on: secrets, an address, a guest."""
    size, provider = desired.guest_size, desired.provider.title or desired.provider.name
    names = sorted(desired.package.secrets)
    return (
        desired.step("preflight@1", "Check the provider", Effect.READ, provider),
        desired.step(
            "secrets.ensure@1",
            "Generate secrets",
            Effect.CREATE,
            ", ".join(names) or "none",
            ("preflight",),
            {"names": names},
        ),
        desired.step(
            "address.allocate@1",
            "Take an address",
            Effect.CREATE,
            f"from the pool of {provider}",
            ("preflight",),
        ),
        *reverse_named(desired, ("address.allocate",)),
        desired.step(
            "guest.ensure@1",
            "Create the guest",
            Effect.CREATE,
            f"{desired.name}: {size}",
            ("address.allocate", "secrets.ensure"),
            size.args,
        ),
        desired.step(
            "guest.start@1",
            "Start the guest",
            Effect.CHANGE,
            f"guest {desired.name}",
            ("guest.ensure",),
        ),
        *making(desired, ("secrets.ensure",)),
    )


def _application(desired: Desired) -> tuple[PlannedStep, ...]:
    what = f"{desired.package.name} {desired.release.version}"
    components = desired.package.needs.components
    steps = (
        desired.step(
            "components.install@1",
            "Install what it needs",
            Effect.CREATE,
            installed_components(desired),
            ("guest.start", *(step.id for step in making(desired))),
            {"components": list(components)},
        ),
        desired.step(
            "app.install@1", "Install the application", Effect.CREATE, what, ("components.install",)
        ),
        desired.step(
            "app.configure@1", "Write its configuration", Effect.CREATE, what, ("app.install",)
        ),
        desired.step(
            "app.start@1", "Start the application", Effect.CHANGE, what, ("app.configure",)
        ),
    )
    if not desired.package.accounts:
        return steps
    account = desired.step(
        "accounts.ensure@1",
        "Create the first account",
        Effect.CREATE,
        f"account {desired.account}",
        ("app.start",),
        {"username": desired.account},
    )
    return (*steps, account)


def _publication(desired: Desired) -> tuple[PlannedStep, ...]:
    domain, kind = desired.domain, desired.record_type
    last = ("dns.apply", "accounts.ensure") if desired.package.accounts else ("dns.apply",)
    return (
        desired.step(
            "certificate.issue@1",
            "Obtain a certificate",
            Effect.CREATE,
            domain,
            ("secrets.ensure",),
            {"names": [domain]},
        ),
        desired.step(
            "app.publish@1",
            "Publish the application",
            Effect.CREATE,
            f"proxy for {domain}",
            ("app.start", "certificate.issue"),
        ),
        desired.step(
            "dns.apply@1",
            "Point the name at the guest",
            Effect.CREATE,
            f"{kind} record {domain}{more_than_the_address(desired)}",
            ("app.publish",),
            {"records": record_args(desired)},
        ),
        desired.step(
            "app.health@1",
            "Ask it by its public name",
            Effect.READ,
            domain,
            last,
        ),
    )


def _warnings(desired: Desired) -> tuple[str, ...]:
    newest = desired.package.release().version
    warnings = [note.text for note in desired.release.notes if note.kind in ("action", "security")]
    if desired.release.version != newest:
        warnings.insert(0, f"{desired.package.name} {newest} is newer than this release.")
    return (*warnings, *unproven_server(desired))
