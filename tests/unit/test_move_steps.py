"""What the steps of a move do with secrets, certificate and names, and who may start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.backends.protocols import AddressLease, DnsRecord
from engine.errors import NotFound, RemoteFailure, Unsafe
from engine.model.deployment import ResourceKind
from engine.model.move import Move, MovePhase
from engine.operations.registry import handler
from engine.operations.step import StepOutcome
from engine.operations.steps import application, upgrade
from tests.unit.step_context import OWNER, PROVIDER, Context, MemorySecrets, planned

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SECRETS = {
    "deployments/ab12cd34/admin-password": "correct horse",
    "deployments/ab12cd34/seed": "\x00odd \u00fc bytes\n",
    "deployments/ab12cd34/tls-key": "a key",
    "deployments/ab12cd34/captures/1.before/seed": "an old copy",
}


def pair(kind: str, args: dict[str, Any]) -> tuple[Any, Any]:
    """Contexts at the target, where the step acts, and at the source ("away")."""
    source = Context(planned((kind, args)), provider=PROVIDER.model_copy(update={"name": "away"}))
    target = Context(planned((kind, args)), others={"away": source})
    return target, source


def run(context: Context, kind: str) -> StepOutcome:
    return handler(kind)(context.about(kind))


def move(phase: MovePhase, writer: str) -> Move:
    return Move(
        deployment="ab12cd34",
        source="away",
        target="test",
        operation="1",
        phase=phase,
        writer=writer,
        began=NOW,
        changed=NOW,
    )


def test_secrets_are_the_same_at_both_sides_and_shown_nowhere() -> None:
    target, source = pair("secrets.copy@1", {"source": "away"})
    source.backends.secrets.values = dict(SECRETS)
    target.backends.secrets.values = {"deployments/ab12cd34/seed": "an older one"}
    assert run(target, "secrets.copy@1").output == {"copied": 3}
    there = target.backends.secrets.values
    assert there == {k: v for k, v in SECRETS.items() if "captures" not in k}
    assert source.backends.secrets.values == SECRETS
    assert not any(value in line for value in SECRETS.values() for line in target.lines)
    assert run(target, "secrets.copy@1").changed is False


class Forgetful(MemorySecrets):
    def put(self, path: str, value: str) -> None:
        super().put(path, value[:3])


def test_a_store_that_gives_back_something_else_ends_the_move() -> None:
    target, source = pair("secrets.copy@1", {"source": "away"})
    source.backends.secrets.values = dict(SECRETS)
    target.backends.secrets = Forgetful()
    with pytest.raises(RemoteFailure) as failed:
        run(target, "secrets.copy@1")
    assert failed.value.on == "admin-password"
    assert "correct" not in str(failed.value.describe())


def test_the_certificate_is_carried_and_not_issued_anew() -> None:
    target, source = pair("certificate.carry@1", {"source": "away"})
    with pytest.raises(NotFound):
        run(target, "certificate.carry@1")
    source.remember(ResourceKind.CERTIFICATE, "main", "app.home.lab", {"chain": "PEM"})
    target.backends.secrets.values = dict(SECRETS)
    assert run(target, "certificate.carry@1").changed
    carried = target.resource(ResourceKind.CERTIFICATE)
    assert carried.attributes == {"chain": "PEM"}
    assert not run(target, "certificate.carry@1").changed


def test_names_stay_in_their_zone_and_point_at_the_other_side() -> None:
    args = {
        "records": [{"name": "app.home.lab", "type": "AAAA", "ttl": 300}],
        "address_at": "away",
    }
    names, target = pair("dns.apply@1", args)
    target.backends.addresses.leases[OWNER] = AddressLease(OWNER, "2001:db8::7/64", None)
    names.backends.dns.records[OWNER] = [DnsRecord("app.home.lab", "A", ("192.0.2.7",))]
    names.remember(ResourceKind.RECORD, "app.home.lab A", "app.home.lab")
    run(names, "dns.apply@1")
    (record,) = names.backends.dns.records[OWNER]
    assert (record.type, record.values) == ("AAAA", ("2001:db8::7",))
    assert target.backends.dns.records == {}
    assert [key for kind, key in names.resources] == ["app.home.lab AAAA"]


@dataclass
class Starts:
    """A method that only counts."""

    started: list[bool] = field(default_factory=list)

    def start(self, shell: Any, app: Any, work: Any, *, restart: bool, as_is: bool = False) -> None:
        self.started.append(as_is)


@pytest.mark.parametrize("kind", ["app.run@1", "app.start@1"])
@pytest.mark.parametrize(
    ("recorded", "may_start"),
    [
        (None, True),
        (move(MovePhase.MOVING, "away"), False),
        (move(MovePhase.MOVING, "test"), True),
        (move(MovePhase.OBSERVING, "away"), False),
        (move(MovePhase.STOPPED, "away"), False),
        (move(MovePhase.CONFIRMED, "away"), True),
    ],
)
def test_nothing_is_started_where_the_other_side_may_write(
    kind: str, recorded: Move | None, may_start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "installation", lambda ctx: None)
    monkeypatch.setattr(upgrade, "installation", lambda ctx: None)
    context: Any = Context(planned((kind, {})), recorded=recorded, shells=[None])
    context.method, context.release = Starts(), context.package.release()
    if may_start:
        run(context, kind)
    else:
        with pytest.raises(Unsafe, match="the other side may write"):
            run(context, kind)
    assert bool(context.method.started) == may_start
