"""Sixteen deployments at once on one provider of the lab against one alone: nothing is taken
twice, and what they share makes them wait no longer than it must."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from engine.homeport import DeployRequest, Homeport
from engine.model.deployment import ResourceKind
from engine.model.events import StepFinished
from engine.model.plan import OperationStatus
from tests.bench.on_lab import homeport_on_lab

MANY, PROVIDER = 16, "harbour-a"
_TAKEN = (ResourceKind.GUEST, ResourceKind.ADDRESS, ResourceKind.RECORD)


def measure() -> list[dict[str, str]]:
    """The first deployment fills the package cache and is not counted."""
    with homeport_on_lab() as homeport:
        _deployed(homeport, ["first"])
        one, alone = _deployed(homeport, ["one"])
        names = [f"many-{number}" for number in range(MANY)]
        many, together = _deployed(homeport, names)
        _refuse_doubles(homeport, ["first", "one", *names])
    slowest = ", ".join(
        f"{step} {seconds / MANY:.1f} s (alone {alone[step]:.1f})"
        for step, seconds in together.most_common(4)
    )
    return [
        {
            "name": f"{MANY} deployments of Radicale at once",
            "ours": f"{many:.1f} s",
            "peer": f"{one:.1f} s",
            "ratio": f"{many / one:.2f}",
            "goal": f"<= 4 (peer: one alone); longest steps: {slowest}",
        }
    ]


def _deployed(homeport: Homeport, names: Sequence[str]) -> tuple[float, Counter[str]]:
    """Seconds until the last of them is healthy, and the seconds of all steps by their names."""
    plans = [
        homeport.plan_deploy(
            DeployRequest("radicale", PROVIDER, f"{name}.{PROVIDER}.lab", name=name)
        )
        for name in names
    ]
    began = time.monotonic()
    operations = [homeport.apply(plan, plan.hash) for plan in plans]
    spent: Counter[str] = Counter()
    for operation in operations:
        events = list(homeport.follow(operation.id))
        ended = homeport.operation(operation.id)
        if ended.status is not OperationStatus.SUCCEEDED:
            raise RuntimeError(f"a deployment failed: {ended.error}")
        spent.update({e.step: e.seconds for e in events if isinstance(e, StepFinished)})
    return time.monotonic() - began, spent


def _refuse_doubles(homeport: Homeport, names: Sequence[str]) -> None:
    for kind in _TAKEN:
        taken = [
            resource.external_id
            for name in names
            for resource in homeport.resources(name)
            if resource.kind is kind
        ]
        if len(set(taken)) != len(names):
            raise RuntimeError(f"{kind} was taken twice, or not at all: {sorted(taken)}")
