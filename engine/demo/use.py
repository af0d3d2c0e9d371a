"""Which proof belongs to which application, and what it has to be configured with."""

from __future__ import annotations

from typing import Any

from engine.demo import calendar, chat, comments
from engine.homeport import Homeport

VALUES: dict[str, dict[str, Any]] = {
    "radicale": {},
    "isso": {},
    "synapse": {"enable_registration": True, "enable_registration_without_verification": True},
}
"""Options by application, so that strangers can take part in a proof."""


def use_application(homeport: Homeport, name: str) -> list[str]:
    """Use the named deployment through its public name; the claims that held.

    Raises RemoteFailure, Unreachable or NotFound for the first one that does not.
    """
    deployment = homeport.deployment(name).deployment
    endpoint = homeport.endpoint(name)
    match deployment.application:
        case "radicale":
            password = homeport.reveal_secret(name, "admin-password")
            return calendar.use(endpoint, "admin", password)
        case "isso":
            return comments.use(endpoint)
        case "synapse":
            return chat.use(endpoint)
    return []
