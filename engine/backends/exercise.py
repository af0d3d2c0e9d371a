"""The part of the conformance suites that may run against anybody's own service: it makes
something small that is marked as Homeport's, looks whether the service keeps its word, and
removes it again. `homeport doctor --provider` runs it, and so does every conformance suite.
"""

from __future__ import annotations

import secrets as randomness
import time
from collections.abc import Callable, Iterator

from engine.backends.protocols import (
    Addresses,
    BucketKey,
    Buckets,
    Databases,
    Mail,
    ProviderBackends,
    Secrets,
)
from engine.backends.registry import failed_check
from engine.backends.secrets.generate import generate
from engine.catalog.package import SecretSpec
from engine.errors import HomeportError, InvalidInput, NotFound
from engine.model.provider import Check, CheckStatus, Service

_TOLD_SECONDS = 30.0
"""In which an IAM has told all of its servers."""
_PASSWORD = SecretSpec(kind="password")


def exercise(backends: ProviderBackends, installation: str) -> list[Check]:
    """Every service that can be tried out without harm; errors become lines."""
    owner = f"hp-{installation}-probe{randomness.token_hex(4)}"
    lines = [
        *_lines(Service.SECRETS, lambda: exercise_secrets(backends.secrets)),
        *_lines(Service.ADDRESSES, lambda: exercise_addresses(backends.addresses, owner)),
    ]
    if (databases := backends.databases) is not None:
        lines += _lines(Service.DATABASES, lambda: exercise_databases(databases, owner))
    if (buckets := backends.buckets) is not None:
        lines += _lines(Service.BUCKETS, lambda: exercise_buckets(buckets, owner))
    if (mail := backends.mail) is not None:
        lines += _lines(Service.MAIL, lambda: exercise_mail(mail, owner))
    return lines


def exercise_secrets(store: Secrets) -> Iterator[str | None]:
    """A value of no meaning is stored, read, changed, found and removed. Gives what each step
    showed to be wrong, or None; whatever happens, the value is removed."""
    path = f"probes/{randomness.token_hex(8)}"
    first, second = randomness.token_urlsafe(16), randomness.token_urlsafe(16)
    try:
        store.put(path, first)
        yield None if store.get(path) == first else "what was stored was not what was read"
        kept = store.ensure(path, lambda: second)
        yield None if kept == first else "a value that was there was made anew"
        store.put(path, second)
        yield None if store.get(path) == second else "a change was not seen"
        yield None if store.list("probes").count(path) == 1 else "the listing does not name it"
        yield None if store.delete(path) == 1 else "it was not removed"
        yield None if _is_gone(store, path) else "it is there after it was removed"
    finally:
        store.delete(path)


def exercise_addresses(service: Addresses, owner: str) -> Iterator[str | None]:
    """An address is taken, found again and given back, with the same rules as above."""
    try:
        lease = service.allocate(owner, "homeport-probe")
        again = service.allocate(owner, "homeport-probe")
        yield None if lease == again else f"asked twice, it gave {lease.address}, {again.address}"
        yield None if service.find(owner) == lease else "what was allocated is not found again"
        yield None if service.release(owner) else "it was not given back"
        yield None if service.find(owner) is None else "it is there after it was given back"
    finally:
        service.release(owner)


def exercise_databases(service: Databases, owner: str) -> Iterator[str | None]:
    """An empty database with its role is made, found, shut, opened and dropped."""
    name = f"hp_probe_{randomness.token_hex(4)}"
    first, second = randomness.token_urlsafe(16), randomness.token_urlsafe(16)
    try:
        yield None if service.ensure(owner, name, first) else "it said that it was there before"
        yield None if not service.ensure(owner, name, second) else "asked twice, it made it twice"
        yield None if service.find(owner) == (name,) else "what was made is not found again"
        yield None if not service.refuses_login(name, second) else "its role may not connect"
        service.set_login(owner, name, allowed=False)
        yield None if service.refuses_login(name, second) else "a role that was shut may connect"
        service.set_login(owner, name, allowed=True)
        yield None if not service.refuses_login(name, second) else "a role stays shut"
        yield None if service.drop(owner) else "it was not dropped"
        yield None if not service.find(owner) else "it is there after it was dropped"
    finally:
        service.drop(owner)


def exercise_buckets(service: Buckets, owner: str) -> Iterator[str | None]:
    """An empty bucket with its key is made, found and removed."""
    name = f"hp-probe-{randomness.token_hex(4)}"
    try:
        key: BucketKey = service.ensure(owner, name, None)
        yield None if service.ensure(owner, name, key) == key else "a key that works was made anew"
        yield None if service.find(owner, name) else "what was made is not found again"
        yield from _exercise_shutting(service, owner, name, key)
        yield None if service.drop(owner, name) else "it was not removed"
        yield None if not service.find(owner, name) else "it is there after it was removed"
    finally:
        service.drop(owner, name)


def _exercise_shutting(
    service: Buckets, owner: str, name: str, key: BucketKey
) -> Iterator[str | None]:
    """As a move does it, which is not possible where the server makes no keys."""
    try:
        service.set_writable(owner, name, allowed=False)
    except InvalidInput:
        return
    deadline = time.monotonic() + _TOLD_SECONDS
    while not (shut := service.refuses_write(name, key)) and time.monotonic() < deadline:
        time.sleep(0.5)
    yield None if shut else "a key that may only read can write"
    service.set_writable(owner, name, allowed=True)


def exercise_mail(service: Mail, owner: str) -> Iterator[str | None]:
    """An account to send by is made, gets another password, is found and removed. No mail goes."""
    name = f"hp-probe-{randomness.token_hex(4)}"
    address = service.access(name).username
    first, second = generate(_PASSWORD), generate(_PASSWORD)
    try:
        made = service.ensure_relay(owner, name, first)
        yield None if made else "it said that it was there before"
        again = service.ensure_relay(owner, name, first)
        yield None if not again else "asked twice, it made it twice"
        yield None if not service.refuses_login(address, first) else "its account may not log in"
        service.ensure_relay(owner, name, second)
        yield None if service.refuses_login(address, first) else "an old password opens it"
        yield None if not service.refuses_login(address, second) else "a new one does not"
        yield None if service.find(owner) == (address,) else "what was made is not found again"
        yield None if service.drop(owner) else "it was not removed"
        yield None if service.refuses_login(address, second) else "it may log in when it is gone"
        yield None if not service.find(owner) else "it is there after it was removed"
    finally:
        service.drop(owner)


def _is_gone(store: Secrets, path: str) -> bool:
    try:
        store.get(path)
    except NotFound:
        return True
    return False


def _lines(service: Service, steps: Callable[[], Iterator[str | None]]) -> list[Check]:
    title = "Tried out, and left as it was found"
    try:
        shown = list(steps())
    except HomeportError as error:
        return [failed_check(service.value, error, title)]
    wrong = [text for text in shown if text is not None]
    if wrong:
        do = "Report this with the whole output: the service does not keep its word."
        found = "; ".join(wrong)
        return [Check(service=service, title=title, status=CheckStatus.FAIL, found=found, do=do)]
    found = f"{len(shown)} things asked of it hold"
    return [Check(service=service, title=title, status=CheckStatus.PASS, found=found)]
