"""The plan that gives a deployment other passwords and keys in place of those it has.

Each is stored before anything else knows it, and the value from before is kept beside it until
the application has answered with the new one. The configuration is written before a server is
told: a running application does not read it again, so all the time in which it holds a password
that nobody takes is its restart. Of a bucket a second key is made beside the first, which goes
last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence, Set

from engine.catalog.package import S3_SECRETS, SMTP_SECRET
from engine.catalog.placeholders import SECRET, placeholders
from engine.errors import InvalidInput, NotFound
from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Effect, Intent, Plan, PlannedStep
from engine.model.provider import Service
from engine.planning.desired import Desired
from engine.planning.sequence import in_order, named
from engine.planning.services import (
    COMPONENTS,
    ENSURE_BUCKET,
    bucket_name,
    database_step,
    has_relay,
    of_component,
    relay_step,
)
from engine.planning.upgrade import public_health

RENEW, RENEW_KEY = "secrets.renew@1", "buckets.renew@1"
_BACK = "back."
_IDENTITY = "the application's identity, which others rely on"
_ITS_OWN = "kept by the application itself, and changed there"
_SHARED = "the S3 server makes no keys, and Homeport's own is used"
_UNUSED = "in nothing that Homeport writes"


def plan_rotate(
    desired: Desired, resources: Sequence[Resource], wanted: Collection[str] = ()
) -> Plan:
    """resources: what the deployment owns. wanted: names of secrets; by default, all that can be
    changed. Of the two halves of a key, either stands for both.

    NotFound for a name that the package does not have; InvalidInput for one that stays as it is,
    and where nothing can be changed.
    """
    owned = [found for found in resources if found.provider == desired.provider.name]
    stays = _staying(desired, owned)
    names = _chosen(desired, stays, set(wanted))
    provider, listed = desired.provider.name, ", ".join(sorted(names))
    steps = [
        desired.step("preflight@1", "Check guest and servers", Effect.READ, provider),
        *_made(desired, owned, names),
        *_taken_up(desired, owned, names, "old"),
    ]
    title, args = "Put the values from before back", {"names": sorted(names)}
    back = [
        desired.step("secrets.take-back@1", title, Effect.CHANGE, listed, (), args),
        *_taken_up(desired, owned, names, "new"),
    ]
    restart = f"{desired.package.name} restarts and is away for a few seconds."
    warnings = (restart, *_reasons(stays), *_shown(desired, names))
    plan = desired.plan(Intent.ROTATE, in_order(steps), (), warnings)
    way_back = in_order([named(step, _BACK + step.id) for step in back])
    update = {"rollback": desired.plan(Intent.ROTATE, way_back), "rollback_from": steps[1].id}
    return plan.model_copy(update={**update, "no_return": public_health(desired).id})


def renewed_by(plan: Plan) -> tuple[str, ...]:
    """Names of the secrets that a plan of this kind changes."""
    names = [name for s in plan.steps if s.kind == RENEW for name in s.args["names"]]
    return (*names, *(S3_SECRETS if any(s.kind == RENEW_KEY for s in plan.steps) else ()))


def _staying(desired: Desired, owned: Sequence[Resource]) -> dict[str, str]:
    """Secret -> why it is not changed."""
    package, found = desired.package, {}
    used = _used(desired) | ({SMTP_SECRET} if _sends(desired, owned) else set())
    own = {account.secret for account in package.accounts if account.kind == "command"}
    buckets = desired.provider.backends.get(Service.BUCKETS)
    for name, spec in package.secrets.items():
        if spec.identity:
            found[name] = _IDENTITY
        elif name in own:
            found[name] = _ITS_OWN
        elif package.needs.bucket and name in S3_SECRETS:
            if buckets is None or buckets.settings.get("keys") == "static":
                found[name] = _SHARED
        elif not of_component(package, name) and name not in used:
            found[name] = _UNUSED
    return found


def _used(desired: Desired) -> set[str]:
    """Secrets that the configuration has in it."""
    package = desired.package
    written = [[file.settings, file.presets, file.text] for file in package.config]
    used = placeholders([written, desired.release.settings])
    in_files = {a.secret for a in package.accounts if a.kind == "htpasswd"}
    return {name.removeprefix(SECRET) for name in used if name.startswith(SECRET)} | in_files


def _chosen(desired: Desired, stays: dict[str, str], wanted: Set[str]) -> set[str]:
    known = desired.package.secrets.keys()
    if unknown := sorted(wanted - known):
        raise NotFound(
            "the application has no such generated secret",
            on=f"{', '.join(unknown)} of {desired.name}",
            why=f"there are: {', '.join(sorted(known)) or 'none'}",
            left="nothing was changed",
            do="What you typed into an option yourself is changed by homeport configure.",
        )
    names = wanted or known - stays.keys()
    if refused := sorted(names & stays.keys()):
        raise InvalidInput(
            "this secret is not changed",
            on=f"{', '.join(refused)} of {desired.name}",
            why="; ".join(_reasons({name: stays[name] for name in refused})),
            left="nothing was changed",
            do="Leave it out.",
        )
    if not names:
        raise InvalidInput(
            "the deployment has no secret that could be changed",
            on=desired.name,
            why="; ".join(_reasons(stays)) or f"{desired.package.name} has no generated secrets",
            left="nothing was changed",
        )
    return {*names, *(S3_SECRETS if names & set(S3_SECRETS) else ())}


def _reasons(stays: dict[str, str]) -> Iterator[str]:
    for why in dict.fromkeys(stays.values()):
        names = ", ".join(sorted(name for name in stays if stays[name] == why))
        yield f"Not changed: {names} ({why})."


def _shown(desired: Desired, names: Set[str]) -> Iterator[str]:
    titled = sorted(name for name in names if desired.package.secrets[name].title)
    if titled:
        names_of_them = ", ".join(titled)
        yield f"Whoever uses {names_of_them} needs the new value: homeport secret {desired.name}"


def _made(desired: Desired, owned: Sequence[Resource], names: Set[str]) -> Iterator[PlannedStep]:
    generated = sorted(names - set(S3_SECRETS))
    if generated:
        title, args = "Make and store new values", {"names": generated}
        yield desired.step(RENEW, title, Effect.CHANGE, ", ".join(generated), (), args)
    if names & set(S3_SECRETS):
        bucket = _bucket(desired, owned)
        title, what = "Make a second key", f"for bucket {bucket}"
        yield desired.step(RENEW_KEY, title, Effect.CREATE, what, (), {"name": bucket})


def _taken_up(
    desired: Desired, owned: Sequence[Resource], names: Set[str], gone: str
) -> Iterator[PlannedStep]:
    """What is stored is written and told, the application works with it, and the others go."""
    what = f"{desired.package.name} {desired.release.version}"
    yield desired.step("app.configure@1", "Write its configuration", Effect.CHANGE, what)
    yield from _told(desired, owned, names)
    yield desired.step("app.start@1", "Restart the application", Effect.CHANGE, what)
    yield from _account(desired)
    yield public_health(desired)
    yield from _removed(desired, owned, names, gone)


def _told(desired: Desired, owned: Sequence[Resource], names: Set[str]) -> list[PlannedStep]:
    """Servers are told the passwords that are stored."""
    databases = {
        found.key: found.external_id for found in owned if found.kind is ResourceKind.DATABASE
    }
    components = [c for n in sorted(names) if (c := of_component(desired.package, n))]
    if databases.keys() & set(components) and Service.DATABASES not in desired.provider.backends:
        raise InvalidInput(
            "the provider has no database server any more",
            on=desired.provider.name,
            why=f"{desired.name} has a database there, and the settings name no server",
            left="nothing was changed",
            do="Name the server in the provider's settings again.",
        )
    steps = [
        database_step(desired, "Set its password at the server", component, databases[component])
        for component in components
        if component in databases
    ]
    if on_guest := [component for component in components if component not in databases]:
        what = ", ".join(COMPONENTS[component] for component in on_guest)
        title, args = "Set passwords on the guest", {"components": on_guest}
        steps.append(desired.step("components.install@1", title, Effect.CHANGE, what, (), args))
    if SMTP_SECRET in names:
        title = "Set its password at the mail server"
        update = {"title": title, "effect": Effect.CHANGE}
        steps.append(relay_step(desired).model_copy(update=update))
    return steps


def _sends(desired: Desired, owned: Sequence[Resource]) -> bool:
    """By an account that it has, and uses."""
    return has_relay(desired) and any(found.kind is ResourceKind.MAILBOX for found in owned)


def _account(desired: Desired) -> Iterator[PlannedStep]:
    """It tells the configuration, too, what the first account is called."""
    if desired.package.accounts:
        what, args = f"account {desired.account}", {"username": desired.account}
        title = "Keep the first account"
        yield desired.step("accounts.ensure@1", title, Effect.CHANGE, what, (), args)


def _removed(
    desired: Desired, owned: Sequence[Resource], names: Set[str], gone: str
) -> Iterator[PlannedStep]:
    """gone: "old" or "new"; whichever is not in use by then."""
    if names & set(S3_SECRETS):
        bucket = _bucket(desired, owned)
        title, what = f"Remove the {gone} key", f"the {gone} key for bucket {bucket}"
        yield desired.step(ENSURE_BUCKET, title, Effect.DELETE, what, (), {"name": bucket})
    title, what = f"Forget the {gone} values", f"{gone} values of {', '.join(sorted(names))}"
    yield desired.step("secrets.forget-old@1", title, Effect.DELETE, what)


def _bucket(desired: Desired, owned: Sequence[Resource]) -> str:
    known = (found.external_id for found in owned if found.kind is ResourceKind.BUCKET)
    return next(known, bucket_name(desired))
