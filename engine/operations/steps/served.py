"""A server of the provider on which a deployment owns something."""

from __future__ import annotations

from typing import TypeVar

from engine.errors import InvalidInput
from engine.operations.step import StepContext

Server = TypeVar("Server")


def still_there(ctx: StepContext, server: Server | None, what: str, owned: str) -> Server:
    """server: as the provider's settings name it now. what, owned: in words, "S3 server" and
    "bucket". InvalidInput where they name none any more."""
    if server is None:
        raise InvalidInput(
            f"the provider has no {what} any more",
            on=ctx.provider.name,
            why=f"the deployment has a {owned} there, and the provider's settings name no server",
            left=f"the {owned} is as it was",
            do="Name the server in the provider's settings again, then resume.",
        )
    return server
