"""An application package: a manifest, and per release an options schema.

A package is data. Paths, ports and secrets that only the method knows are written as
placeholders in braces:

{root}      prefix of every absolute path of the guest (empty on a machine)
{config}    the deployment's directory for configuration; readable by its user only
{data}      the deployment's directory for its state
{run}       directory for sockets and files that may vanish at a reboot
{venv}      the release's Python environment
{address}   where the service listens, {port} its port (`ServiceSpec.port`)
{domain}    the public name, {public_port} the proxy's HTTPS port
{url}       "https://{domain}", with the port where it is not 443; no slash at the end
{name}      the deployment's name, {account} the user name of the first account
{password_file}  private file with the first account's password; in `AccountSpec.argv` only
{timers}    the units of `ServiceSpec.timers`, parted by spaces; in the locator of a state unit of
            kind timers only
{program}   file with a script's own text; in the `exec` of scripts only
{secret:NAME}    only in settings of a config file of a private mode and in the inputs of
            scripts, never in a command
{postgresql.host} {postgresql.port} {postgresql.database} {postgresql.username}
{mariadb.host} {mariadb.port} {mariadb.database} {mariadb.username}
{postgresql.ssl_mode} {postgresql.ca_file} {mariadb.ssl_mode} {mariadb.ca_file}
            how a server of the provider is proven to be itself ("verify-full", or "disable" where
            its owner does without), and by which authorities; on the guest "prefer", and empty
{public_address}  where the deployment is reached from outside; in the values of records only
{redis.host} {redis.port}
{rabbitmq.host} {rabbitmq.port} {rabbitmq.vhost} {rabbitmq.username}
{s3.endpoint} {s3.region} {s3.bucket}  where the package needs a bucket
{smtp.host} {smtp.port} {smtp.username} {smtp.sender} {smtp.tls}  in `ConfigFile.relay` only: the
            last one is true where TLS is spoken from the first byte, and not after STARTTLS

A component's password is the package's secret `<component>-password`. A value that is one
placeholder and nothing else keeps its type (a port stays a number). A brace that is not a
placeholder is written twice.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from engine.calendar_event import CalendarEvent
from engine.catalog.migration_script import GuestProgram, MigrationScript
from engine.model.base import Model
from engine.model.record import RecordType, Ttl

Text = Annotated[str, Field(min_length=1)]
Mode = Annotated[str, Field(pattern=r"^0[0-7]{3}$")]
"""Octal, as text: YAML would read a bare 0640 as a number."""
S3_SECRETS = ("s3-access-key", "s3-secret-key")
"""The secrets of a package with the two halves of its key to buckets."""
SMTP_SECRET = "smtp-password"
"""The secret of a package with the password of its account at the provider's mail server."""
Argv = Annotated[tuple[str, ...], Field(min_length=1)]
TIMER_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
UnitName = Annotated[str, Field(pattern=r"^[A-Za-z0-9@._:-]+\.(service|timer|target)$")]


def _is_calendar(text: str) -> str:
    CalendarEvent.parse(text)
    return text


class Needs(Model):
    """Least size of the guest."""

    cores: int = Field(1, ge=1)
    memory_mib: int = Field(512, ge=64)
    disk_gib: int = Field(4, ge=1)
    components: tuple[Literal["postgresql", "mariadb", "redis", "rabbitmq"], ...] = ()
    bucket: bool = False
    """A bucket on the provider's S3 server; its key is the package's secrets `S3_SECRETS`."""
    mail: bool = False
    """An account to send by, where the provider has a mail server; its password is the package's
    secret `SMTP_SECRET`. Without such a server, what the user set counts as always."""


class SecretSpec(Model):
    """A secret that Homeport generates once per deployment and that moves with it.

    identity: stays byte for byte, ever (a signing key); others `homeport rotate` changes where it
    can (`engine.planning.rotate`).
    """

    kind: Literal["password", "token", "hex", "ed25519-seed"] = "token"
    length: int = 32
    title: str = ""
    """What the owner calls it. A secret without a title is not shown to the owner."""
    identity: bool = False


