"""The states of one installation's provider, and what their owner does with them, recorded."""

from __future__ import annotations

import getpass

from engine.backends.registry import read_settings
from engine.backends.secrets.openbao.session import session_for
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.errors import InvalidInput
from engine.model.provider import ProviderProfile, Service
from engine.operations.workplace import Workplace
from engine.tfstate import policy
from engine.tfstate.changes import Changes
from engine.tfstate.model import StateName, Version
from engine.tfstate.owner import StateOwner
from engine.tfstate.states import States
from engine.tfstate.vault import StateVault


class StateDesk:
    """provider: whose OpenBao keeps them; "" where only one provider has one."""

    def __init__(self, workplace: Workplace, provider: str = "") -> None:
        self._audit = workplace.inventory.audit
        profile = _with_openbao(workplace, provider)
        environment = workplace.environment(profile)
        given = profile.backends[Service.SECRETS].settings
        self._settings = read_settings(OpenBaoSettings, environment, given)
        self.changes = Changes(StateVault(session_for(self._settings, environment)))
        self.states = States(self.changes)
        self.owner = StateOwner(self.changes)

    def policy(self) -> str:
        """Commands for OpenBao's administrator."""
        return policy.commands(self._settings)

    def grant(self, name: StateName, user: str) -> str:
        """The user's new secret, which is kept nowhere."""
        secret = self.owner.grant(name, user)
        self._audit.record(f"grant state {name}", user)
        return secret

    def revoke(self, name: StateName, user: str) -> None:
        self.owner.revoke(name, user)
        self._audit.record(f"revoke state {name}", user)

    def unlock(self, name: StateName, lock: str, reason: str) -> None:
        self.owner.force_unlock(name, lock, getpass.getuser(), reason)
        self._audit.record(f"unlock state {name}", f"{lock}: {reason}")

    def rollback(self, name: StateName, number: int, after: int) -> Version:
        made = self.owner.rollback(name, number, getpass.getuser(), after)
        self._audit.record(f"rollback state {name}", f"to {number}, as {made.number}")
        return made


def _with_openbao(workplace: Workplace, provider: str) -> ProviderProfile:
    known = workplace.inventory.providers
    profiles = [known.get(provider)] if provider else known.all()
    fitting = [p for p in profiles if p.backends[Service.SECRETS].kind == "openbao"]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InvalidInput(
            "several providers keep their secrets in OpenBao",
            on=", ".join(p.name for p in fitting),
            do="Say whose OpenBao is meant: --provider NAME",
        )
    raise InvalidInput(
        "the state of OpenTofu needs an OpenBao",
        on=provider or "no provider",
        why="its secrets do not lie in OpenBao" if provider else "none keeps its secrets there",
        do="Move a provider's secrets there: homeport providers secrets NAME --to FILE",
    )
