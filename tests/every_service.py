"""A provider whose every service is a real one of its own: NetBox, OpenBao, PowerDNS, PostgreSQL,
SeaweedFS, Postfix with Dovecot and an ACME server, around the lab's hypervisor.

Each service is a `Part`: how it is written into the provider's profile, and what its owner sees
in it. A further one is a further `Part`, and nothing else here has to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import hvac

from engine.backends.secrets.openbao.policy import own_policy
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.homeport import DeployRequest
from engine.model.provider import BackendProfile, ProviderProfile, Service
from tests import s3_server
from tests.conformance import database_worlds, mail_world, netbox_world, openbao_world
from tests.conformance.acme_world import AcmeWorld, acme
from tests.conformance.database_worlds import DatabaseWorld, PostgresWorld, database_world
from tests.conformance.dns_worlds import HOST, ZONE, DnsWorld, powerdns
from tests.conformance.mail_world import MailWorld
from tests.conformance.netbox_world import NetBoxWorld, netbox
from tests.conformance.openbao_world import OpenBaoWorld, openbao
from tests.conformance.s3_worlds import seaweedfs
from tests.lab_fixture import RunningLab
from tests.struck_line import StruckLine, struck_line

NAME = "haven"
HARBOUR = "harbour-a"
"""Whose hypervisor and network it uses."""
CLUSTER = "haven-cluster"
_FIRST, _LAST = 150, 240
"""Of the harbour's network: what NetBox hands out."""
_S3 = {"access_key_ref": "secret:providers/s3-key", "secret_key_ref": "secret:providers/s3"}


