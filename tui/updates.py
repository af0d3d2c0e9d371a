"""Which deployments have a newer release in the catalog, and what it asks of a person.

Comparing releases takes real work, so what was found of a deployment holds until it changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from tui.words import counted

if TYPE_CHECKING:
    from engine.model.deployment import Deployment
    from engine.model.outdated import Outdated

_State = tuple[str, str, datetime]
_MOST_NAMED = 2


class Updates:
    """What has been found out since the interface was started."""

    def __init__(self) -> None:
        self._found: dict[_State, Outdated | None] = {}

    def of(self, deployment: Deployment) -> Outdated | None:
        """None where there is none, or where it is not known yet."""
        return self._found.get(_state(deployment))

    def knows(self, deployments: Iterable[Deployment]) -> bool:
        return all(_state(one) in self._found for one in deployments)

    def learn(self, deployments: Iterable[Deployment], found: Iterable[Outdated]) -> None:
        """deployments: those that were asked about."""
        self._found = dict.fromkeys(map(_state, deployments))
        self._found.update((_state(one.deployment), one) for one in found)


def _state(deployment: Deployment) -> _State:
    return deployment.id, deployment.release, deployment.changed


def update_said(update: Outdated) -> str:
    """ "3.9.0: 2 to decide (auth.type, server.hosts), 5 change by themselves, 40 new options"."""
    needed = update.attention
    more = f" and {len(needed) - _MOST_NAMED} more" if len(needed) > _MOST_NAMED else ""
    facts = [
        f"{len(needed)} to decide ({', '.join(needed[:_MOST_NAMED])}{more})"
        if needed
        else "nothing to decide"
    ]
    if update.by_itself:
        alone = "changes by itself" if update.by_itself == 1 else "change by themselves"
        facts.append(f"{update.by_itself} {alone}")
    if update.new:
        facts.append(counted(update.new, "new option"))
    return f"{update.release}: {', '.join(facts)}"
