"""What the engine asks of each service of a provider.

A backend is a small synchronous object with one conformance test per protocol that every
implementation must pass against the real thing. All calls may block; they run in the
threads of operations. All `ensure`-like calls are idempotent: they look for what they own
before they make anything. Errors are those of `engine.errors` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from engine.model.provider import Check


class Progress(Protocol):
    """Where a long call reports to; also how it learns that it should stop."""

    def log(self, text: str) -> None:
        """One line for the operation's log. Secrets known to the step are redacted."""

    def progress(self, done: float, total: float | None, unit: str = "items") -> None: ...

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` when the user asked the operation to stop."""


# --- hypervisor -------------------------------------------------------------------------


@dataclass(frozen=True)
class GuestSpec:
    """The guest a deployment needs. `owner` is the mark by which it is found again."""

    owner: str
    """Ownership tag, unique per deployment: "hp-<installation>-<deployment>" ([a-z0-9-])."""
    name: str
    """Host name: one DNS label."""
    cores: int
    memory_mib: int
    disk_gib: int
    address: str
    """Address with prefix length: "127.80.1.10/24"."""
    gateway: str | None
    nameservers: tuple[str, ...]
    search_domain: str
    user: str
    ssh_public_keys: tuple[str, ...]
    proof: str = ""
    """A secret that is put into a guest which nobody can ask from outside, so that it can prove
    its host keys; `engine.guests.proving`. Others never see it."""


@dataclass(frozen=True)
class Guest:
    id: str
    name: str
    owner: str
    status: str
    """"running", "stopped", or what the hypervisor says."""
    node: str = ""
    address: str = ""
    """Without prefix length; empty where the hypervisor does not know."""
    holds_proof: bool = False
    """It was made with the proof of its `GuestSpec` inside."""


class Hypervisor(Protocol):
    def check(self) -> list[Check]:
        """Reachable, authentic, entitled, with storage, bridge, template and free ids?"""

    def find(self, owner: str) -> Guest | None:
        """The one guest that bears the mark, wherever it runs; `Conflict` if several do."""

    def ensure(self, spec: GuestSpec, progress: Progress) -> Guest:
        """Create and configure the guest, or adopt what an earlier attempt left; not started.

        Finishes half-made guests. Raises NoCapacity, Denied, Locked, Conflict, ...
        """

    def start(self, guest: Guest, progress: Progress) -> None:
        """Running afterwards; a running guest is left alone."""

    def stop(self, guest: Guest, progress: Progress) -> None: ...

    def destroy(self, owner: str, progress: Progress) -> bool:
        """Stop and remove the guest that bears the mark, disks included. False: none there.

        Never touches a guest without the mark.
        """

    def host_keys(self, guest: Guest, progress: Progress) -> tuple[str, ...]:
        """The guest's SSH host keys ("ssh-ed25519 AAAA..."), read out of band (guest agent).

        Waits for the guest to have them, up to a limit of its own. Empty where the
        hypervisor has no such way; the caller must then refuse or ask, never trust blindly.
        """


@runtime_checkable
class HasLeastRights(Protocol):
    """A hypervisor whose owner says who may do what on it."""

    def least_rights(self) -> str:
        """Commands to paste there: Homeport's account with the least rights for what the
        provider's settings ask for, under the version that answers."""


NetKind = Literal["snapshot", "backup"]


@runtime_checkable
class HasSafetyNets(Protocol):
    """A hypervisor that can keep a guest as a whole as it is at one moment."""

    def keep(self, owner: str, name: str, kind: NetKind, progress: Progress) -> str | None:
        """Keep the owner's guest; what it is called there. The same one when asked again under
        the same name. None where the guest's storage cannot; NotFound without a guest."""

    def drop(self, owner: str, known_as: str, kind: NetKind, progress: Progress) -> bool:
        """Remove what `keep` made. False: it is not there any more."""


@dataclass(frozen=True)
class DeclaredChange:
    """What another program would do to a resource. record: the same for comparison, as plain JSON
    ({"address", "action", "digest"})."""

    words: str
    record: Mapping[str, str]


Wanted = GuestSpec | str | None
"""What is to be declared: a guest, or anything else by its name; None: it is to go."""


@runtime_checkable
class Declares(Protocol):
    """A backend whose things are declared, and made by a program that plans first."""

    def preview(
        self, owner: str, name: str, wanted: Wanted, progress: Progress
    ) -> list[DeclaredChange]:
        """What the backend would do to what is the owner's, for there to be what is wanted. name:
        of the deployment. Changes nothing. A spec's address and keys count for nothing: they are
        chosen when the guest is made."""

    def bound_to(
        self,
        approved: Sequence[Mapping[str, str]] | None,
        name: str = "",
        progress: Progress | None = None,
    ) -> Declares:
        """The same backend, which does nothing but these (None: nobody was asked): `PlanChanged`
        where it would. name, progress: of the deployment, for calls that are told of neither."""

    def directory(self, owner: str) -> str:
        """Where the declaration lies; "" where there is none."""


class Infrastructure(Protocol):
    """What a provider's services are declared to. Each gives the same service back, whose things
    are made and removed by it (`Declares`); as it was where there is nothing to declare.
    InvalidInput where it cannot."""

    def hypervisor(self, native: Hypervisor) -> Hypervisor: ...

    def addresses(self, native: Addresses) -> Addresses: ...

    def databases(self, native: Databases) -> Databases: ...

    def buckets(self, native: Buckets) -> Buckets: ...


# --- addresses --------------------------------------------------------------------------


@dataclass(frozen=True)
class AddressLease:
    owner: str
    address: str
    """With prefix length: "127.80.1.10/24"."""
    gateway: str | None
    nameservers: tuple[str, ...] = ()


@dataclass(frozen=True)
class GuestRecord:
    """What is true of the guest behind an address, for books that others read."""

    owner: str
    name: str
    domain: str
    cores: int
    memory_mib: int
    disk_gib: int
    is_running: bool


class Addresses(Protocol):
    def check(self) -> list[Check]: ...

    def find(self, owner: str) -> AddressLease | None: ...

    def allocate(self, owner: str, name: str) -> AddressLease:
        """The owner's address; the same one when asked again. NoCapacity when exhausted."""

    def describe(self, record: GuestRecord) -> None:
        """Bring the books about the owner's address and guest up to date, where such are kept."""

    def release(self, owner: str) -> bool: ...


# --- dns --------------------------------------------------------------------------------


@dataclass(frozen=True)
class DnsRecord:
    """A record set. name: full, lower case, no trailing dot. type: "A", "AAAA", "TXT", ..."""

    name: str
    type: str
    values: tuple[str, ...]
    ttl: int = 300


@dataclass(frozen=True)
class DnsChange:
    action: str
    """"create", "update" or "delete"."""
    before: DnsRecord | None
    after: DnsRecord | None


@dataclass(frozen=True)
class DnsPlan:
    zone: str
    owner: str
    changes: tuple[DnsChange, ...]


class Dns(Protocol):
    def check(self) -> list[Check]: ...

    def plan(self, owner: str, desired: Sequence[DnsRecord]) -> DnsPlan:
        """What must change so that `owner` owns exactly `desired` in this zone.

        Looks at the owner's own names and nothing else. Raises `Conflict` for a name or
        record that somebody else made, `Unsafe` where octoDNS's limits refuse.
        """

    def apply(self, plan: DnsPlan, desired: Sequence[DnsRecord]) -> None:
        """Plan again; `PlanChanged` unless it is the same plan; then apply it."""

    def verify(self, desired: Sequence[DnsRecord], progress: Progress) -> None:
        """Ask every authoritative server until all of them answer as desired."""

    def find(self, owner: str) -> list[DnsRecord]:
        """The records that bear the owner's mark (marks themselves left out)."""


@runtime_checkable
class NamesAddresses(Protocol):
    """A dns backend that holds the names of addresses, too, in zones of their own."""

    def reverse_zones(self) -> Sequence[Dns]: ...

    def reverse_of(self, name: str) -> Dns | None:
        """The zone in which an address's name lies ("1.2.0.192.in-addr.arpa"); None: it is in
        none of these."""


@dataclass(frozen=True)
class NameServer:
    """name: without trailing dot. addresses: where it is, if its name lies within the zone."""

    name: str
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name + (f" ({', '.join(self.addresses)})" if self.addresses else "")


@runtime_checkable
class HasNameServers(Protocol):
    """A dns backend that knows who answers for its zone. Both raise `Unreachable`."""

    def name_servers(self) -> tuple[NameServer, ...]:
        """As the zone itself names them, by the servers of this backend."""

    def delegation(self) -> tuple[NameServer, ...]:
        """Those that the world is sent to."""


# --- secrets ----------------------------------------------------------------------------


class Secrets(Protocol):
    """Values by path ("deployments/ab12cd34/admin-password"). A reference is the path
    behind "secret:"; values live here and in the memory of the step that needs them."""

    def check(self) -> list[Check]: ...

    def get(self, path: str) -> str:
        """The value; NotFound when there is none."""

    def put(self, path: str, value: str) -> None: ...

    def ensure(self, path: str, make: Callable[[], str]) -> str:
        """The value at path; made and stored first where there is none. One winner."""

    def list(self, prefix: str) -> list[str]: ...

    def delete(self, prefix: str) -> int:
        """Remove the path itself and everything below it; how many values went."""


@runtime_checkable
class HasPolicies(Protocol):
    """A secrets store whose owner says who may read what in it."""

    def policies(self, deployments: Mapping[str, str]) -> str:
        """Commands to paste: Homeport's own role with the least rights, and for each deployment
        (id -> name) a policy that opens its own secrets alone. Asks the service nothing."""

    def reading_policy(self, paths: Iterable[str]) -> str:
        """The text of a policy that lets its holder read exactly these paths."""


@runtime_checkable
class HasLabels(Protocol):
    """A secrets store that keeps labels beside a value, for whoever else reads it there."""

    def label(self, path: str, labels: Mapping[str, str]) -> None:
        """Take the place of those given before; the store's own stay. For a path that is there."""

    def labels(self, path: str) -> Mapping[str, str]:
        """All of them, the store's own included; NotFound where there is no such path."""


# --- databases --------------------------------------------------------------------------


@dataclass(frozen=True)
class DatabaseAccess:
    """How an application reaches its database; the password is a secret of the deployment."""

    host: str
    port: int
    database: str
    username: str
    ssl_mode: str
    """As libpq has it: "verify-full", or "disable" where the owner of the network says so."""
    ca_pem: str = ""
    """The authority that vouches for the server; empty for those that the guest trusts."""


class Databases(Protocol):
    """One database server for the deployments of a provider.

    name: of the database and of the role (account) that it belongs to, `[a-z][a-z0-9_]*`, at
    most 40 characters; both bear the owner's mark and the role reaches nothing else. Names,
    owners and the rest of the server are never touched: `Conflict` where one is in the way.
    """

    component: str
    """What of a package's needs it is: "postgresql" or "mariadb"."""

    def check(self) -> list[Check]:
        """Reachable, authentic, entitled, with room for connections? Makes nothing."""

    def access(self, name: str) -> DatabaseAccess:
        """Asks the server nothing."""

    def find(self, owner: str) -> tuple[str, ...]:
        """Names of the databases and roles that bear the owner's mark."""

    def ensure(self, owner: str, name: str, password: str) -> bool:
        """Database and role are there, and this is the role's password from now on. Finishes
        what is half made. False where the database was there already."""

    def set_login(self, owner: str, name: str, *, allowed: bool) -> None:
        """May the role open connections? Where not, those that it has are ended."""

    def refuses_login(self, name: str, password: str) -> bool:
        """A connection of the role is tried, and the server says no to it."""

    def drop(self, owner: str) -> bool:
        """Databases and roles with the owner's mark are gone, with all data. False: none were."""


# --- buckets ----------------------------------------------------------------------------


@dataclass(frozen=True)
class BucketKey:
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class BucketAccess:
    endpoint: str
    """ "https://s3.example.org", buckets in the path behind it."""
    region: str
    bucket: str


class Buckets(Protocol):
    """One S3 server for the deployments of a provider; name: of a bucket."""

    def check(self) -> list[Check]: ...

    def access(self, name: str) -> BucketAccess:
        """Asks the server nothing."""

    def find(self, owner: str, name: str) -> bool:
        """Is the bucket there, and the owner's?"""

    def ensure(self, owner: str, name: str, held: BucketKey | None) -> BucketKey:
        """The bucket is there, marked, and the key that is given back opens it and, where the
        server makes keys, nothing else. held: the key given before, which stays where it still
        works; others of the owner's are removed then, for their answers got lost."""

    def renew(self, owner: str, name: str, held: BucketKey) -> BucketKey:
        """Another key, beside the one that is held and stays; others of the owner's are removed.
        `ensure` with the new one removes the old. InvalidInput where the server makes no keys."""

    def set_writable(self, owner: str, name: str, *, allowed: bool) -> None:
        """May the owner's keys change the bucket? Where not, they read it. Nothing is done where
        there are none. InvalidInput where the server makes no keys."""

    def refuses_write(self, name: str, key: BucketKey) -> bool:
        """A write by that key is tried, and the server says no to it; one that came through is
        taken back."""

    def drop(self, owner: str, name: str) -> bool:
        """The owner's key and bucket are gone, with all objects and versions."""


# --- mail -------------------------------------------------------------------------------


@dataclass(frozen=True)
class RelayAccess:
    """How an application sends mail; the password is a secret of the deployment."""

    host: str
    port: int
    username: str
    sender: str
    """The one address that the account may send as."""
    tls: bool
    """From the first byte; otherwise by STARTTLS, and never without."""


class Mail(Protocol):
    """One mail server for the deployments of a provider, and for its people.

    Everything made bears the owner's mark. `Conflict` where an address is another's already;
    theirs, and the rest of the server, are never touched. name: `[a-z][a-z0-9-]*`, at most 40
    characters. address: "local@domain", in lower case, in a domain of the server's.
    """

    def check(self) -> list[Check]:
        """Reachable, authentic, entitled; takes mail over TLS; are the records there that mail
        of its domain needs? Makes nothing."""

    def access(self, name: str) -> RelayAccess:
        """Asks the server nothing."""

    def find(self, owner: str) -> tuple[str, ...]:
        """Addresses that bear the owner's mark: of accounts, mailboxes and aliases, in order."""

    def ensure_relay(self, owner: str, name: str, password: str) -> bool:
        """The account is there, may send as its own address alone, and this is its password from
        now on. What returns to it goes to the server's owner. False: it was all so before."""

    def ensure_mailbox(
        self, owner: str, address: str, password: str, *, quota_mib: int = 0
    ) -> bool:
        """The mailbox is there, with this password and room; 0: without limit. False: so before."""

    def ensure_alias(self, owner: str, address: str, targets: Sequence[str]) -> bool:
        """Mail to the address goes to these addresses and no others. False: it did before."""

    def refuses_login(self, address: str, password: str) -> bool:
        """A login for sending is tried, and the server says no to it."""

    def drop(self, owner: str) -> bool:
        """Nothing bears the owner's mark any more; mail that arrived in a mailbox stays on the
        server, for its owner to remove. False: nothing did."""

    def records(self, domain: str) -> tuple[DnsRecord, ...]:
        """What must be in the DNS for mail of a domain that this server has. Asks nothing."""


# --- certificates -----------------------------------------------------------------------


class ChallengePublisher(Protocol):
    """Publishes ACME DNS-01 answers through the deployment's own dns backend."""

    def present(self, name: str, value: str) -> None:
        """`name` is the full TXT owner name ("_acme-challenge.cal.harbour-a.lab")."""

    def clean_up(self, name: str, value: str) -> None: ...


class Certificates(Protocol):
    def check(self) -> list[Check]: ...

    def issue(
        self,
        names: Sequence[str],
        csr_pem: bytes,
        account_key_pem: bytes,
        publisher: ChallengePublisher,
        progress: Progress,
    ) -> bytes:
        """A certificate chain (PEM, leaf first) for exactly these names."""

    def trust_anchors(self) -> bytes | None:
        """PEM of the authority a client must trust; None for publicly trusted ones."""


@dataclass(frozen=True)
class ProviderBackends:
    """The backends of one provider, opened."""

    hypervisor: Hypervisor
    addresses: Addresses
    dns: Dns
    secrets: Secrets
    certificates: Certificates
    databases: Databases | None = None
    """None where the profile names none: then they are on the guests."""
    buckets: Buckets | None = None
    mail: Mail | None = None
    extra: dict[str, Any] = field(default_factory=dict)
