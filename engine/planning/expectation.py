"""How long a step is expected to take: from history, or a figure to begin with."""

from __future__ import annotations

from collections.abc import Mapping

_FIRST_TIME = {
    "preflight@1": 2.0,
    "secrets.ensure@1": 0.5,
    "databases.ensure@1": 1.0,
    "databases.drop@1": 1.0,
    "buckets.ensure@1": 2.0,
    "buckets.drop@1": 3.0,
    "mail.ensure@1": 2.0,
    "mail.drop@1": 2.0,
    "address.allocate@1": 0.5,
    "guest.ensure@1": 15.0,
    "guest.start@1": 10.0,
    "guest.stop@1": 10.0,
    "certificate.issue@1": 8.0,
    "components.install@1": 20.0,
    "app.install@1": 40.0,
    "app.configure@1": 2.0,
    "app.start@1": 5.0,
    "accounts.ensure@1": 3.0,
    "app.publish@1": 2.0,
    "dns.apply@1": 3.0,
    "app.health@1": 3.0,
    "guest.destroy@1": 8.0,
    "guest.keep-net@1": 5.0,
    "guest.drop-net@1": 3.0,
    "upgrade.check@1": 2.0,
    "app.stop@1": 2.0,
    "state.capture@1": 5.0,
    "state.restore@1": 10.0,
    "app.run@1": 8.0,
    "backup.check@1": 3.0,
    "backup.store@1": 10.0,
    "backup.verify@1": 5.0,
    "backup.fetch@1": 10.0,
    "backup.expire@1": 3.0,
    "restore.check@1": 3.0,
    "script.run@1": 5.0,
    "probe.begin@1": 2.0,
    "probe.use@1": 10.0,
    "probe.compare@1": 3.0,
    "move.check@1": 2.0,
    "secrets.copy@1": 0.5,
    "certificate.carry@1": 0.2,
    "passage.open@1": 2.0,
    "passage.close@1": 1.0,
    "state.seed@1": 5.0,
    "state.converge@1": 0.5,
    "state.delta@1": 2.0,
    "state.compare@1": 2.0,
    "side.freeze@1": 2.0,
    "side.fence@1": 1.0,
    "side.unfence@1": 1.0,
    "side.reach@1": 0.5,
    "move.serving@1": 0.5,
    "deployment.settle@1": 0.1,
}


def expected_seconds(kind: str, history: Mapping[str, float]) -> float:
    """history: median seconds of earlier runs, by kind."""
    return history.get(kind, _FIRST_TIME.get(kind, 1.0))
