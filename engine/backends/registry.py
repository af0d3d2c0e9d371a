"""Finding and opening the backends of a provider.

A driver is an entry point in the group `homeport.backends`, named `<service>.<kind>`: a
callable that takes a `BackendEnvironment` and the profile's settings. A driver is imported
when its service is first used, so that a check of one service, or a screen that shows a
provider's name, does not load the libraries of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from engine.backends.protocols import (
    Addresses,
    Buckets,
    Certificates,
    Databases,
    Dns,
    Hypervisor,
    Infrastructure,
    Mail,
    ProviderBackends,
    Secrets,
)
from engine.errors import HomeportError, InvalidInput
from engine.model.provider import (
    BackendProfile,
    Check,
    CheckStatus,
    ProviderProfile,
    Service,
)
from engine.paths import Paths
from engine.plugins import installed

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "homeport.backends"
INFRASTRUCTURE = "infrastructure"
"""Not a service that every provider has: what the others are declared to, if anything."""

SettingsModel = TypeVar("SettingsModel", bound=BaseModel)


class LeaseStore(Protocol):
    """Exclusive claims that outlive a crash, kept in the inventory's database.

    A pool is a name ("addresses:harbour-a", "vmid:harbour-a"); an item is what is claimed.
    """

    def claim(self, pool: str, owner: str, candidates: Iterable[str]) -> str | None:
        """The owner's item, or else the first candidate nobody holds; None: none is free."""

    def find(self, pool: str, owner: str) -> str | None: ...

    def reject(self, pool: str, owner: str, item: str) -> None:
        """Give the claim up and mark the item as held by somebody outside Homeport."""

    def release(self, pool: str, owner: str) -> bool: ...


def _store_nothing(reference: str, value: str) -> None:
    raise InvalidInput("there is no store for secrets here", on=reference)


@dataclass(frozen=True)
class BackendEnvironment:
    """What a driver may use beside its own settings."""

    provider: ProviderProfile
    installation: str
    """Eight characters that tell this installation's marks from those of others."""
    paths: Paths
    read_secret: Callable[[str], str]
    """Value behind a `*_ref` setting, from the installation's own secrets store."""
    leases: LeaseStore
    write_secret: Callable[[str, str], None] = _store_nothing
    """Replaces the value behind a `*_ref` setting: what a service hands out in exchange for
    what the user gave."""


Factory = Callable[[BackendEnvironment, Mapping[str, Any]], Any]


