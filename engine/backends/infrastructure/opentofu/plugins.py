"""Which of OpenTofu's plug-ins serves which of a provider's services.

A run needs those of all that is declared of a deployment, whichever service it is about. So each is
made from the provider's profile, when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from engine.backends.addresses.netbox.settings import NetBoxSettings
from engine.backends.buckets.settings import BucketSettings
from engine.backends.databases.settings import PostgresSettings
from engine.backends.hypervisor.proxmox import token_secret
from engine.backends.hypervisor.settings import ProxmoxSettings
from engine.backends.infrastructure.opentofu import addresses, buckets, databases, declaration
from engine.backends.infrastructure.opentofu.parts import ADDRESS, BUCKET, DATABASE, GUEST, Plugin
from engine.backends.infrastructure.opentofu.settings import OpenTofuSettings
from engine.backends.registry import BackendEnvironment, SettingsModel, read_settings
from engine.model.provider import Service


def plugins(
    settings: OpenTofuSettings, environment: BackendEnvironment
) -> Mapping[str, Callable[[], Plugin]]:
    """By name; those of services that the provider has."""

    def told(service: Service, model: type[SettingsModel]) -> SettingsModel:
        return read_settings(model, environment, environment.provider.backends[service].settings)

    def proxmox() -> Plugin:
        read = told(Service.HYPERVISOR, ProxmoxSettings)
        stored = partial(environment.read_secret, read.token_ref)
        return declaration.plugin(
            settings, read, lambda: f"{read.token_id}={token_secret(stored(), read.token_id)}"
        )

    def netbox() -> Plugin:
        read = told(Service.ADDRESSES, NetBoxSettings)
        token = partial(environment.read_secret, read.token_ref)
        return addresses.plugin(settings, read, lambda: token().strip())

    def postgresql() -> Plugin:
        read = told(Service.DATABASES, PostgresSettings)
        password = partial(environment.read_secret, read.password_ref)
        return databases.plugin(settings, read, password)

    def aws() -> Plugin:
        read = told(Service.BUCKETS, BucketSettings)
        keys = (read.access_key_ref, read.secret_key_ref)
        return buckets.plugin(settings, read, *(partial(environment.read_secret, k) for k in keys))

    known = {
        GUEST.plugin: (Service.HYPERVISOR, ("proxmox",), proxmox),
        ADDRESS.plugin: (Service.ADDRESSES, ("netbox",), netbox),
        DATABASE.plugin: (Service.DATABASES, ("postgresql",), postgresql),
        BUCKET.plugin: (Service.BUCKETS, ("s3",), aws),
    }
    backends = environment.provider.backends
    return {
        name: make
        for name, (service, kinds, make) in known.items()
        if service in backends and backends[service].kind in kinds
    }
