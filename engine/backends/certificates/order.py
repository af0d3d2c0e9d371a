"""One ACME order (RFC 8555, 7.4): prove the names by DNS-01, hand in the request, fetch it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from acme import challenges, messages
from acme.client import ClientV2
from josepy.jwk import JWK

from engine.backends.certificates.failures import from_problem
from engine.backends.protocols import ChallengePublisher, Progress
from engine.errors import HomeportError, RemoteFailure, RetryableError

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 3.0


class Order:
    """deadline: on the monotonic clock; polling ends then with a RetryableError."""

    def __init__(
        self,
        client: ClientV2,
        publisher: ChallengePublisher,
        progress: Progress,
        authority: str,
        deadline: float,
    ) -> None:
        self._client = client
        self._publisher = publisher
        self._progress = progress
        self._authority = authority
        self._deadline = deadline

    def run(self, csr_pem: bytes) -> bytes:
        """The chain (PEM) for the request's names."""
        order = self._client.new_order(csr_pem)
        pending = [
            authorization
            for authorization in order.authorizations
            if authorization.body.status != messages.STATUS_VALID
        ]
        with self._published(pending):
            for authorization in pending:
                self._client.answer_challenge(*self._answer(authorization))
            for authorization in pending:
                self._await_valid(authorization)
        self._progress.log("the authority has seen the proof; asking for the certificate")
        return self._collect(self._client.begin_finalization(order))

    @contextmanager
    def _published(self, pending: list[messages.AuthorizationResource]) -> Iterator[None]:
        """The proofs are in the zone within, and gone afterwards, whatever happens."""
        done: list[tuple[str, str]] = []
        try:
            for authorization in pending:
                name, value = self._proof(authorization)
                done.append((name, value))
                self._progress.log(f"publishing the proof at {name}")
                self._publisher.present(name, value)
            yield
        finally:
            for name, value in done:
                self._withdraw(name, value)

    def _withdraw(self, name: str, value: str) -> None:
        """A proof that stays is harmless, so failing here must not lose the certificate."""
        try:
            self._publisher.clean_up(name, value)
        except HomeportError as error:
            self._progress.log(f"the proof at {name} could not be removed: {error}")

    def _await_valid(self, authorization: messages.AuthorizationResource) -> None:
        name = authorization.body.identifier.value
        for _ in self._polls(f"the proof for {name} is not accepted in time"):
            authorization, _response = self._client.poll(authorization)
            status = authorization.body.status
            if status == messages.STATUS_VALID:
                return
            problem = _dns_challenge(authorization, self._authority).error
            if status != messages.STATUS_PENDING:
                raise self._refused(name, problem)
            if problem is not None:
                # it did not see the record yet and lets us ask again (RFC 8555, 8.2)
                self._client.answer_challenge(*self._answer(authorization))

    def _refused(self, name: str, problem: messages.Error | None) -> HomeportError:
        if problem is not None:
            return from_problem(problem, name)
        return RemoteFailure(
            "no certificate was issued",
            on=name,
            why="the authority gave the order up without a reason",
            left="the certificate in use, if any, stays",
            do="Try again; if it stays so, ask the authority",
        )

    def _collect(self, order: messages.OrderResource) -> bytes:
        body = order.body
        for _ in self._polls("the certificate is not issued in time"):
            if body.status == messages.STATUS_VALID and body.certificate:
                return self._get(body.certificate).encode("ascii")
            if body.status == messages.STATUS_INVALID:
                raise self._refused(self._authority, body.error)
            body = messages.Order.json_loads(self._get(order.uri))
        raise AssertionError("polling ends by return or error")

    def _get(self, url: str) -> str:
        """POST-as-GET (RFC 8555, 6.3)."""
        nonce_url = self._client.directory["newNonce"]
        return self._client.net.post(url, None, new_nonce_url=nonce_url).text

    def _polls(self, too_late: str) -> Iterator[None]:
        """Once at once, then at growing intervals until the deadline."""
        pause = _FIRST_PAUSE
        while True:
            self._progress.raise_if_cancelled()
            yield
            if time.monotonic() > self._deadline:
                raise RetryableError(
                    too_late,
                    on=self._authority,
                    left="the certificate in use, if any, stays",
                    do="Try again: what was proven already counts",
                )
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _proof(self, authorization: messages.AuthorizationResource) -> tuple[str, str]:
        """Name and value of the TXT record that proves the identifier."""
        challenge = _dns_challenge(authorization, self._authority)
        name = challenge.chall.validation_domain_name(authorization.body.identifier.value)
        return name, challenge.chall.validation(self._key)

    def _answer(
        self, authorization: messages.AuthorizationResource
    ) -> tuple[messages.ChallengeBody, challenges.ChallengeResponse]:
        challenge = _dns_challenge(authorization, self._authority)
        return challenge, challenge.chall.response(self._key)

    @property
    def _key(self) -> JWK:
        key: JWK | None = self._client.net.key
        assert key is not None
        return key


def _dns_challenge(
    authorization: messages.AuthorizationResource, authority: str
) -> messages.ChallengeBody:
    for challenge in authorization.body.challenges:
        if isinstance(challenge.chall, challenges.DNS01):
            return challenge
    raise RemoteFailure(
        "no certificate was issued",
        on=authority,
        why="the authority offers no proof by DNS (DNS-01) for "
        f"{authorization.body.identifier.value}",
        left="the certificate in use, if any, stays",
        do="Allow DNS-01 at the authority, or use another one",
    )
