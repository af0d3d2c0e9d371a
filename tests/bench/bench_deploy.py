"""What Homeport itself adds to a deployment: everything that is neither the package
installer, nor the application's start, nor the provider's own work."""

from __future__ import annotations

from collections import Counter

from engine.homeport import DeployRequest, Homeport
from engine.model.events import StepFinished
from engine.model.plan import OperationStatus
from tests.bench.on_lab import homeport_on_lab

RUNS = 3


def measure() -> list[dict[str, str]]:
    """The best of a few deployments; the first one also fills the package cache."""
    with homeport_on_lab() as homeport:
        figures = [_deploy(homeport, f"bench-{number}") for number in range(RUNS)]
    whole, own = min(figures, key=lambda figure: figure[1])
    return [
        {
            "name": "engine overhead of deploying Radicale",
            "ours": f"{own:.1f} s",
            "peer": f"{whole:.1f} s",
            "ratio": f"{own / whole:.2f}",
            "goal": "<= 3 s (peer: the whole deployment)",
        }
    ]


def _deploy(homeport: Homeport, name: str) -> tuple[float, float]:
    """Seconds from approval to the healthy application, and what of that is our own."""
    plan = homeport.plan_deploy(
        DeployRequest("radicale", "harbour-a", f"{name}.harbour-a.lab", name=name)
    )
    operation = homeport.apply(plan, plan.hash)
    events = list(homeport.follow(operation.id))
    if homeport.operation(operation.id).status is not OperationStatus.SUCCEEDED:
        raise RuntimeError(f"the deployment failed: {homeport.operation(operation.id).error}")
    whole = (events[-1].at - events[0].at).total_seconds()
    spent: Counter[str] = Counter()
    for event in events:
        # The certificate is obtained beside the guest: its waiting saves no time.
        if isinstance(event, StepFinished) and event.step != "certificate.issue":
            spent.update(event.spent)
    return whole, whole - sum(spent.values())
