"""How an application gets onto a guest. Pure values in, a shell to act with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from engine.backends.protocols import BucketAccess, DatabaseAccess, Progress, RelayAccess
from engine.catalog.package import Package, Release
from engine.guests.protocols import GuestShell
from engine.model.move import Forwarded
from engine.model.provider import GuestAccess


@dataclass(frozen=True)
class Installation:
    """Everything a method needs to know of the deployment it installs.

    read_secret: gives the value of a secret of this deployment by its name in the package;
    called late, in the step that needs it, and never stored.
    """

    deployment: str
    name: str
    domain: str
    access: GuestAccess
    package: Package
    release: Release
    options_schema: Mapping[str, Any]
    values: Mapping[str, Any]
    read_secret: Callable[[str], str]
    databases: Mapping[str, DatabaseAccess] = field(default_factory=dict)
    """Component -> the database on a server of the provider; the others are on the guest."""
    bucket: BucketAccess | None = None
    """On the provider's S3 server, where the package needs one."""
    relay: RelayAccess | None = None
    """On the provider's mail server, where it has an account there."""
    account: str = ""
    """User name of the first account; empty for the package's default."""


class Work(Progress, Protocol):
    """Progress that also tells Homeport's own time from that of others."""

    def spent(self, cause: str) -> AbstractContextManager[None]:
        """As `engine.operations.step.StepContext.spent`."""


class Method(Protocol):
    """Every call is idempotent and safe to repeat after a kill at any point of it."""

    def components(self, shell: GuestShell, app: Installation, work: Work) -> None:
        """Proxy, database server, key-value store: installed and running, database made."""

    def check(self, shell: GuestShell, app: Installation, work: Work) -> None:
        """InvalidInput or RemoteFailure for a release or values that could not be installed and
        configured here; looks, and changes nothing."""

    def install(self, shell: GuestShell, app: Installation, work: Work) -> None:
        """The release's packages, the user, the directories. A release that runs is not
        touched by another one that is installed beside it."""

    def configure(self, shell: GuestShell, app: Installation, work: Work) -> bool:
        """Configuration files and the service unit; True where anything changed."""

    def start(
        self,
        shell: GuestShell,
        app: Installation,
        work: Work,
        *,
        restart: bool,
        as_is: bool = False,
    ) -> None:
        """Enabled and running; answers its health probe on the guest.

        Where it does not become healthy, the configuration that last worked is put back.
        as_is: not so; it is started with the files that are there, and a failure only told:
        for who has data to put back as well.
        """

    def stop(
        self, shell: GuestShell, app: Installation, work: Work, *, pass_on_to: str = ""
    ) -> None:
        """It has ended by its own means and writes nothing any more; a reboot of the guest
        does not start it.

        pass_on_to: before that, the proxy, which serves the domain, passes requests on to this
        address, as by `publish` with `forward_to`, but in as short a time as it can be.
        RemoteFailure where it does not."""

    def accounts(self, shell: GuestShell, app: Installation, work: Work) -> None: ...

    def publish(
        self,
        shell: GuestShell,
        app: Installation,
        chain_pem: bytes,
        key_pem: bytes,
        work: Work,
        *,
        forward_to: str = "",
        behind: str = "",
    ) -> None:
        """The guest's reverse proxy serves the domain with this certificate.

        forward_to: address of the guest that has the application now; requests are passed on
        to its proxy. behind: address of a proxy that passes requests on to this one; what it
        says of the client is believed, and what others say is not. Then requests wait for an
        application that does not run yet.
        """

    def forwarded(
        self, shell: GuestShell, app: Installation, work: Work, since: datetime
    ) -> Forwarded:
        """What the proxy passed on (`forward_to`) from that time on."""

    def fence(self, shell: GuestShell, app: Installation, work: Work) -> tuple[str, ...]:
        """It cannot write any more, by two means that do not depend on each other, and by the
        time this returns a start and a write have been tried and have failed: gives each means
        with its proof, in words. A reboot, or a start by hand, does not change that. The proxy
        is let be. RemoteFailure otherwise."""

    def unfence(self, shell: GuestShell, app: Installation, work: Work) -> None:
        """As before `fence`, wherever that came to; not started."""
