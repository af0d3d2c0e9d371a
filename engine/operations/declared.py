"""Plans whose guests another program makes: what that one would do stands in the plan.

OpenTofu is asked while the plan is made, and what it says is part of the step: shown to the reader,
covered by the approval, asked again when the plan is applied, and once more by the step itself,
which does nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.backends.protocols import DeclaredChange, DeclaresGuests, GuestSpec, Hypervisor
from engine.model.plan import Plan, PlannedStep
from engine.operations.looking import Quiet
from engine.operations.workplace import Workplace

ENSURE, DESTROY = "guest.ensure@1", "guest.destroy@1"
ARGUMENT = "declared"
_ANY_ADDRESS = "192.0.2.1/24"
_ANY_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""What is chosen when the guest is made, and counts for nothing before."""


def with_declared(workplace: Workplace, plan: Plan) -> Plan:
    """The same plan; where a guest is declared, with what that would come to."""
    steps = tuple(_with_declared(workplace, plan, step) for step in plan.steps)
    return plan.model_copy(update={"steps": steps}) if steps != plan.steps else plan


def only_approved(hypervisor: Hypervisor, step: PlannedStep) -> Hypervisor:
    """One that does nothing for this step but what was approved."""
    approved = step.args.get(ARGUMENT)
    if approved is None or not isinstance(hypervisor, DeclaresGuests):
        return hypervisor
    return hypervisor.bound_to(approved)


def changes_of(step: PlannedStep) -> int:
    """How many changes another program would make for it."""
    return len(step.args.get(ARGUMENT, ()))


def preview(workplace: Workplace, plan: Plan, step: PlannedStep) -> Sequence[DeclaredChange] | None:
    """None where the step's provider does not declare its guests."""
    provider = workplace.inventory.providers.get(step.at or plan.provider)
    if provider.infrastructure is None:
        return None
    hypervisor = workplace.backends(provider).hypervisor
    if not isinstance(hypervisor, DeclaresGuests):
        return None
    owner, spec = workplace.owner(plan.deployment), None
    if step.kind == ENSURE:
        spec = GuestSpec(
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
    return hypervisor.preview(owner, plan.name, spec, Quiet())


def _with_declared(workplace: Workplace, plan: Plan, step: PlannedStep) -> PlannedStep:
    if step.kind not in (ENSURE, DESTROY):
        return step
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