class ConfigFile(Model):
    """A configuration file made from the user's values and Homeport's own settings."""

    path: Text
    format: Literal["ini", "yaml", "json", "toml", "text", "htpasswd"]
    mode: Mode = "0640"
    values: bool = True
    """Does the user's document of options go into this file?"""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Dotted option path -> value: what Homeport decides. Such options are marked
    `x-managed` in the schema and cannot be set by the user."""
    presets: dict[str, Any] = Field(default_factory=dict)
    """Dotted option path -> value written where the user set none, because Homeport's
    default is not the application's own. The schema names the same default."""
    relay: dict[str, Any] = Field(default_factory=dict)
    """Dotted option path -> value written where the deployment has an account at the provider's
    mail server: all of them, or none where the user set any, for a password is not sent to a
    server that it is not of."""
    text: str = ""
    """Template of a `text` file: placeholders only, no logic."""


class TimerSpec(Model):
    """Regular work: a command that a timer of systemd runs beside the service, as its user, and
    never while that is down. Work that was missed meanwhile is done once when the service is up
    again; so is work that a stop ended in the middle, which is why it can be repeated."""

    exec: Argv
    calendar: Annotated[Text, AfterValidator(_is_calendar)]
    """When, as `OnCalendar=` has it (`engine.calendar_event`)."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Beside the service's own."""


class ServiceSpec(Model):
    """The long-running program, as a service unit has it."""

    exec: Argv = ()
    """Of the method `debian`, which makes the service's unit."""
    units: tuple[UnitName, ...] = ()
    """Of the method `nixos`: the units of the module that write, all of which have to stop."""
    environment: dict[str, str] = Field(default_factory=dict)
    before: tuple[Argv, ...] = ()
    """Commands that run before each start (schema migration, key generation); idempotent."""
    timers: dict[str, TimerSpec] = Field(default_factory=dict)
    """Of the method `debian`: regular work by its name."""
    stop_seconds: int = Field(30, ge=1, le=3600)
    port: int = Field(ge=1024, le=65535)
    """Port it listens on behind the guest's proxy; it is not root, so never below 1024."""


class HealthProbe(Model):
    """An HTTP request that a working application answers. Asked on the guest and, as the
    last step of an operation, through the public name."""

    path: str = Field("/", pattern=r"^/[^\s]*$")
    status: tuple[Annotated[int, Field(ge=100, le=599)], ...] = Field((200,), min_length=1)
    contains: str = ""
    within_seconds: int = Field(60, ge=1, le=3600)


class AccountSpec(Model):
    """The first account, so that the owner can use the application at once.

    kind htpasswd: the account is a line of the config file in that format.
    kind command: argv is run once the service answers; the password comes by standard
    input or by a private file named {password_file}, never by argv. It must be idempotent.
    kind option: the application's configuration holds it (see settings).
    """

    kind: Literal["htpasswd", "command", "option"]
    username: Text = "admin"
    secret: str = "admin-password"
    argv: tuple[str, ...] = ()
    stdin: bool = False


class StateUnit(Model):
    """One piece of the application's data (design.md, section 7)."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    kind: Literal[
        "files",
        "sqlite",
        "postgresql",
        "mariadb",
        "redis",
        "rabbitmq",
        "maildir",
        "certificates",
        "volume",
        "timers",
        "s3",
        "secrets",
    ]
    locator: Text
    """A path, a database name, a namespace, a secret name, names of timers or a bucket's address
    (see `engine.state.s3`); placeholders allowed."""
    klass: Literal["irreplaceable", "identity", "valuable", "rebuildable", "cache"] = Field(
        alias="class"
    )
    group: str = "main"
    """Consistency group: units captured at one point in time."""
    exclude: tuple[str, ...] = ()
    verify: str = ""
    after: str = ""
    empty_after_restore: tuple[str, ...] = ()
    """Tables to empty when an older state is restored, because what they hold may have been
    used up since (keys that are handed out once)."""
    queues: tuple[Text, ...] = ()
    """Of the kind redis: keys of what holds work that waits, `*` for any characters. After a move
    they are watched."""

    @property
    def has_queues(self) -> bool:
        return self.kind == "rabbitmq" or bool(self.queues)

    @property
    def is_made_anew(self) -> bool:
        """Neither kept in backups nor carried to another provider."""
        return self.klass in ("rebuildable", "cache")

    @property
    def is_path(self) -> bool:
        """Its locator is a path on the guest."""
        return self.kind in ("certificates", "files", "maildir", "sqlite", "volume")


class DeclaredRecord(Model):
    """A DNS record set that the application's users or their programs look for, beside that of
    its address. name: "@" is the domain, others are below it."""

    name: str = Field(pattern=r"^(@|[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_-]+)*)$")
    type: RecordType
    values: Annotated[tuple[Text, ...], Field(min_length=1)]
    """{domain}, {name}, {public_port} and {public_address} are filled."""
    ttl: Ttl = 300


class Note(Model):
    """What matters to an operator in this release, in one or two plain sentences."""

    kind: Literal["action", "change", "security", "feature"]
    text: Text


class Release(Model):
    version: Text
    date: str = Field("", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")
    pypi: Argv = ()
    """Exact requirements, main package first: ("radicale==3.5.4",). Of the method `debian`."""
    resolve: bool = True
    """False: `pypi` is the whole list, to be installed without looking for dependencies
    (`--no-deps`); for releases that name a dependency which they do not need."""
    build: tuple[str, ...] = ()
    """Debian packages without which this release's packages cannot be built on the guest
    (a C compiler where the registry holds no wheel). Empty for nearly all."""
    python: str = ">=3.9"
    options: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.json$")
    """File name of the options schema, relative to the package's directory."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Additions to the first config file's settings for this release only."""
    escapes: dict[str, str] = Field(default_factory=dict)
    """Character -> how it is written in the first config file, where the application would
    otherwise read it as something else than itself ("$" of an environment variable)."""
    notes: tuple[Note, ...] = ()


class Quiesce(Model):
    """How writing stops by the application's own means, and how it goes on."""

    stop_service: bool = True
    before: tuple[Argv, ...] = ()
    after: tuple[Argv, ...] = ()
    note: str = ""


