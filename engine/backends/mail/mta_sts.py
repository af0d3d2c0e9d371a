"""The policy in which a domain asks all others to send it mail by TLS alone (RFC 8461).

It is read as they read it: at the name that the standard gives it, by a server that proves that
name, without following it elsewhere. A policy that leaves out where mail is taken, and is meant
seriously, keeps mail away; so this is the one line of the chain that can fail.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence

from engine.backends.mail.chain import LookUp
from engine.model.provider import Check, CheckStatus

_PATH = "/.well-known/mta-sts.txt"
_MODES = ("enforce", "testing", "none")
_LARGEST = 64 * 1024
_MAX_AGE = 604_800
"""Of the policy that is proposed: a week, as short as the standard advises."""
_SECONDS = 8.0


def check_policy(domain: str, host: str, look_up: LookUp, *, port: int = 443) -> Check:
    """host: where mail of the domain is taken. look_up: finds the addresses of the policy's
    server. Whoever sends trusts the public authorities, and so does this."""
    name = f"mta-sts.{domain}"
    title = f"MTA-STS policy at {name}"
    addresses = [one for kind in ("A", "AAAA") for one in look_up(name, kind) or ()]
    publish = f"Serve this at https://{name}{_PATH}, as text/plain:\n{_proposed(host)}"
    if not addresses:
        return _warning(title, "the name has no address, or nobody answers for it", publish)
    try:
        text = _read(name, addresses, port)
    except ssl.SSLCertVerificationError as error:
        found = f"its server does not prove that name: {error.verify_message}"
        return _warning(title, found, "Give it a certificate for the name that everybody trusts.")
    except (OSError, http.client.HTTPException, _NoPolicy) as error:
        return _warning(title, f"it cannot be read: {error}", publish)
    return _judged(title, text, host, publish)


def _judged(title: str, text: str, host: str, publish: str) -> Check:
    said, hosts = _fields(text)
    wrong = list(_wrong(said))
    if wrong:
        return _warning(title, f"it counts for nothing: {'; '.join(wrong)}", publish)
    found = f"mode {said['mode']}, {', '.join(hosts) or 'no host'}"
    if said["mode"] == "none" or any(_matches(one, host) for one in hosts):
        return Check(service="mail", title=title, status=CheckStatus.PASS, found=found)
    enforced = said["mode"] == "enforce"
    loss = "mail is kept away" if enforced else "with mode enforce, mail would be kept away"
    status = CheckStatus.FAIL if enforced else CheckStatus.WARN
    do = f"Add this line to it, and give its DNS record another id:\nmx: {host}"
    found += f": it leaves out {host}, so {loss}"
    return Check(service="mail", title=title, status=status, found=found, do=do)


def _wrong(said: Mapping[str, str]) -> Iterator[str]:
    if said.get("version") != "STSv1":
        yield "it does not say version: STSv1"
    if said.get("mode") not in _MODES:
        yield f"its mode is none of {', '.join(_MODES)}"
    if not said.get("max_age", "").isdecimal():
        yield "its max_age is no number"


def _fields(text: str) -> tuple[dict[str, str], list[str]]:
    """The first of each key, and all hosts."""
    said: dict[str, str] = {}
    hosts: list[str] = []
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "mx":
            hosts.append(value.lower().rstrip("."))
        else:
            said.setdefault(key, value)
    return said, hosts


def _matches(pattern: str, host: str) -> bool:
    """A wildcard stands for one label."""
    if pattern.startswith("*."):
        return host.lower().partition(".")[2] == pattern[2:]
    return host.lower() == pattern


def _proposed(host: str) -> str:
    return f"version: STSv1\nmode: testing\nmx: {host}\nmax_age: {_MAX_AGE}"


class _NoPolicy(Exception):
    """The server's answer is something else."""


def _read(name: str, addresses: Sequence[str], port: int) -> str:
    """From the first of the addresses that takes the connection."""
    connection = http.client.HTTPConnection(name, port, timeout=_SECONDS)
    connection.sock = ssl.create_default_context().wrap_socket(
        _connected(addresses, port), server_hostname=name
    )
    try:
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        body = answer.read(_LARGEST)
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise _NoPolicy(f"HTTP status {answer.status}")
    return body.decode("utf-8", "replace")


def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    failed = OSError()
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=_SECONDS)
        except OSError as error:
            failed = error
    raise failed


def _warning(title: str, found: str, do: str) -> Check:
    return Check(service="mail", title=title, status=CheckStatus.WARN, found=found, do=do)
