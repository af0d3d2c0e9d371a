"""What a deployment has on servers of its provider, and not on its guest: a database, a bucket,
an account to send mail by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from engine.catalog.options import is_set
from engine.catalog.package import S3_SECRETS, SMTP_SECRET, Package
from engine.catalog.placeholders import placeholders
from engine.errors import InvalidInput
from engine.model.deployment import Resource, ResourceKind
from engine.model.plan import Effect, PlannedStep
from engine.model.provider import ProviderProfile, Service
from engine.planning.desired import Desired

ENSURE_BUCKET = "buckets.ensure@1"
COMPONENTS = {
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "redis": "Redis",
    "rabbitmq": "RabbitMQ",
}
_LONGEST = 22
"""Of the application in a name: PostgreSQL, MariaDB and what a restore puts behind it fit in."""


def served_component(desired: Desired) -> str:
    """What the package needs and the provider's database server is; empty where that is none."""
    backend = desired.provider.backends.get(Service.DATABASES)
    needed = desired.package.needs.components
    return backend.kind if backend is not None and backend.kind in needed else ""


def database_name(desired: Desired) -> str:
    """Of the database and its role. The provider is in it, for two of them may share a server,
    and a deployment that moves is at both: "hp_synapse_ab12cd34_1f3a"."""
    application = desired.package.id.replace("-", "_")[:_LONGEST]
    place = hashlib.sha256(desired.provider.name.encode()).hexdigest()[:4]
    return f"hp_{application}_{desired.deployment}_{place}"


def installed_components(desired: Desired) -> str:
    """What the guest gets beside the application, in words."""
    served = served_component(desired)
    names = (
        COMPONENTS[name] + (" client" if name == served else "")
        for name in desired.package.needs.components
    )
    return ", ".join(["reverse proxy", *names])


def bucket_name(desired: Desired) -> str:
    """As of databases: "hp-synapse-ab12cd34-1f3a"."""
    return database_name(desired).replace("_", "-")


def has_relay(desired: Desired) -> bool:
    """Does it send by the provider's mail server? Not where the user named one of their own."""
    if not desired.package.needs.mail or Service.MAIL not in desired.provider.backends:
        return False
    own = (path for file in desired.package.config if file.values for path in file.relay)
    return not any(is_set(desired.values, path) for path in own)


def relay_name(desired: Desired) -> str:
    """As of buckets."""
    return bucket_name(desired)


def making(desired: Desired, after: tuple[str, ...] = ()) -> list[PlannedStep]:
    """Before anything is installed that needs it. InvalidInput where the provider lacks it."""
    served, steps = served_component(desired), []
    if served:
        step = database_step(desired, "Make its database", served, database_name(desired))
        steps.append(step.model_copy(update={"effect": Effect.CREATE, "after": after}))
    if desired.package.needs.bucket:
        step = bucket_step(desired, "Make its bucket", bucket_name(desired))
        steps.append(step.model_copy(update={"effect": Effect.CREATE, "after": after}))
    if has_relay(desired):
        steps.append(relay_step(desired, after))
    return steps


def relay_step(desired: Desired, after: tuple[str, ...] = ()) -> PlannedStep:
    """Before its configuration is written, which names the account once there is one."""
    return desired.step(
        "mail.ensure@1",
        "Make its mail account",
        Effect.CREATE,
        f"{relay_name(desired)}, to send by {_mail_server(desired)}",
        after,
        {"name": relay_name(desired)},
    )


def database_step(desired: Desired, title: str, component: str, name: str) -> PlannedStep:
    """The database is there, and its role has the password that is stored."""
    what = f"{name} and its role, {_server(desired, component)}"
    args = {"component": component, "name": name}
    return desired.step("databases.ensure@1", title, Effect.CHANGE, what, (), args)


def bucket_step(desired: Desired, title: str, name: str) -> PlannedStep:
    """The bucket is there, and the key that is stored opens it."""
    what = f"{name} and a key for it, {_s3_server(desired)}"
    return desired.step(ENSURE_BUCKET, title, Effect.CHANGE, what, (), {"name": name})


def of_component(package: Package, secret: str) -> str:
    """The component whose password it is; empty for others."""
    component = secret.removesuffix("-password")
    return component if component != secret and component in package.needs.components else ""


