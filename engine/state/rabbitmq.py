"""The queues of the guest's RabbitMQ server, all virtual hosts of it: the server is the
deployment's alone.

RabbitMQ has definitions in and out as a document, and for messages three ways, none of which
carries them whole. A copy of the stopped node's directory needs a node of the same name, takes a
stop and a start out of the window, and loses every message that is not persistent. A shovel, and
any client, gives messages at least once, and puts them into the target under the exchange and
routing key that it publishes with itself; how long a message still has before it expires no
client can tell. So the messages are read by the queues' own processes and put into the target's
queues past exchanges (`programs.rabbitmq`): each once, in order, with all it has, ready again
where a consumer had not acknowledged it. That is RabbitMQ's inside, and known for 3.8 to 3.12;
other releases are refused before anything is touched.

Not carried: streams (refused), what lives as long as a connection (exclusive queues, consumers),
plugins, and a message's mark that it was delivered before. Captured is what nobody uses meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.state.protocols import Ground, Side, Unit
from engine.state.running import ProgramKind, difference

_KEPT = "kept"


@dataclass(frozen=True)
class RabbitKind(ProgramKind):
    def judged(
        self, source: Side, target: Side, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> tuple[str, int]:
        """Messages whose time is over at one side may still be there at the other, which looked
        a moment before. Servers of two releases may write a definition in other words."""
        one, other = here["facts"], there["facts"]
        over = max(one["minute"], other["minute"])
        why = difference(_queues(one, over), _queues(other, over))
        same_release = one["version"] == other["version"]
        if not why and same_release:
            why = difference(one["definitions"], other["definitions"])
        elif not why:
            why = difference(_names(one["definitions"]), _names(other["definitions"]))
        return why, self.level if same_release else 2

    def backlog(self, unit: Unit, ground: Ground) -> int:
        return int(self._run("backlog", unit, ground)["messages"])


def open_kind() -> RabbitKind:
    return RabbitKind("rabbitmq", lambda _unit, _ground: {}, level=3)


def _queues(facts: Mapping[str, Any], over: int) -> dict[str, Any]:
    return {
        f"queue {name}": {m: part for m, part in parts.items() if m == _KEPT or int(m) > over}
        for name, parts in facts["queues"].items()
    }


def _names(definitions: Mapping[str, Any]) -> dict[str, list[str]]:
    return {kind: sorted(held) for kind, held in definitions.items()}
