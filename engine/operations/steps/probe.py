"""An application on a throw-away guest: used, and what it wrote compared with its package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.catalog.check_timers import claimed_timers
from engine.catalog.package import SMTP_SECRET
from engine.catalog.placeholders import expand_text
from engine.methods import apt, postgresql, timers
from engine.methods.bindings import bindings_of
from engine.methods.place import Place
from engine.model.probe import Probed, Unclaimed
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.certificate import TLS_KEY
from engine.operations.steps.planned import installation
from engine.operations.steps.secret_steps import secret_path
from engine.state.claims import claims_of, unclaimed_paths
from engine.state.program_run import run_program
from engine.state.protocols import Ground, Unit
from engine.state.registry import state_kind
from engine.state.scripting import SANDBOX, run_guest_program

_MOST_NAMED = 200
_WORK_SECONDS = 3600
_OWN_SERVERS = (("redis", "keys", "Redis"), ("rabbitmq", "queues", "RabbitMQ"))


@handles("probe.begin@1")
def begin(ctx: StepContext) -> StepOutcome:
    """All that is installed is installed before: what comes from here on is the application's."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    if ctx.package.load:
        apt.ensure_packages(place, (SANDBOX,))
    found = _run(place, "mark")
    return StepOutcome(changed=False, output={"files": found["items"]})


@handles("probe.use@1")
def use(ctx: StepContext) -> StepOutcome:
    """The load that its package declares, its regular work, and then who writes to what is
    looked at."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    document = {"phase": "load", "operation": "probe", "release": ctx.release.version}
    for number, program in enumerate(ctx.package.load, 1):
        run_guest_program(place, program, f"load-{number}", document)
    for unit in timers.job_units(place):
        done = place.run("systemctl", "start", unit, timeout=_WORK_SECONDS, check=False)
        if done.status != 0:
            ctx.log(f"{unit} failed: {done.stderr.strip()}")
    if not ctx.package.load:
        ctx.log("The package declares no load: it is only started, asked for its health, stopped")
    _run(place, "hold")
    return StepOutcome(output={"programs": len(ctx.package.load)})


@handles("probe.compare@1")
def compare(ctx: StepContext) -> StepOutcome:
    """Its output is a `Probed`. What nobody claims is no error of this step."""
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    places = [place.paths.config, place.paths.data, place.paths.run, place.paths.base]
    seen = _run(place, "compare", places=places)
    written = seen["written"]
    unclaimed = [
        *unclaimed_paths(written, claims_of(place), _names(place)),
        *unclaimed_databases(place),
        *unclaimed_in_servers(place, Ground(place, ctx.backends.secrets, secret_path(ctx))),
        *_secrets(ctx),
        *_unclaimed_timers(ctx),
    ]
    found = Probed(
        application=ctx.package.id,
        release=ctx.release.version,
        written=len(written),
        loads=len(ctx.package.load),
        unclaimed=tuple(unclaimed[:_MOST_NAMED]),
        more=bool(seen["more"]) or len(unclaimed) > _MOST_NAMED,
    )
    for one in found.unclaimed:
        ctx.log(f"Nobody claims {one.kind} {one.name}: {one.bytes} bytes, by {one.by}")
    return StepOutcome(changed=False, output=ctx.redacted(found.model_dump(mode="json")))


def _run(place: Place, verb: str, *, places: Iterable[str] = ()) -> dict[str, Any]:
    uid, _ = place.user_ids()
    desk = f"{place.facts.root}/var/lib/homeport/.probe"
    task = {"verb": verb, "root": place.facts.root, "desk": desk, "uid": uid}
    failed = "what is written cannot be looked at"
    return run_program(
        place, "writes", {**task, "places": list(places)}, failed=failed, on=place.app.name
    )


def _names(place: Place) -> list[tuple[str, str]]:
    paths = place.paths
    found = [(paths.data, "{data}"), (paths.config, "{config}"), (paths.venv, "{venv}")]
    return [*found, (paths.base, f"/opt/homeport/{place.app.name}"), (place.facts.root, "")]


def unclaimed_databases(place: Place) -> list[Unclaimed]:
    app = place.app
    if "postgresql" not in app.package.needs.components or "postgresql" in app.databases:
        return []  # on a server of the provider, the deployment's role reaches one alone
    bindings, state = bindings_of(place), place.app.package.state
    mine = {expand_text(unit.locator, bindings) for unit in state if unit.kind == "postgresql"}
    return [
        Unclaimed(kind="database", name=name, bytes=size, by=f"PostgreSQL role {owner}")
        for name, owner, size in postgresql.databases(place)
        if name not in mine
    ]


def unclaimed_in_servers(place: Place, ground: Ground) -> list[Unclaimed]:
    """Of those that are the deployment's alone, and a unit as a whole."""
    package, found = place.app.package, []
    for server, what, product in _OWN_SERVERS:
        claimed = any(unit.kind == server for unit in package.state)
        if claimed or server not in package.needs.components:
            continue
        size = state_kind(server).measure(Unit(server, server, ""), ground)
        if size.items:
            fields = {"kind": what, "name": server, "items": size.items, "bytes": size.bytes}
            found.append(Unclaimed.model_validate({**fields, "by": f"clients of {product}"}))
    return found


def _unclaimed_timers(ctx: StepContext) -> list[Unclaimed]:
    """Of the package's own; they were there before it was used, so no path tells of them."""
    manifest = ctx.package.model_dump(mode="json", by_alias=True)
    claimed = claimed_timers(manifest)
    return [
        Unclaimed(kind="timer", name=name, by="regular work of the package")
        for name in ctx.package.service.timers
        if name not in claimed
    ]


def _secrets(ctx: StepContext) -> list[Unclaimed]:
    """A component's password is made anew for each guest, and that of a mail account can be; the
    certificate's key is issued."""
    package = ctx.package
    known = {unit.locator for unit in package.state if unit.kind == "secrets"}
    known |= {f"{component}-password" for component in package.needs.components}
    known |= {TLS_KEY, SMTP_SECRET}
    known |= {name.removeprefix("secret:") for name in package.ignored}
    prefix = secret_path(ctx) + "/"
    names = (path.removeprefix(prefix) for path in ctx.backends.secrets.list(secret_path(ctx)))
    return [
        Unclaimed(kind="secret", name=name, by="generated for the deployment")
        for name in sorted(names)
        if name not in known
    ]
