"""What our back-ends for OpenBao and NetBox add to the client libraries' own calls, against the
real services: the same requests made by hvac and pynetbox alone."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hvac

from engine.backends.addresses.netbox import service
from engine.backends.registry import BackendEnvironment
from engine.backends.secrets.openbao.policy import own_policy
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.backends.secrets.openbao.store import open_backend
from engine.model.provider import ProviderProfile
from engine.paths import Paths
from tests.bench.side_by_side import row
from tests.conformance import netbox_world, openbao_world
from tests.conformance.doubles import MemoryLeases

CALLS = 100


def measure() -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="hp-bench-") as name:
        here = Path(name)
        return [*_openbao(here), _netbox(here)]


def _environment(here: Path, reference: str, secret: str) -> BackendEnvironment:
    return BackendEnvironment(
        ProviderProfile(name="home", zone="test.lab", backends={}),
        "ab12cd34",
        Paths(here, here, here),
        {reference: secret}.__getitem__,
        MemoryLeases(),
    )


def _openbao(here: Path) -> list[dict[str, str]]:
    with openbao_world.openbao() as world:
        policy = own_policy(OpenBaoSettings(**world.settings("any")))
        role = world.role("homeport", policy)
        settings, secret_id = world.settings(role), world.secret_id("homeport")
        store = open_backend(_environment(here, openbao_world.REFERENCE, secret_id), settings)
        client = hvac.Client(world.url, verify=str(world.directory / "ca.pem"), token="")
        client.session.trust_env = False
        client.auth.approle.login(role, secret_id)
        kv = client.secrets.kv.v2
        store.put("a", "v")

        def read() -> Any:
            return kv.read_secret_version(
                "homeport/a", mount_point="kv", raise_on_deleted_version=True
            )

        def write(value: str) -> None:
            """As it is done with check-and-set: the version is read first."""
            version = read()["data"]["metadata"]["version"]
            kv.create_or_update_secret(
                "homeport/a", {"value": value}, cas=version, mount_point="kv"
            )

        numbers = iter(range(10**9))
        return [
            row("OpenBao: reading a secret", lambda: store.get("a"), read, CALLS),
            row(
                "OpenBao: changing a secret",
                lambda: store.put("a", f"value {next(numbers)}"),
                lambda: write(f"value {next(numbers)}"),
                CALLS,
            ),
        ]


def _netbox(here: Path) -> dict[str, str]:
    """An address taken and given back, with the tag by which it is found again."""
    with netbox_world.netbox() as world:
        world.admin().ipam.prefixes.create(prefix="10.88.0.0/24")
        settings = world.settings(prefix="10.88.0.0/24")
        environment = _environment(here, netbox_world.REFERENCE, world.token)
        ours = service.open_backend(environment, settings)
        api = world.admin()
        api.token = world.token
        numbers = iter(range(10**9))

        def found(tag: str) -> list[Any]:
            known = list(api.extras.tags.filter(slug=tag))
            return list(api.ipam.ip_addresses.filter(tag=tag)) if known else []

        def peer() -> None:
            tag = f"peer-{next(numbers)}"
            assert not found(tag)
            api.extras.tags.create(name=tag, slug=tag)
            [prefix] = api.ipam.prefixes.filter(prefix="10.88.0.0/24", vrf_id="null")
            prefix.available_ips.create({"tags": [{"slug": tag}], "status": "reserved"})
            [address] = found(tag)
            known = list(api.extras.tags.filter(slug=tag))
            [address] = found(tag)
            address.delete()
            known[0].delete()

        def homeport() -> None:
            owner = f"hp-{next(numbers)}"
            ours.allocate(owner, "bench")
            ours.release(owner)

        return row("NetBox: an address taken and released", homeport, peer, 3)
