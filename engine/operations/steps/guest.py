"""The deployment's guest: made, started and proven to be itself, destroyed."""

from __future__ import annotations

from engine.backends.protocols import Guest, GuestRecord, GuestSpec
from engine.backends.secrets.installation import installation_ssh_key
from engine.errors import HomeportError, HostKeyMismatch, NotFound
from engine.guests.proving import new_proof, proven_host_keys
from engine.guests.waiting import wait_for_shell
from engine.model.deployment import ResourceKind
from engine.operations.declared import only_approved
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.address import leased

_BOOT_SECONDS = 300.0
"""A cloud image on a slow disk boots, grows its disk and makes its keys in this time."""
_PROVEN = "proven"
"""Attribute of the guest: it was reached, and showed the host keys that are written down.

Until then the keys may still change: cloud-init makes new ones at a guest's first boot, and
the agent may have answered before. From then on they are pinned for ever."""


@handles("guest.ensure@1")
def ensure(ctx: StepContext) -> StepOutcome:
    known = ctx.backends.hypervisor.find(ctx.owner)
    lease = leased(ctx)
    spec = GuestSpec(
        owner=ctx.owner,
        name=ctx.plan.name,
        cores=int(ctx.step.args["cores"]),
        memory_mib=int(ctx.step.args["memory_mib"]),
        disk_gib=int(ctx.step.args["disk_gib"]),
        address=lease.address,
        gateway=lease.gateway,
        nameservers=lease.nameservers,
        search_domain=ctx.provider.zone,
        user=ctx.provider.access.user,
        ssh_public_keys=(installation_ssh_key(ctx.installation_secrets()).public_line,),
        proof="" if _is_proven(ctx, known) else _secret_proof(ctx),
    )
    with ctx.spent("provider-task"):
        guest = only_approved(ctx.backends.hypervisor, ctx.step, ctx).ensure(spec, ctx)
    size = {"cores": spec.cores, "memory_mib": spec.memory_mib, "disk_gib": spec.disk_gib}
    _remember(ctx, guest, dict(size))
    _describe(ctx, is_running=guest.status == "running")
    ctx.log(f"Guest {guest.id} on node {guest.node}" if guest.node else f"Guest {guest.id}")
    return StepOutcome(changed=known is None, output={"guest": guest.id})


@handles("guest.start@1")
def start(ctx: StepContext) -> StepOutcome:
    """Running, its host keys written down, and SSH answers with one of them."""
    guest = ctx.backends.hypervisor.find(ctx.owner)
    if guest is None:
        raise NotFound(
            "the guest is gone",
            on=ctx.plan.name,
            why="no guest at the provider bears the deployment's mark",
            left="nothing was started",
            do="Destroy the deployment and deploy it again.",
        )
    was_running = guest.status == "running"
    with ctx.spent("provider-task"):
        ctx.backends.hypervisor.start(guest, ctx)
        _pin(ctx, guest)
        wait_for_shell(ctx.shell, lambda error: _pin_again(ctx, guest, error), ctx, _BOOT_SECONDS)
    resource = ctx.resource(ResourceKind.GUEST)
    if resource is not None:
        _remember(ctx, guest, {_PROVEN: True})
    ctx.installation_secrets().delete(_proof(ctx))
    _describe(ctx, is_running=True)
    return StepOutcome(changed=not was_running, output={"guest": guest.id})


@handles("guest.stop@1")
def stop(ctx: StepContext) -> StepOutcome:
    """Shut down; one that is off already, or gone, is let be."""
    guest = ctx.backends.hypervisor.find(ctx.owner)
    if guest is None or guest.status == "stopped":
        return StepOutcome(changed=False)
    with ctx.spent("provider-task"):
        ctx.backends.hypervisor.stop(guest, ctx)
    ctx.close()
    return StepOutcome(output={"guest": guest.id})