@dataclass(frozen=True)
class Part:
    """One service. look: all that is in it, as its owner sees it, to be compared."""

    backend: BackendProfile
    look: Callable[[], Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    line: StruckLine | None = None
    """By which it is reached, where that is a line that can be struck."""


@dataclass(frozen=True)
class EveryService:
    lab: RunningLab
    parts: Mapping[Service, Part]
    netbox: NetBoxWorld
    bao: OpenBaoWorld
    dns: DnsWorld
    database: DatabaseWorld
    authority: AcmeWorld
    mail: MailWorld

    def profile(self) -> ProviderProfile:
        return ProviderProfile(
            name=NAME,
            zone=ZONE,
            method="debian",
            access=self.lab.profile(HARBOUR).access,
            backends={service: part.backend for service, part in self.parts.items()},
        )

    def secrets(self) -> dict[str, str]:
        return {name: value for part in self.parts.values() for name, value in part.secrets.items()}

    def look(self) -> dict[str, Any]:
        """Everything in every service."""
        return {service.value: part.look() for service, part in self.parts.items()}

    def logs(self) -> str:
        """What the services wrote down that are ever told a secret."""
        of = (self.netbox, self.bao, self.database)
        files = [world.log for world in of] + [self.bao.audit_log, self.authority.part.log_path]
        files.append(self.mail.directory / "postfix.log")
        return "".join(file.read_text(errors="replace") for file in files)

    @staticmethod
    def request(application: str, name: str, values: Mapping[str, Any]) -> DeployRequest:
        domain = f"{name}.{ZONE}"
        return DeployRequest(application, NAME, domain=domain, name=name, values=values)


@contextmanager
def every_service(lab: RunningLab) -> Iterator[EveryService]:
    with ExitStack() as stack:
        names = stack.enter_context(powerdns())
        authority = stack.enter_context(acme(f"{HOST}:{names.port}"))
        bao = stack.enter_context(openbao())
        database = stack.enter_context(database_world(PostgresWorld))
        mail = stack.enter_context(mail_world.mail_world())
        books = stack.enter_context(netbox())
        parts = {
            Service.HYPERVISOR: _hypervisor(lab, stack),
            Service.ADDRESSES: _addresses(lab, books, stack),
            Service.DNS: _dns(names, stack),
            Service.SECRETS: _secrets(bao, stack),
            Service.CERTIFICATES: Part(
                BackendProfile(kind="acme", settings=authority.settings()), lambda: None
            ),
            Service.DATABASES: _databases(database, stack),
            Service.BUCKETS: _buckets(stack),
            Service.MAIL: Part(
                BackendProfile(kind="dovecot", settings=mail.settings),
                mail.seen,
                mail.secrets,
            ),
        }
        yield EveryService(lab, parts, books, bao, names, database, authority, mail)


def _hypervisor(lab: RunningLab, stack: ExitStack) -> Part:
    known = lab.profile(HARBOUR).backends[Service.HYPERVISOR].settings
    host, _, port = known["hosts"][0].rpartition(":")
    place = lab.paths.lab / HARBOUR
    tls = (place / "tls/server.pem", place / "tls/server.key")
    line = stack.enter_context(struck_line(int(port), tls, host))
    settings = {**known, "hosts": [f"{host}:{line.port}"], "vmid_first": 9500}
    guests = place / "guests"
    return Part(
        BackendProfile(kind="proxmox", settings=settings),
        lambda: sorted(path.name for path in guests.iterdir()) if guests.is_dir() else [],
        line=line,
    )


def _addresses(lab: RunningLab, world: NetBoxWorld, stack: ExitStack) -> Part:
    pool = lab.profile(HARBOUR).backends[Service.ADDRESSES].settings
    network, _, bits = pool["network"].partition("/")
    first, last = (f"{network.rpartition('.')[0]}.{number}" for number in (_FIRST, _LAST))
    api = world.admin()
    api.ipam.prefixes.create(prefix=pool["network"])
    api.ipam.ip_ranges.create(start_address=f"{first}/{bits}", end_address=f"{last}/{bits}")
    kind = api.virtualization.cluster_types.create(name="Homeport", slug="homeport")
    api.virtualization.clusters.create(name=CLUSTER, type=kind.id)
    tls = (world.directory / "server.pem", world.directory / "server.key")
    line = stack.enter_context(struck_line(world.port, tls))
    settings = world.settings(
        prefix=pool["network"],
        range_start=first,
        gateway=pool["gateway"],
        nameservers=pool["nameservers"],
        cluster=CLUSTER,
    )
    settings["url"] = f"https://{HOST}:{line.port}"
    return Part(
        BackendProfile(kind="netbox", settings=settings),
        lambda: _written_into(world),
        {netbox_world.REFERENCE: world.token},
        line,
    )


def _written_into(world: NetBoxWorld) -> dict[str, list[str]]:
    api = world.admin()
    kinds = {
        "addresses": api.ipam.ip_addresses,
        "tags": api.extras.tags,
        "machines": api.virtualization.virtual_machines,
        "interfaces": api.virtualization.interfaces,
        "prefixes": api.ipam.prefixes,
        "ranges": api.ipam.ip_ranges,
    }
    return {name: sorted(str(dict(one)) for one in kind.all()) for name, kind in kinds.items()}


def _dns(world: DnsWorld, stack: ExitStack) -> Part:
    line = stack.enter_context(struck_line(world.settings["args"]["port"]))
    settings = {**world.settings, "args": {**world.settings["args"], "port": line.port}}
    return Part(
        BackendProfile(kind="octodns", settings=settings), world.records, world.secrets, line
    )


def _secrets(world: OpenBaoWorld, stack: ExitStack) -> Part:
    tls = (world.directory / "server.pem", world.directory / "server.key")
    line = stack.enter_context(struck_line(world.port, tls))
    settings = world.settings("any", url=f"https://{HOST}:{line.port}")
    settings["role_id"] = world.role("homeport", own_policy(OpenBaoSettings(**settings)))
    return Part(
        BackendProfile(kind="openbao", settings=settings),
        lambda: _kept_in(world),
        {openbao_world.REFERENCE: world.wrapped_secret_id("homeport")},
        line,
    )


def _kept_in(world: OpenBaoWorld) -> dict[str, list[str]]:
    admin = world.admin()

    def below(path: str) -> Iterator[str]:
        try:
            found = admin.secrets.kv.v2.list_secrets(path, mount_point="kv")["data"]["keys"]
        except hvac.exceptions.InvalidPath:
            found = []  # so it says that a path holds nothing
        for key in found:
            yield from below(path + key) if key.endswith("/") else [path + key]

    return {
        "secrets": sorted(below("")),
        "policies": sorted(admin.sys.list_policies()["data"]["keys"]),
        "roles": sorted(admin.auth.approle.list_roles()["data"]["keys"]),
        "mounts": sorted(admin.sys.list_mounted_secrets_engines()["data"]),
    }


def _databases(world: DatabaseWorld, stack: ExitStack) -> Part:
    line = stack.enter_context(struck_line(world.port))
    return Part(
        BackendProfile(kind=world.component, settings={**world.settings, "port": line.port}),
        world.objects,
        {database_worlds.REFERENCE: world.password},
        line,
    )


def _buckets(stack: ExitStack) -> Part:
    line = stack.enter_context(struck_line(s3_server.port()))
    settings = {"endpoint": f"http://{HOST}:{line.port}", "keys": "seaweedfs-iam", **_S3}
    keys = (s3_server.ACCESS_KEY, s3_server.SECRET_KEY)
    return Part(
        BackendProfile(kind="s3", settings=settings),
        seaweedfs().everything,
        dict(zip(_S3.values(), keys, strict=True)),
        line,
    )
