"""What a proof is: a sentence that held, or a reason why it did not."""

from __future__ import annotations

from base64 import b64encode

from engine.errors import RemoteFailure
from engine.public import PublicAnswer, PublicEndpoint


def basic(username: str, password: str) -> dict[str, str]:
    """HTTP basic authentication (RFC 7617)."""
    token = b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def expect(answer: PublicAnswer, *statuses: int, doing: str, at: PublicEndpoint) -> PublicAnswer:
    """The answer, if its status is one of these; else RemoteFailure with what it said."""
    if answer.status not in statuses:
        said = answer.body[:300].decode(errors="replace")
        raise RemoteFailure(f"{doing} failed", on=at.url, why=f"status {answer.status}: {said}")
    return answer


def require(held: bool, claim: str, *, at: PublicEndpoint) -> str:
    """The claim, where it held."""
    if not held:
        raise RemoteFailure("a proof did not hold", on=at.url, why=f"not true: {claim}")
    return claim
