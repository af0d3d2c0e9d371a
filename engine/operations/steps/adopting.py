"""What a deployment that is made from a backup takes over: secrets, and files of another user."""

from __future__ import annotations

from functools import partial

from engine.errors import RemoteFailure
from engine.methods import timers
from engine.methods.place import Place
from engine.model.deployment import ResourceKind
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.backup import OWNER, named_backup
from engine.operations.steps.planned import installation
from engine.operations.steps.secret_steps import secret_path

_ISOLATION = """\
# Written by Homeport: this is a throw-away guest, whose service may have the identity of one
# that runs elsewhere, and must not talk to anybody.
[Service]
IPAddressDeny=any
IPAddressAllow=localhost
"""


@handles("secrets.adopt@1")
def adopt_secrets(ctx: StepContext) -> StepOutcome:
    """The backup's secrets are this deployment's; one that it has already stays."""
    repository, backup = named_backup(ctx)
    notes = repository.notes(backup)
    there = set(ctx.backends.secrets.list(secret_path(ctx)))
    for name, value in notes.secrets.items():
        ctx.hide(value)
        ctx.backends.secrets.ensure(secret_path(ctx, name), partial(str, value))
    fresh = {secret_path(ctx, name) for name in notes.secrets} - there
    return StepOutcome(changed=bool(fresh), output={"secrets": len(notes.secrets)})


@handles("state.adopt@1")
def adopt_files(ctx: StepContext) -> StepOutcome:
    """Owners are numbers, and the service's user may have another number on this guest."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    name = f"{ctx.operation_id}.{ctx.step.args['name']}"
    capture = ctx.resource(ResourceKind.CAPTURE, name)
    before = capture.attributes.get(OWNER) if capture else None
    now = place.user_ids()
    if not before or tuple(before) == now:
        return StepOutcome(changed=False)
    for old, new in ((f"{before[0]}", f"{now[0]}"), (f":{before[1]}", f":{now[1]}")):
        words = ("chown", "-hR", f"--from={old}", new, "--", place.paths.data, place.paths.config)
        done = place.run_long(*words)
        if done.status != 0:
            raise RemoteFailure(
                "files of the backup cannot be given to the service's user",
                on=place.facts.address,
                why=done.stderr.strip()[-800:],
            )
    return StepOutcome()


@handles("guest.isolate@1")
def isolate(ctx: StepContext) -> StepOutcome:
    """As far as the guest's systemd can: packets to and from others are dropped."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    units = (place.paths.unit, *timers.job_units(place))
    paths = [f"{place.paths.systemd}/{unit}.d/homeport-drill.conf" for unit in units]
    written = [place.write(path, _ISOLATION.encode()) for path in paths]
    place.run("systemctl", "daemon-reload")
    return StepOutcome(changed=any(written))
