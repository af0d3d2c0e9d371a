"""The plan that gives a deployment other values; empty where nothing would change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from engine.model.plan import Effect, Intent, Plan
from engine.planning.changes import document_changes, restarts
from engine.planning.deploy import plan_deploy
from engine.planning.desired import Desired
from engine.planning.services import has_relay, relay_step


def plan_reconfigure(
    desired: Desired,
    current: Mapping[str, Any],
    schema: Mapping[str, Any],
    *,
    renewed_secrets: Collection[str] = (),
    is_built: bool = True,
) -> Plan:
    """current: the deployment's values now; desired holds those it shall have.

    is_built: False for a deployment that was never finished. It is then built to its end
    with the new values: every step finds what is there already.
    """
    changes = document_changes(schema, current, desired.values, renewed_secrets)
    if not changes:
        return desired.plan(Intent.RECONFIGURE, ())
    if not is_built:
        return plan_deploy(desired, schema, changes)
    what = f"{desired.package.name} {desired.release.version}"
    restarting = restarts(schema, changes)
    steps = [desired.step("preflight@1", "Check the provider", Effect.READ, desired.provider.name)]
    if has_relay(desired) and not has_relay(replace(desired, values=current)):
        steps.append(relay_step(desired, ("preflight",)))
    steps += [
        desired.step(
            "app.configure@1", "Write its configuration", Effect.CHANGE, what, (steps[-1].id,)
        ),
        desired.step(
            "app.start@1", "Restart the application", Effect.CHANGE, what, ("app.configure",)
        ),
    ]
    if desired.package.accounts:
        steps.append(
            desired.step(
                "accounts.ensure@1",
                "Keep the first account",
                Effect.CHANGE,
                f"account {desired.account}",
                ("app.start",),
                {"username": desired.account},
            )
        )
    steps.append(
        desired.step(
            "app.health@1",
            "Ask it by its public name",
            Effect.READ,
            desired.domain,
            (steps[-1].id,),
        )
    )
    warning = f"{desired.package.name} restarts and is away for a few seconds."
    return desired.plan(Intent.RECONFIGURE, tuple(steps), changes, (warning,) if restarting else ())
