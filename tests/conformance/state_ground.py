"""A guest of the lab with PostgreSQL and Redis on it, for the kinds of state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.backends.protocols import GuestSpec, ProviderBackends
from engine.backends.secrets.installation import installation_ssh_key
from engine.catalog.load import Catalog
from engine.guests.protocols import GuestTarget
from engine.guests.ssh import open_shell
from engine.methods.debian import DebianMethod
from engine.methods.place import Place
from engine.methods.protocols import Installation
from engine.state.protocols import Ground
from tests.deployed import Installation as Homeport
from tests.quiet_work import Quiet

OWNER = "hp-testtest-state000"
PREFIX = "deployments/state000"


@contextmanager
def ground(here: Homeport, application: str = "synapse") -> Iterator[Ground]:
    """A fresh guest with what the application needs, and the application's own directories."""
    with _guest(here, application, "harbour-a") as (made, _):
        yield made


@contextmanager
def both_grounds(
    here: Homeport, application: str = "synapse"
) -> Iterator[tuple[Ground, Ground, GuestTarget]]:
    """Two of them, at two providers, and how the first one is reached."""
    with (
        _guest(here, application, "harbour-a") as (source, way),
        _guest(here, application, "harbour-b") as (target, _),
    ):
        yield source, target, way


@contextmanager
def _guest(here: Homeport, application: str, name: str) -> Iterator[tuple[Ground, GuestTarget]]:
    backends = here.backends(name)
    try:
        yield _made(here, backends, application, name)
    finally:
        backends.hypervisor.destroy(OWNER, Quiet())
        backends.addresses.release(OWNER)
        backends.secrets.delete(PREFIX)


def _made(
    here: Homeport, backends: ProviderBackends, application: str, name: str
) -> tuple[Ground, GuestTarget]:
    provider = here.homeport.provider(name)
    key = installation_ssh_key(here.homeport._workplace.installation_secrets())
    lease = backends.addresses.allocate(OWNER, "state")
    spec = GuestSpec(
        OWNER, "state", 1, 512, 4, lease.address, lease.gateway, lease.nameservers,
        provider.zone, provider.access.user, (key.public_line,),
    )  # fmt: skip
    guest = backends.hypervisor.ensure(spec, Quiet())
    backends.hypervisor.start(guest, Quiet())
    keys = backends.hypervisor.host_keys(guest, Quiet())
    access, address = provider.access, lease.address.partition("/")[0]
    way = GuestTarget(address, access.ssh_port, access.user, keys)
    shell = open_shell(way, key.private_pem)
    catalog = Catalog.open(here.homeport.paths)
    package = catalog.package(application)
    app = Installation(
        deployment="state000",
        name="state",
        domain="state.harbour-a.lab",
        access=access,
        package=package,
        release=package.release(),
        options_schema=catalog.options_schema(application, package.release().version),
        values={},
        read_secret=lambda name: f"canary-{name}",
    )
    DebianMethod().components(shell, app, Quiet())
    place = Place.of(shell, app, Quiet())
    for path in (place.paths.config, place.paths.data):
        place.directory(path, "0750", "root:root")
    return Ground(place, backends.secrets, PREFIX), way
