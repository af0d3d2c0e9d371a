"""A small harbour as values: packages, providers, deployments, plans and events.

Everything here is invented and fixed, times included, so that pictures and goldens are
the same on every machine. There are no secrets in it; the one that can be revealed says so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.catalog.package import (
    AccountSpec,
    ConfigFile,
    HealthProbe,
    Needs,
    Note,
    Package,
    Release,
    SecretSpec,
    ServiceSpec,
    StateUnit,
)
from engine.errors import InvalidInput
from engine.model.deployment import (
    Deployment,
    DeploymentStatus,
    Health,
    HealthReport,
    Resource,
    ResourceKind,
)
from engine.model.events import (
    Event,
    LogLine,
    OperationChanged,
    StepFinished,
    StepProgress,
    StepStarted,
)
from engine.model.plan import (
    Change,
    Effect,
    Intent,
    Operation,
    OperationStatus,
    Plan,
    PlannedStep,
)
from engine.model.provider import BackendProfile, Check, CheckStatus, ProviderProfile, Service

ROOT_CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nan example\n-----END CERTIFICATE-----\n"

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def package(
    application: str, name: str, summary: str, releases: tuple[Release, ...], needs: Needs
) -> Package:
    return Package(
        id=application,
        name=name,
        summary=summary,
        description=f"{summary}.",
        homepage=f"https://{application}.example.org",
        licence="GPL-3.0-or-later",
        needs=needs,
        secrets={"admin-password": SecretSpec(kind="password", title="Password of the account")},
        config=(ConfigFile(path="{config}/config", format="ini"),),
        service=ServiceSpec(exec=("{venv}/bin/" + application,), port=5232),
        health=(HealthProbe(path="/"),),
        accounts=(AccountSpec(kind="htpasswd", username="admin"),),
        state=(
            StateUnit.model_validate(
                {"id": "data", "kind": "files", "locator": "{data}", "class": "irreplaceable"}
            ),
        ),
        releases=releases,
    )


def _release(version: str, date: str, *notes: Note) -> Release:
    return Release(
        version=version,
        date=date,
        pypi=(f"app=={version}",),
        options=f"options-{version}.json",
        notes=notes,
    )


PACKAGES = [
    package(
        "isso",
        "isso",
        "Comments for a web site, without tracking and without an account",
        (
            _release(
                "0.13.1",
                "2025-05-05",
                Note(
                    kind="feature", text="Comments can be edited by their authors for 15 minutes."
                ),
            ),
            _release("0.13.0", "2023-06-05"),
        ),
        Needs(cores=1, memory_mib=256, disk_gib=2),
    ),
    package(
        "radicale",
        "Radicale",
        "Calendars and address books for phones and computers (CalDAV, CardDAV)",
        (
            _release(
                "3.5.4",
                "2025-06-26",
                Note(kind="change", text="The item cache is kept in a folder of its own."),
                Note(kind="security", text="Failed logins are delayed longer than before."),
            ),
            _release("3.4.1", "2025-01-22"),
        ),
        Needs(cores=1, memory_mib=512, disk_gib=4),
    ),
    package(
        "synapse",
        "Matrix Synapse",
        "A chat server for the Matrix network, with rooms, media and calls",
        (
            _release(
                "1.137.0",
                "2025-08-26",
                Note(kind="action", text="PostgreSQL 13 is the oldest server that still works."),
            ),
            _release("1.135.2", "2025-08-11"),
        ),
        Needs(cores=2, memory_mib=2048, disk_gib=20, components=("postgresql", "redis")),
    ),
]

OPTIONS: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "Radicale",
    "additionalProperties": False,
    "properties": {
        "server": {
            "type": "object",
            "title": "Server",
            "description": "How Radicale listens for requests.",
            "additionalProperties": False,
            "properties": {
                "hosts": {
                    "type": "string",
                    "default": "localhost:5232",
                    "description": "Addresses and ports to listen on. Homeport sets this.",
                    "readOnly": True,
                    "x-managed": True,
                },
                "max_connections": {
                    "type": "integer",
                    "minimum": 0,
                    "default": 8,
                    "x-label": "Connections at once",
                    "description": "How many clients may be connected at the same time. "
                    "0 means no limit.",
                    "x-restart": True,
                },
                "max_content_length": {
                    "type": "integer",
                    "minimum": 1,
                    "default": 100000000,
                    "x-unit": "bytes",
                    "description": "Largest request that is taken, in bytes.",
                },
                "timeout": {
                    "type": "integer",
                    "minimum": 0,
                    "default": 30,
                    "x-unit": "seconds",
                    "description": "A connection that says nothing for so long is closed.",
                },
            },
        },
        "auth": {
            "type": "object",
            "title": "Sign-in",
            "description": "Who may use the calendars.",
            "additionalProperties": False,
            "properties": {
                "type": {
                    "type": "string",
                    "enum": ["none", "denyall", "htpasswd", "ldap", "remote_user"],
                    "default": "htpasswd",
                    "description": "Where names and passwords are checked.",
                },
                "htpasswd_encryption": {
                    "type": "string",
                    "enum": ["plain", "bcrypt", "sha256", "sha512", "autodetect"],
                    "default": "autodetect",
                    "description": "How passwords are stored in the file of accounts.",
                    "x-advanced": True,
                },
                "ldap_secret": {
                    "type": "string",
                    "x-secret": True,
                    "description": "Password with which Radicale signs in to the LDAP server.",
                    "x-advanced": True,
                },
                "delay": {
                    "type": "number",
                    "minimum": 0,
                    "default": 1,
                    "x-unit": "seconds",
                    "description": "How long an answer to a wrong password is held back.",
                },
                "realm": {
                    "type": "string",
                    "default": "Radicale - Password Required",
                    "description": "What the sign-in window of a browser says.",
                },
                "lc_username": {
                    "type": "boolean",
                    "default": False,
                    "x-label": "Ignore case of names",
                    "description": "Turn the names that people sign in with into lower case.",
                },
            },
        },
        "storage": {
            "type": "object",
            "title": "Storage",
            "description": "Where calendars and address books are kept.",
            "additionalProperties": False,
            "properties": {
                "max_sync_token_age": {
                    "type": "integer",
                    "minimum": 0,
                    "default": 2592000,
                    "x-unit": "seconds",
                    "description": "Clients that have been away for longer fetch everything again.",
                },
                "hook": {
                    "type": "string",
                    "default": "",
                    "description": "A command that is run after each change.",
                    "x-advanced": True,
                },
                "predefined_collections": {
                    "type": "object",
                    "additionalProperties": True,
                    "description": "Collections that every new account gets.",
                },
            },
        },
        "logging": {
            "type": "object",
            "title": "Log",
            "description": "What is written to the log.",
            "additionalProperties": False,
            "properties": {
                "level": {
                    "type": "string",
                    "enum": ["debug", "info", "warning", "error", "critical"],
                    "default": "info",
                    "description": "How much is written to the log.",
                },
                "mask_passwords": {
                    "type": "boolean",
                    "default": True,
                    "description": "Leave passwords out of the log.",
                },
            },
        },
    },
}


def provider(name: str, title: str) -> ProviderProfile:
    return ProviderProfile(
        name=name,
        title=title,
        zone=f"{name}.lab",
        backends={
            Service.HYPERVISOR: BackendProfile(
                kind="proxmox",
                settings={"url": "https://127.80.1.1:8006", "token_ref": f"secret:{name}/token"},
            ),
            Service.ADDRESSES: BackendProfile(kind="pool", settings={"network": "127.80.1.0/24"}),
            Service.DNS: BackendProfile(kind="octodns", settings={"server": "127.80.1.2"}),
            Service.SECRETS: BackendProfile(kind="sealed"),
            Service.CERTIFICATES: BackendProfile(kind="lab"),
        },
    )


PROVIDERS = [
    provider("harbour-a", "First provider of the lab"),
    provider("harbour-b", "Second provider of the lab"),
]

BARE = provider("attic", "Old machine, no name server").model_copy(update={"backends": {}})
BARE_REFUSAL = InvalidInput(
    what="the target lacks a service that the deployment needs",
    on="chat to attic",
    why="attic has no certificates, dns",
    left="nothing was changed",
    do="Add what is missing to the settings of attic, or choose another one.",
)

CHECKS = [
    Check(
        service="hypervisor",
        title="The API answers",
        status=CheckStatus.PASS,
        found="Proxmox VE 9.0.3",
    ),
    Check(
        service="hypervisor",
        title="The token has the rights it needs",
        status=CheckStatus.FAIL,
        found="VM.Allocate is missing on /vms",
        do="On the hypervisor run: pveum acl modify /vms --tokens 'homeport@pve!main' "
        "--roles PVEVMAdmin",
    ),
    Check(
        service="hypervisor",
        title="There is space for a guest",
        status=CheckStatus.WARN,
        found="local-lvm has 9 GiB left",
        do="Remove a guest, or name a larger storage in the provider's settings.",
    ),
    Check(
        service="addresses",
        title="An address is free",
        status=CheckStatus.PASS,
        found="241 of 254",
    ),
    Check(
        service="dns",
        title="The zone takes updates",
        status=CheckStatus.PASS,
        found="harbour-a.lab, serial 2026112401",
    ),
    Check(
        service="certificates",
        title="The authority answers",
        status=CheckStatus.PASS,
        found="Homeport lab authority",
    ),
]
TRIED = Check(
    service="secrets",
    title="Tried out, and left as it was found",
    status=CheckStatus.PASS,
    found="6 things asked of it hold",
)


def deployment(
    number: int, name: str, application: str, release: str, at: str, status: DeploymentStatus
) -> Deployment:
    return Deployment(
        id=f"ab12cd3{number}",
        name=name,
        application=application,
        release=release,
        provider=at,
        domain=f"{name}.{at}.lab",
        values={"auth": {"delay": 2}, "logging": {"level": "warning"}},
        status=status,
        created=NOW - timedelta(days=12),
        changed=NOW - timedelta(hours=5),
    )


CALENDAR = deployment(1, "calendar", "radicale", "3.5.4", "harbour-a", DeploymentStatus.RUNNING)
COMMENTS = deployment(2, "comments", "isso", "0.13.1", "harbour-b", DeploymentStatus.RUNNING)
CHAT = deployment(3, "chat", "synapse", "1.137.0", "harbour-a", DeploymentStatus.DEPLOYING)

HEALTHY = HealthReport(
    health=Health.HEALTHY, at=NOW - timedelta(minutes=2), detail="answered 200 in 0.04 s"
)
UNREACHABLE = HealthReport(
    health=Health.UNREACHABLE,
    at=NOW - timedelta(minutes=2),
    detail="comments.harbour-b.lab does not answer: connection refused at 127.80.2.12:443",
)

_DEPLOY = (
    ("preflight", Effect.READ, "Check provider, space and zone", "{provider}", (), 2),
    ("secrets.ensure", Effect.CREATE, "Make secrets", "1 secret", ("preflight",), 1),
    ("address.allocate", Effect.CREATE, "Take an address", "one of 241", ("preflight",), 1),
    (
        "guest.ensure",
        Effect.CREATE,
        "Make the guest",
        "guest {name} (1 core, 512 MiB, 4 GiB)",
        ("address.allocate", "secrets.ensure"),
        12,
    ),
    ("guest.start", Effect.CHANGE, "Start the guest", "guest {name}", ("guest.ensure",), 15),
    (
        "certificate.issue",
        Effect.CREATE,
        "Get a certificate",
        "{domain}",
        ("secrets.ensure",),
        6,
    ),
    ("components.install", Effect.CREATE, "Install the proxy", "caddy", ("guest.start",), 8),
    (
        "app.install",
        Effect.CREATE,
        "Install the application",
        "{application} {release}",
        ("components.install",),
        40,
    ),
    ("app.configure", Effect.CREATE, "Write its configuration", "2 files", ("app.install",), 1),
    ("app.start", Effect.CHANGE, "Start it", "service {application}", ("app.configure",), 4),
    ("accounts.ensure", Effect.CREATE, "Make the account", "admin", ("app.start",), 2),
    (
        "app.publish",
        Effect.CREATE,
        "Publish it with its certificate",
        "https://{domain}",
        ("app.start", "certificate.issue"),
        1,
    ),
    ("dns.apply", Effect.CREATE, "Make the name", "A {domain}", ("app.publish",), 3),
    (
        "app.health",
        Effect.READ,
        "Ask it by its public name",
        "https://{domain}",
        ("dns.apply", "accounts.ensure"),
        3,
    ),
)

_DESTROY = (
    ("dns.remove", Effect.DELETE, "Remove the name", "A {domain}", (), 3),
    (
        "guest.destroy",
        Effect.DELETE,
        "Remove the guest and all data on it",
        "guest {name} (4 GiB disk)",
        ("dns.remove",),
        6,
    ),
    (
        "address.release",
        Effect.DELETE,
        "Give the address back",
        "127.80.1.11",
        ("guest.destroy",),
        1,
    ),
    ("certificate.remove", Effect.DELETE, "Remove the certificate", "{domain}", (), 1),
    (
        "secrets.remove",
        Effect.DELETE,
        "Remove the secrets",
        "1 secret",
        ("guest.destroy", "certificate.remove"),
        1,
    ),
    ("deployment.forget", Effect.CHANGE, "Close the deployment", "{name}", ("secrets.remove",), 1),
)

_RECONFIGURE = (
    ("preflight", Effect.READ, "Check provider, space and zone", "{provider}", (), 2),
    (
        "app.configure",
        Effect.CHANGE,
        "Write its configuration",
        "{config}/config",
        ("preflight",),
        1,
    ),
    ("app.start", Effect.CHANGE, "Restart it", "service {application}", ("app.configure",), 4),
    (
        "app.health",
        Effect.READ,
        "Ask it by its public name",
        "https://{domain}",
        ("app.start",),
        3,
    ),
)

_UPGRADE = (
    ("preflight", Effect.READ, "Check provider, space and zone", "{provider}", (), 2),
    (
        "app.install",
        Effect.CREATE,
        "Install the new release beside",
        "{application} {release}",
        ("preflight",),
        40,
    ),
    ("app.stop", Effect.CHANGE, "Stop it", "service {application}", ("app.install",), 2),
    ("state.capture", Effect.CREATE, "Keep its state", "data", ("app.stop",), 5),
    ("app.configure", Effect.CHANGE, "Write its configuration", "2 files", ("state.capture",), 1),
    ("app.start", Effect.CHANGE, "Start it", "service {application}", ("app.configure",), 4),
    (
        "app.health",
        Effect.READ,
        "Ask it by its public name",
        "https://{domain}",
        ("app.start",),
        3,
    ),
)

_STEPS = {
    Intent.UPGRADE: _UPGRADE,
    Intent.ROLLBACK: _UPGRADE,
    Intent.RESTORE: _UPGRADE,
    Intent.DEPLOY: _DEPLOY,
    Intent.DESTROY: _DESTROY,
    Intent.RECONFIGURE: _RECONFIGURE,
}


def plan_for(
    of: Deployment,
    intent: Intent,
    changes: tuple[Change, ...] = (),
    warnings: tuple[str, ...] = (),
) -> Plan:
    words = {
        "{name}": of.name,
        "{domain}": of.domain,
        "{provider}": of.provider,
        "{application}": of.application,
        "{release}": of.release,
        "{config}": f"/etc/{of.application}",
    }

    def said(text: str) -> str:
        for placeholder, word in words.items():
            text = text.replace(placeholder, word)
        return text

    return Plan(
        intent=intent,
        deployment=of.id,
        name=of.name,
        application=of.application,
        release=of.release,
        provider=of.provider,
        domain=of.domain,
        values=of.values,
        changes=changes,
        warnings=warnings,
        steps=tuple(
            PlannedStep(
                id=kind,
                kind=f"{kind}@1",
                title=title,
                effect=effect,
                subject=said(subject),
                after=after,
                expected_seconds=seconds,
            )
            for kind, effect, title, subject, after, seconds in _STEPS[intent]
        ),
    )


def resources_of(of: Deployment) -> list[Resource]:
    def made(kind: ResourceKind, key: str, external: str, **attributes: Any) -> Resource:
        return Resource(
            deployment=of.id,
            provider=of.provider,
            kind=kind,
            key=key,
            external_id=external,
            attributes=attributes,
            created=of.created,
        )

    return [
        made(ResourceKind.ADDRESS, "main", "127.80.1.11"),
        made(ResourceKind.GUEST, "main", "101", node="harbour-a", cores=1, memory_mib=512),
        made(ResourceKind.CERTIFICATE, of.domain, "serial 4f2a", expires="2027-02-22"),
        *(
            made(ResourceKind.RECORD, f"{of.domain} {kind}", of.domain, values=[value], ttl=300)
            for kind, value in (
                ("A", "127.80.1.11"),
                ("MX", f"10 {of.domain}"),
                ("TXT", "v=spf1 mx -all"),
            )
        ),
        made(
            *(ResourceKind.REVERSE, "main", "11.1.80.127.in-addr.arpa"),
            values=[of.domain],
            ttl=300,
        ),
        made(ResourceKind.SECRET, "admin-password", f"deployments/{of.id}/admin-password"),
        made(
            ResourceKind.ACCOUNT,
            "admin-password",
            "admin",
            username="admin",
            secret="admin-password",
        ),
    ]


def operation(
    number: int, plan: Plan, status: OperationStatus, started: datetime, seconds: float | None
) -> Operation:
    return Operation(
        id=f"7f3a{number:04}c0ffee",
        plan=plan,
        status=status,
        created=started,
        started=started,
        ended=None if seconds is None else started + timedelta(seconds=seconds),
    )


DEPLOYING_CHAT = operation(
    9, plan_for(CHAT, Intent.DEPLOY), OperationStatus.RUNNING, NOW - timedelta(seconds=42), None
)
DEPLOYED_CALENDAR = operation(
    4, plan_for(CALENDAR, Intent.DEPLOY), OperationStatus.SUCCEEDED, NOW - timedelta(days=12), 71
)
FAILED_COMMENTS = operation(
    6, plan_for(COMMENTS, Intent.RECONFIGURE), OperationStatus.FAILED, NOW - timedelta(hours=5), 9
).model_copy(
    update={
        "error": {
            "code": "remote-failure",
            "what": "the service did not start",
            "on": "guest comments",
            "why": "isso: [moderation] purge-after: 'soon' is not a duration",
            "left": "the old configuration is back and the service is running with it",
            "do": "Correct moderation.purge-after and apply the configuration again.",
            "retryable": False,
        }
    }
)

_LOG = (
    "Collecting matrix-synapse==1.137.0",
    "  Downloading matrix_synapse-1.137.0-cp39-abi3-manylinux_2_28_x86_64.whl (6.2 MB)",
    "Collecting Twisted>=21.2.0",
    "Collecting psycopg2>=2.8",
    "Installing collected packages: typing-extensions, attrs, pyasn1, idna, netaddr",
    "Installing collected packages: Twisted, treq, matrix-common",
)


def events_of_chat() -> list[Event]:
    """Up to the middle of the installation."""
    start = NOW - timedelta(seconds=42)
    events: list[Event] = [OperationChanged(at=start, status=OperationStatus.RUNNING)]
    clock = start
    for step in DEPLOYING_CHAT.plan.steps[:7]:
        events.append(StepStarted(at=clock, step=step.id, title=step.title))
        clock += timedelta(seconds=4)
        events.append(StepFinished(at=clock, step=step.id, outcome="done", seconds=4))
    events.append(StepStarted(at=clock, step="app.install", title="Install the application"))
    for line in _LOG:
        clock += timedelta(seconds=2)
        events.append(LogLine(at=clock, step="app.install", text=line))
    events.append(StepProgress(at=clock, step="app.install", done=31, total=54, unit="items"))
    return [event.model_copy(update={"seq": number}) for number, event in enumerate(events, 1)]


def events_of_failure() -> list[Event]:
    """The service did not start with its new configuration."""
    run = FAILED_COMMENTS
    clock = run.created
    events: list[Event] = []
    for step, outcome in zip(run.plan.steps, ("done", "done", "failed"), strict=False):
        events.append(StepStarted(at=clock, step=step.id, title=step.title))
        clock += timedelta(seconds=3)
        error = run.error if outcome == "failed" else None
        events.append(StepFinished(at=clock, step=step.id, outcome=outcome, seconds=3, error=error))
    events.append(OperationChanged(at=clock, status=OperationStatus.FAILED, error=run.error))
    return [event.model_copy(update={"seq": number}) for number, event in enumerate(events, 1)]