class _OpenedOnUse(ProviderBackends):
    """The backends of one provider, each opened when it is first asked for."""

    _profile: ProviderProfile
    _environment: BackendEnvironment
    _drivers: Mapping[Service, EntryPoint]

    def __init__(
        self,
        profile: ProviderProfile,
        environment: BackendEnvironment,
        drivers: Mapping[Service, EntryPoint],
    ) -> None:
        vars(self).update(  # the class it extends is frozen
            extra={}, _profile=profile, _environment=environment, _drivers=drivers
        )

    def _open_optional(self, service: Service) -> Any:
        return self._open(service) if service in self._drivers else None

    def _open(self, service: Service) -> Any:
        factory = self._load(self._drivers[service])
        return factory(self._environment, self._profile.backends[service].settings)

    def _load(self, driver: EntryPoint) -> Factory:
        try:
            factory: Factory = driver.load()
        except ImportError as error:
            raise InvalidInput(
                f"the driver {driver.name} cannot be loaded",
                on=self._profile.name,
                why=str(error),
                do="Install the package that it needs, into the environment Homeport runs in.",
            ) from error
        return factory

    @cached_property
    def hypervisor(self) -> Hypervisor:
        native: Hypervisor = self._open(Service.HYPERVISOR)
        return self._infrastructure.hypervisor(native) if self._infrastructure else native

    @cached_property
    def _infrastructure(self) -> Infrastructure | None:
        profile = self._profile.infrastructure
        if profile is None:
            return None
        factory: Factory = self._load(_driver(self._profile, INFRASTRUCTURE, profile))
        opened: Infrastructure = factory(self._environment, profile.settings)
        return opened

    @cached_property
    def addresses(self) -> Addresses:
        native: Addresses = self._open(Service.ADDRESSES)
        return self._infrastructure.addresses(native) if self._infrastructure else native

    @cached_property
    def dns(self) -> Dns:
        return self._open(Service.DNS)  # type: ignore[no-any-return]

    @cached_property
    def secrets(self) -> Secrets:
        return self._open(Service.SECRETS)  # type: ignore[no-any-return]

    @cached_property
    def certificates(self) -> Certificates:
        return self._open(Service.CERTIFICATES)  # type: ignore[no-any-return]

    @cached_property
    def databases(self) -> Databases | None:
        native: Databases | None = self._open_optional(Service.DATABASES)
        if native is None or self._infrastructure is None:
            return native
        return self._infrastructure.databases(native)

    @cached_property
    def buckets(self) -> Buckets | None:
        native: Buckets | None = self._open_optional(Service.BUCKETS)
        if native is None or self._infrastructure is None:
            return native
        return self._infrastructure.buckets(native)

    @cached_property
    def mail(self) -> Mail | None:
        return self._open_optional(Service.MAIL)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<backends of {self._profile.name}>"

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def open_backends(profile: ProviderProfile, environment: BackendEnvironment) -> ProviderBackends:
    """The provider's backends, each imported and opened when it is first used.

    InvalidInput at once where a service is not configured or its driver is not installed;
    on first use of a service where its settings are wrong.
    """
    drivers = {
        service: _driver(profile, service, profile.backends.get(service))
        for service in profile.services
    }
    return _OpenedOnUse(profile, environment, drivers)


def check_backends(backends: ProviderBackends) -> list[Check]:
    """Every backend's connection check, in order; an error becomes a line, never an exception."""
    checks: list[Check] = []
    for service in Service:
        try:
            if (backend := getattr(backends, service.value)) is not None:
                checks += backend.check()
        except HomeportError as error:
            checks.append(failed_check(service.value, error))
    return checks


def failed_check(
    service: str, error: HomeportError, title: str = "", *, in_full: bool = False
) -> Check:
    """An error as a line of a connection check. in_full: the title does not say what failed."""
    found = error.why or str(error)
    if in_full:
        found = f"{error.what}: {error.why}" if error.why else error.what
    return Check(
        service=service,
        title=title or error.what,
        status=CheckStatus.FAIL,
        found=found,
        do=error.do,
        retryable=error.retryable,
    )


def read_settings(
    model: type[SettingsModel], environment: BackendEnvironment, settings: Mapping[str, Any]
) -> SettingsModel:
    """A driver's settings, checked. InvalidInput names every wrong one.

    The message never repeats a value: somebody may have put a secret where a reference belongs.
    """
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        wrong = why_invalid(error)
        raise InvalidInput(
            f"the settings of provider {environment.provider.name} cannot be used",
            on=environment.provider.name,
            why=wrong,
            left="nothing was changed",
            do="Correct these settings of the provider and check the connection again.",
        ) from None


def why_invalid(error: ValidationError) -> str:
    """Every setting that is wrong, with why, and without its value."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'settings'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    )


def _driver(profile: ProviderProfile, service: str, backend: BackendProfile | None) -> EntryPoint:
    if backend is None:
        raise InvalidInput(
            f"provider {profile.name} has no {service} backend",
            on=profile.name,
            why=f"its profile says nothing about {service}",
            do=f"Add a backend for {service} to the provider's settings.",
        )
    name = f"{service}.{backend.kind}"
    if name not in installed(GROUP):
        prefix = f"{service}."
        known = sorted(
            name.removeprefix(prefix) for name in installed(GROUP) if name.startswith(prefix)
        )
        raise InvalidInput(
            f"there is no {service} driver called {backend.kind}",
            on=profile.name,
            why=f"installed: {', '.join(known) or 'none'}",
            do="Correct the kind in the provider's settings, or install the driver's package.",
        )
    return installed(GROUP)[name]