def is_of_server(package: Package, secret: str) -> bool:
    """A server lets the application in by it, the provider's or the guest's own."""
    needs = package.needs
    of_needs = (*(S3_SECRETS if needs.bucket else ()), *((SMTP_SECRET,) if needs.mail else ()))
    return secret in of_needs or bool(of_component(package, secret))


def refuse_move(package: Package, source: ProviderProfile, target: ProviderProfile) -> None:
    """InvalidInput for an application with a bucket where the target has no S3 server, or where a
    server makes no keys: with Homeport's own nobody can be kept from writing."""
    for provider in (source, target) if package.needs.bucket else ():
        backend = provider.backends.get(Service.BUCKETS)
        if backend is None:
            raise _no_s3_server(package, provider)
        if backend.settings.get("keys") == "static":
            raise InvalidInput(
                "a bucket to which Homeport has the only key cannot move",
                on=f"{package.name} at {provider.name}",
                why="its S3 server makes no keys, and nothing could prove that the side that was "
                "left does not write into its bucket any more",
                left="nothing was changed",
                do="Back it up and restore it as new elsewhere, or use servers with an IAM.",
            )


def dropping(desired: Desired, resources: Sequence[Resource]) -> list[PlannedStep]:
    """When nothing uses it any more. All with the deployment's mark goes, known or not."""
    here = [found for found in resources if found.provider == desired.provider.name]
    known = {found.kind: found.external_id for found in here}
    served, steps = served_component(desired), []
    if served or ResourceKind.DATABASE in known:
        name = known.get(ResourceKind.DATABASE, database_name(desired))
        what = f"database {name} with all data in it, and its role, {_server(desired, served)}"
        steps.append(desired.step("databases.drop@1", "Drop its database", Effect.DELETE, what))
    if desired.package.needs.bucket:
        name = known.get(ResourceKind.BUCKET, bucket_name(desired))
        what = f"bucket {name} with all objects and versions in it, and its key"
        args = {"name": name}
        step = desired.step("buckets.drop@1", "Remove its bucket", Effect.DELETE, what, (), args)
        steps.append(step)
    if has_relay(desired) or ResourceKind.MAILBOX in known:
        name = known.get(ResourceKind.MAILBOX, relay_name(desired))
        what = f"account {name} at {_mail_server(desired)}"
        steps.append(desired.step("mail.drop@1", "Remove its mail account", Effect.DELETE, what))
    return steps


def unproven_server(desired: Desired) -> Iterator[str]:
    """A warning where the application is not told to look at the server's certificate."""
    served = served_component(desired)
    backend = desired.provider.backends.get(Service.DATABASES)
    if not served or backend is None or backend.settings.get("ssl_mode") == "disable":
        return
    package = desired.package
    written = [[file.settings, file.text] for file in package.config]
    used = {*placeholders(written), *placeholders(package.service.environment)}
    if f"{served}.ssl_mode" not in used:
        yield (
            f"The package of {package.name} does not say how the certificate of a database server "
            f"is checked: its connection to {COMPONENTS[served]} may be read in between."
        )


def _server(desired: Desired, component: str) -> str:
    backend = desired.provider.backends.get(Service.DATABASES)
    host = backend.settings.get("host", "") if backend is not None else ""
    return f"{COMPONENTS.get(component, 'database server')} on {host or 'the provider'}"


def _mail_server(desired: Desired) -> str:
    backend = desired.provider.backends.get(Service.MAIL)
    host = backend.settings.get("host", "") if backend is not None else ""
    return str(host) or "the provider's mail server"


def _s3_server(desired: Desired) -> str:
    backend = desired.provider.backends.get(Service.BUCKETS)
    if backend is None:
        raise _no_s3_server(desired.package, desired.provider)
    return f"S3 at {backend.settings.get('endpoint', desired.provider.name)}"


def _no_s3_server(package: Package, provider: ProviderProfile) -> InvalidInput:
    return InvalidInput(
        "the provider has no S3 server, and the application needs a bucket",
        on=f"{package.name} at {provider.name}",
        left="nothing was changed",
        do=f"Add 'buckets' to the settings of {provider.name}, or choose another provider.",
    )
