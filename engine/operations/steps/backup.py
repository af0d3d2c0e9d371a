"""Backups: from a capture on the guest into a repository, verified, and back to the guest."""

from __future__ import annotations

from engine.backup import ways
from engine.backup.notes import About, Notes
from engine.backup.repository import Repository
from engine.backup.restic import PROGRAM
from engine.errors import InvalidInput, NoCapacity, NotFound, RemoteFailure
from engine.methods import apt
from engine.methods.place import Place
from engine.model.deployment import ResourceKind
from engine.model.repository import Backup
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.planned import installation
from engine.operations.steps.secret_steps import secret_path
from engine.operations.steps.state import captures, units
from engine.operations.workplace import SSH_KEY
from engine.planning.backup import CAPTURE, FETCHED
from engine.planning.services import is_of_server
from engine.planning.upgrade import CONFIGURE
from engine.state.captures import CapturedUnit, Manifest
from engine.state.protocols import UNFINISHED
from engine.state.secrets import COPIES
from engine.state.units import INSTALLATION

_SPARE_MIB = 256
_RESTORE_COPIES = 2
"""Of the present state: what is kept, and what is written beside it when it is put back."""


OWNER = "owner"
"""Attribute of a capture that was fetched: numbers of the service's user and group then."""


@handles("backup.check@1")
def check(ctx: StepContext) -> StepOutcome:
    """The repository opens, and the guest has room for one copy of its state."""
    repository = _repository(ctx)
    repository.open()
    _prepare_guest(ctx, repository)
    _refuse_without_room(ctx, _measured(ctx))
    return StepOutcome(changed=False)


@handles("backup.store@1")
def store(ctx: StepContext) -> StepOutcome:
    """The operation's capture in the repository. It counts once its stream was whole."""
    repository = _repository(ctx)
    made, left = repository.contents(ctx.plan.deployment)
    known = next((backup for backup in made if backup.id == ctx.operation_id), None)
    if known is None:
        # What killed attempts left has no use: restic keeps its parts until it prunes.
        repository.forget(left, prune=False)
        name = f"{ctx.operation_id}.{CAPTURE}"
        capture = ctx.resource(ResourceKind.CAPTURE, name)
        if capture is None:
            raise NotFound("the captured state is not known any more", on=name)
        manifest = captures(ctx).manifest(name, str(capture.attributes["checksum"]))
        notes = _notes(ctx, manifest)
        tags = {
            "backup": ctx.operation_id,
            "deployment": ctx.plan.deployment,
            "name": ctx.plan.name,
            "application": ctx.plan.application,
            "release": manifest.release,
        }
        guest = _guest(ctx)
        directory = f"{guest.place.paths.captures}/{name}"
        with ctx.spent("transfer"):
            stored = ways.store(
                repository, guest, directory, notes.texts, tags, manifest.at, manifest.size
            )
        repository.finish(stored.snapshot, stored.bytes, stored.sha256)
        known = repository.find(ctx.operation_id, ctx.plan.deployment)
    ctx.log(f"Backup {known.id} in {known.repository}: {known.bytes / 1e6:.1f} MB")
    output = {"backup": known.id, "snapshot": known.snapshot, "bytes": known.bytes}
    return StepOutcome(output=output)


@handles("backup.verify@1")
def verify(ctx: StepContext) -> StepOutcome:
    """Says which level was reached: design.md, section 7."""
    repository = _repository(ctx)
    backup = repository.find(ctx.operation_id, ctx.plan.deployment)
    repository.check(content=False, raise_if_cancelled=ctx.raise_if_cancelled)
    if repository.is_here:
        repository.read_back(backup, ctx.raise_if_cancelled)
        ctx.log("V2: all of it was read back; its checksum is the one taken on the guest")
    else:
        ctx.log("V1: every part is there in full length; contents were not read back")
    return StepOutcome(changed=False, output={"level": "V2" if repository.is_here else "V1"})


@handles("backup.expire@1")
def expire(ctx: StepContext) -> StepOutcome:
    """args: the backups that the plan named, and no other."""
    doomed = [str(backup["snapshot"]) for backup in ctx.step.args["backups"]]
    changed = _repository(ctx).forget(doomed, ctx.raise_if_cancelled)
    return StepOutcome(changed=changed, output={"removed": len(doomed)})


@handles("restore.check@1")
def check_restore(ctx: StepContext) -> StepOutcome:
    """The backup is there, and the guest has room for it beside what it keeps."""
    repository, backup = named_backup(ctx)
    _prepare_guest(ctx, repository)
    ctx.method.check(ctx.shell(), installation(ctx), ctx)
    _refuse_without_room(ctx, _RESTORE_COPIES * _measured(ctx) + 2 * backup.bytes)
    return StepOutcome(changed=False)


@handles("backup.fetch@1")
def fetch(ctx: StepContext) -> StepOutcome:
    """The backup as a capture on the guest, complete or not there, like every capture."""
    repository, backup = named_backup(ctx)
    name = f"{ctx.operation_id}.{FETCHED}"
    notes, guest = repository.notes(backup), _guest(ctx)
    place = guest.place
    for value in notes.secrets.values():
        ctx.hide(value)
    _prepare_guest(ctx, repository)
    manifest = _as_here(ctx, notes.about, name)
    directory = f"{place.paths.captures}/{name}"
    if not place.exists(directory):
        making = directory + UNFINISHED
        place.run_long("rm", "-rf", "--", making)
        place.directory(place.paths.captures, "0700", "root:root")
        with ctx.spent("transfer"):
            ways.load(repository, guest, backup, making, notes.texts)
        place.write(f"{making}/manifest.json", manifest.text.encode(), mode=0o600)
        place.run_long("sync")
        place.run("mv", "-T", "--", making, directory)
        place.run("sync", place.paths.captures)
    for entry in manifest.units:
        if entry.kind == "secrets" and not entry.captured.facts.get("absent"):
            copy = secret_path(ctx, str(entry.captured.facts["copy"]))
            ctx.backends.secrets.put(copy, notes.secrets[entry.locator])
    attributes = {
        "release": manifest.release,
        "at": manifest.at.isoformat(),
        "checksum": manifest.checksum,
        "bytes": manifest.size,
        OWNER: notes.about.owner,
    }
    ctx.remember(ResourceKind.CAPTURE, name, name, attributes)
    ctx.log(f"Backup {backup.id} is on the guest: {backup.bytes / 1e6:.1f} MB, checksum compared")
    return StepOutcome(output={"capture": name, "bytes": backup.bytes})


