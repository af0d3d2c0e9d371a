"""What to say where no host of a Proxmox VE gives an answer that can be used."""

from __future__ import annotations

from collections.abc import Mapping

from engine.backends.hypervisor.refusals import NOTHING_CHANGED
from engine.backends.tls import certificate_problem, shown_fingerprint
from engine.errors import Denied, RemoteFailure, Unreachable


def unreachable(provider: str, failures: Mapping[str, Exception], *, node: bool) -> Unreachable:
    """failures: by host. node: the API answers, but not the node that the request is for."""
    what = "Proxmox VE cannot be reached"
    do = (
        "Check that the host is on, that its address and port in the provider's settings "
        "are right, and that this machine may connect to it."
    )
    if node:
        what = "a node of the Proxmox cluster does not answer"
        do = "Check that the node is on and in the cluster, then try again."
    why = "; ".join(f"{host}: {failure}" for host, failure in failures.items())
    return Unreachable(what, on=provider, why=why, left=NOTHING_CHANGED, do=do)


def untrusted(host: str, error: Exception, credential: str, seconds: float) -> Denied:
    """credential: what was kept back: "token" or "password"."""
    return Denied(
        "the Proxmox host cannot prove that it is the right one",
        on=host,
        why=certificate_problem(error, shown_fingerprint(host, seconds)),
        left=f"the {credential} was not sent to it",
        do="On the host itself run: pvenode cert info. If the SHA-256 fingerprint of "
        "pve-ssl.pem or pveproxy-ssl.pem is the one shown here, put it into the "
        "provider's settings as 'fingerprint'; otherwise somebody is in between.",
    )


def not_proxmox(host: str, why: str) -> RemoteFailure:
    return RemoteFailure(
        "the answer is not one of Proxmox VE",
        on=host,
        why=why,
        do="Check the address and port; if a reverse proxy stands in front of Proxmox "
        "VE, name the host itself, with port 8006.",
    )