@handles("guest.destroy@1")
def destroy(ctx: StepContext) -> StepOutcome:
    """Whatever bears the mark at the provider, known to the inventory or not."""
    with ctx.spent("provider-task"):
        destroyed = only_approved(ctx.backends.hypervisor, ctx.step, ctx).destroy(ctx.owner, ctx)
    ctx.installation_secrets().delete(_proof(ctx))
    ctx.forget(ResourceKind.GUEST, "main")
    return StepOutcome(changed=destroyed)


def _describe(ctx: StepContext, *, is_running: bool) -> None:
    """What is true of the guest, for the books of the address service."""
    known = ctx.resource(ResourceKind.GUEST)
    if known is None or "cores" not in known.attributes:
        return  # it was made before sizes were written down
    ctx.backends.addresses.describe(
        GuestRecord(
            owner=ctx.owner,
            name=ctx.plan.name,
            domain=ctx.plan.domain,
            cores=int(known.attributes["cores"]),
            memory_mib=int(known.attributes["memory_mib"]),
            disk_gib=int(known.attributes["disk_gib"]),
            is_running=is_running,
        )
    )


def _pin(ctx: StepContext, guest: Guest) -> None:
    """Write the guest's host keys down, unless they are pinned already."""
    resource = ctx.resource(ResourceKind.GUEST)
    if resource is not None and resource.attributes.get(_PROVEN):
        return
    keys = ctx.backends.hypervisor.host_keys(guest, ctx)
    if guest.holds_proof:
        keys = _prove(ctx)
    if not keys:
        raise HostKeyMismatch(
            "the guest's host keys cannot be learned",
            on=f"guest {guest.id}",
            why="the hypervisor cannot ask the guest, so nobody could tell it from another",
            left="the guest runs; nothing was installed on it",
            do="Use an image with the guest agent installed, destroy this deployment and "
            "deploy it again.",
        )
    _remember(ctx, guest, {"host_keys": list(keys)})


def _prove(ctx: StepContext) -> tuple[str, ...]:
    """The guest's host keys by its own word, once it answers."""
    secrets, access = ctx.installation_secrets(), ctx.provider.access
    address = leased(ctx).address.partition("/")[0]
    key, proof = installation_ssh_key(secrets).private_pem, secrets.get(_proof(ctx))

    def ask() -> tuple[str, ...]:
        return proven_host_keys(address, access.ssh_port, access.user, key, proof)

    return wait_for_shell(ask, _raised, ctx, _BOOT_SECONDS)


def _raised(error: HomeportError) -> None:
    raise error


def _is_proven(ctx: StepContext, guest: Guest | None) -> bool:
    known = ctx.resource(ResourceKind.GUEST)
    return (
        guest is not None
        and known is not None
        and known.external_id == guest.id
        and bool(known.attributes.get(_PROVEN))
    )


def _secret_proof(ctx: StepContext) -> str:
    """The same one until the guest has proven itself, however often it is made."""
    return ctx.installation_secrets().ensure(_proof(ctx), new_proof)


def _proof(ctx: StepContext) -> str:
    """Where the secret is kept until the guest has proven itself."""
    return f"guest-proofs/{ctx.provider.name}/{ctx.plan.deployment}"


def _pin_again(ctx: StepContext, guest: Guest, error: HostKeyMismatch) -> None:
    """Another key than the one just read: fine at the first boot, never afterwards."""
    resource = ctx.resource(ResourceKind.GUEST)
    if resource is None or resource.attributes.get(_PROVEN):
        raise error
    _pin(ctx, guest)


def _remember(ctx: StepContext, guest: Guest, more: dict[str, object] | None = None) -> None:
    """Keep what an earlier attempt wrote down, unless it was about another guest."""
    known = ctx.resource(ResourceKind.GUEST)
    kept = known.attributes if known is not None and known.external_id == guest.id else {}
    attributes = {**kept, "node": guest.node, "name": guest.name, **(more or {})}
    ctx.remember(ResourceKind.GUEST, "main", guest.id, attributes)