@handles("capture.drop@1")
def drop(ctx: StepContext) -> StepOutcome:
    """args: name of a capture of this operation."""
    name = f"{ctx.operation_id}.{ctx.step.args['name']}"
    removed = captures(ctx).remove(name)
    ctx.forget(ResourceKind.CAPTURE, name)
    return StepOutcome(changed=removed)


def _repository(ctx: StepContext) -> Repository:
    profile = ctx.repository(str(ctx.step.args["repository"]))
    return Repository(profile, ctx.installation_secrets().get)


def named_backup(ctx: StepContext) -> tuple[Repository, Backup]:
    """The one that the step's args name."""
    repository = _repository(ctx)
    return repository, repository.find(str(ctx.step.args["backup"]))


def _guest(ctx: StepContext) -> ways.Guest:
    place = Place.of(ctx.shell(), installation(ctx), ctx)
    return ways.Guest(place, ctx.guest_target(), ctx.installation_secrets().get(SSH_KEY))


def _prepare_guest(ctx: StepContext, repository: Repository) -> None:
    """While everything still serves: what an installer may have to wait for."""
    if not repository.is_here:
        apt.ensure_packages(Place.of(ctx.shell(), installation(ctx), ctx), (PROGRAM,))


def _measured(ctx: StepContext) -> int:
    sizes = captures(ctx).measure(units(ctx))
    size = sum(found.bytes for found in sizes.values())
    ctx.log(f"{len(sizes)} parts of its state: {size / 1e6:.1f} MB")
    return size


def _refuse_without_room(ctx: StepContext, size: int) -> None:
    free, needed = ctx.shell().facts().disk_free_mib, (size >> 20) + _SPARE_MIB
    if free and free < needed:
        raise NoCapacity(
            "the guest's disk has no room for a copy of the state",
            on=f"{ctx.plan.name}: {free} MiB are free",
            why=f"{needed} MiB are needed while the application is away as briefly as possible",
            left="nothing was changed",
            do="Remove what is not needed from the guest or enlarge its disk, then plan again.",
        )


def _notes(ctx: StepContext, manifest: Manifest) -> Notes:
    app = installation(ctx)
    about = About(
        backup=ctx.operation_id,
        deployment=ctx.plan.deployment,
        name=ctx.plan.name,
        domain=ctx.plan.domain,
        provider=ctx.plan.provider,
        application=ctx.plan.application,
        release=manifest.release,
        owner=Place.of(ctx.shell(), app, ctx).user_ids(),
        account=app.account,
        values=dict(ctx.plan.values),
        manifest=manifest,
    )
    secrets = {
        entry.locator: ctx.backends.secrets.get(secret_path(ctx, str(entry.captured.facts["copy"])))
        for entry in manifest.units
        if entry.kind == "secrets" and not entry.captured.facts.get("absent")
    }
    return Notes(about, secrets)


def _as_here(ctx: StepContext, about: About, name: str) -> Manifest:
    """The manifest of a capture of this name on this guest. Paths are those of the present
    package and guest: nothing that was read from a repository becomes one.

    A deployment that is made anew has its own configuration, and its secrets by then. One whose
    configuration the plan writes anew keeps those that a server knows, for they were changed there.
    """
    keeps_present = any(step.kind == CONFIGURE for step in ctx.plan.steps)
    here = {unit.id: unit for unit in units(ctx)}
    is_anew = about.deployment != ctx.plan.deployment
    entries = []
    for entry in about.manifest.units:
        if is_anew and (entry.kind == "secrets" or entry.id.startswith(INSTALLATION)):
            continue
        if entry.kind == "secrets":
            if keeps_present and is_of_server(ctx.package, entry.locator):
                continue
            copy = {"copy": f"{COPIES}/{name}/{entry.locator}"}
            absent = entry.captured.facts.get("absent")
            captured = entry.captured.model_copy(update={} if absent else {"facts": copy})
            entries.append(entry.model_copy(update={"captured": captured}))
            continue
        unit = here.get(entry.id)
        if unit is None or unit.kind != entry.kind:
            raise InvalidInput(
                "the backup has a part that the application's package does not know",
                on=f"{entry.id} ({entry.kind})",
                left="nothing was changed",
                do="Use the catalog with which the backup was made.",
            )
        # A tree lies in its capture under its own name; databases and buckets, which the servers of
        # each provider know by others, do not.
        here_called, there_called = (at.rpartition("/")[2] for at in (unit.locator, entry.locator))
        if unit.locator.startswith("/") and here_called != there_called:
            raise RemoteFailure(
                "the backup was made under another name",
                on=f"{entry.id}: {entry.locator}",
                left="nothing was changed",
            )
        where = {"locator": unit.locator, "exclude": unit.exclude, "empty": unit.empty}
        entries.append(CapturedUnit.model_validate(entry.model_dump() | where))
    return about.manifest.model_copy(update={"id": name, "units": tuple(entries)})