class Package(Model):
    """manifest.yaml, checked. `schemas/manifest.schema.json` says the same for editors."""

    format: Literal[1] = 1
    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    name: Text
    summary: Text
    description: str = ""
    homepage: str = Field(pattern=r"^https?://[^\s]+$")
    licence: Text
    method: str = Field("debian", pattern=r"^[a-z][a-z0-9-]{0,30}$")
    """How it gets onto a guest: the name of an entry point of `homeport.methods`."""
    module: str = Field("", pattern=r"^([a-zA-Z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)*)?$")
    """Of the method `nixos`: where the NixOS options are that its options are, such as
    "services.mastodon"."""
    needs: Needs = Needs()
    secrets: dict[str, SecretSpec] = Field(default_factory=dict)
    directories: dict[str, Mode] = Field(default_factory=dict)
    """Directories to make for the service's user: path -> mode."""
    config: tuple[ConfigFile, ...]
    service: ServiceSpec
    health: tuple[HealthProbe, ...] = Field(min_length=1)
    accounts: tuple[AccountSpec, ...] = ()
    state: tuple[StateUnit, ...]
    quiesce: Quiesce = Quiesce()
    scripts: tuple[MigrationScript, ...] = ()
    """Each phase runs those that are for it in this order."""
    load: tuple[GuestProgram, ...] = ()
    """Use the application in every way that makes it write; for `homeport catalog probe`."""
    ignored: dict[str, Text] = Field(default_factory=dict)
    """What no state unit needs to have -> why: a path, `timer:NAME` (of `service.timers`,
    or a whole unit) or `secret:NAME`."""
    well_known: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Path below /.well-known/ -> JSON document that the guest's proxy answers by itself;
    placeholders allowed, secrets not."""
    records: tuple[DeclaredRecord, ...] = ()
    """A name and type is there once."""
    releases: tuple[Release, ...] = Field(min_length=1)
    """Newest first."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.method == "debian":
            if not self.service.exec:
                raise ValueError("a service of the method debian has an exec")
            if not all(release.pypi for release in self.releases):
                raise ValueError("a release of the method debian has a pypi")
        elif self.service.timers:
            raise ValueError("timers are of the method debian; others name theirs under units")
        if bad := [name for name in self.service.timers if not TIMER_NAME.fullmatch(name)]:
            raise ValueError(f"no timer can be called {bad[0]}")
        keys = [(record.name, record.type) for record in self.records]
        if len(set(keys)) < len(keys):
            raise ValueError("records: a name and type is there once, with all of its values")
        if {("@", "A"), ("@", "AAAA"), ("@", "CNAME")} & set(keys):
            raise ValueError("records: the address of the domain is Homeport's to write")
        return self

    def release(self, version: str | None = None) -> Release:
        """The named release, or the newest; KeyError when the package has no such one."""
        for release in self.releases:
            if version in (None, release.version):
                return release
        raise KeyError(version)
