"""Plans whose resources another program makes: what that one would do stands in the plan.

OpenTofu is asked while the plan is made, and what it says is part of the step: shown to the reader,
covered by the approval, asked again when the plan is applied, and once more by the step itself,
which does nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from engine.backends.protocols import DeclaredChange, Declares, GuestSpec, Wanted
from engine.model.deployment import Deployment
from engine.model.plan import Plan, PlannedStep
from engine.model.provider import ProviderProfile, Service
from engine.operations.looking import Quiet
from engine.operations.workplace import Workplace

if TYPE_CHECKING:
    from engine.operations.step import StepContext

Backend = TypeVar("Backend")
ARGUMENT = "declared"
_ANY_ADDRESS = "192.0.2.1/24"
_ANY_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""What is chosen when the guest is made, and counts for nothing before."""


def with_declared(workplace: Workplace, plan: Plan) -> Plan:
    """The same plan; where something is declared, with what that would come to."""
    steps = tuple(_with_declared(workplace, plan, step) for step in plan.steps)
    return plan.model_copy(update={"steps": steps}) if steps != plan.steps else plan


def only_approved(backend: Backend, step: PlannedStep, ctx: StepContext) -> Backend:
    """One that does nothing for this step but what was approved, and tells of it."""
    if not isinstance(backend, Declares):
        return backend
    return cast(Backend, backend.bound_to(step.args.get(ARGUMENT), ctx.plan.name, ctx))


def changes_of(step: PlannedStep) -> int:
    """How many changes another program would make for it."""
    return len(step.args.get(ARGUMENT, ()))


def preview(workplace: Workplace, plan: Plan, step: PlannedStep) -> Sequence[DeclaredChange] | None:
    """None where what the step is about is not declared."""
    if step.kind not in _SERVICES:
        return None
    provider = workplace.inventory.providers.get(step.at or plan.provider)
    if provider.infrastructure is None:
        return None
    service, wanted = _SERVICES[step.kind]
    backend = getattr(workplace.backends(provider), service.value)
    if not isinstance(backend, Declares):
        return None
    owner = workplace.owner(plan.deployment)
    return backend.preview(owner, plan.name, wanted(plan, step, provider, owner), Quiet())


def directory(workplace: Workplace, deployment: Deployment) -> str:
    """Where the deployment is declared; "" for what is not."""
    provider = workplace.inventory.providers.get(deployment.provider)
    if provider.infrastructure is None:
        return ""
    backends = workplace.backends(provider)
    for service in dict.fromkeys(service for service, _ in _SERVICES.values()):
        backend = getattr(backends, service.value)
        if isinstance(backend, Declares):
            return backend.directory(workplace.owner(deployment.id))
    return ""


def _guest(plan: Plan, step: PlannedStep, provider: ProviderProfile, owner: str) -> Wanted:
    return GuestSpec(
        owner=owner,
        name=plan.name,
        cores=int(step.args["cores"]),
        memory_mib=int(step.args["memory_mib"]),
        disk_gib=int(step.args["disk_gib"]),
        address=_ANY_ADDRESS,
        gateway=None,
        nameservers=(),
        search_domain=provider.zone,
        user=provider.access.user,
        ssh_public_keys=(_ANY_KEY,),
    )


def _deployment(plan: Plan, step: PlannedStep, provider: ProviderProfile, owner: str) -> Wanted:
    return plan.name


def _named(plan: Plan, step: PlannedStep, provider: ProviderProfile, owner: str) -> Wanted:
    return str(step.args["name"])


def _nothing(plan: Plan, step: PlannedStep, provider: ProviderProfile, owner: str) -> Wanted:
    return None


_SERVICES = {
    "guest.ensure@1": (Service.HYPERVISOR, _guest),
    "guest.destroy@1": (Service.HYPERVISOR, _nothing),
    "address.allocate@1": (Service.ADDRESSES, _deployment),
    "address.release@1": (Service.ADDRESSES, _nothing),
    "databases.ensure@1": (Service.DATABASES, _named),
    "databases.drop@1": (Service.DATABASES, _nothing),
    "buckets.ensure@1": (Service.BUCKETS, _named),
    "buckets.drop@1": (Service.BUCKETS, _nothing),
}
"""Kinds of steps whose things may be declared: the service that is asked, and for what."""


def _with_declared(workplace: Workplace, plan: Plan, step: PlannedStep) -> PlannedStep:
    changes = preview(workplace, plan, step)
    if changes is None:
        return step
    words = "; ".join(change.words for change in changes) or "nothing to do"
    return step.model_copy(
        update={
            "subject": f"{step.subject} (OpenTofu: {words})",
            "args": {**step.args, ARGUMENT: [dict(change.record) for change in changes]},
        }
    )
