"""Access to one state at Homeport's own state service, for one run.

Whoever may write to the OpenBao that the service keeps its states in may give access to them; so a
password is made for every run, known to this process alone, and the one before stops working.
"""

from __future__ import annotations

from engine.backends.registry import BackendEnvironment, read_settings
from engine.backends.secrets.openbao.session import session_for
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.errors import InvalidInput
from engine.model.provider import Service
from engine.tfstate.changes import Changes
from engine.tfstate.model import StateName
from engine.tfstate.owner import StateOwner
from engine.tfstate.vault import StateVault


def granted_password(environment: BackendEnvironment, name: str, user: str) -> str:
    store = environment.provider.backends[Service.SECRETS]
    if store.kind != "openbao":
        raise InvalidInput(
            "Homeport has no password for the state service",
            on=environment.provider.name,
            why="'state' has no password_ref, and the provider's secrets are not kept in the "
            "OpenBao of Homeport's own service",
            left="nothing was changed",
            do="Add username and password_ref to 'state' in the settings of infrastructure.",
        )
    settings = read_settings(OpenBaoSettings, environment, store.settings)
    owner = StateOwner(Changes(StateVault(session_for(settings, environment))))
    return owner.grant(StateName.parse(name), user)
