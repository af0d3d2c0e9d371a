"""What an application was found to keep that its package does not declare."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.model.base import Model


class Unclaimed(Model):
    """kind and name: a path of the guest, with {data} and the like where it begins with one; a
    database; keys of Redis; queues of RabbitMQ; a timer; a secret of the deployment. by: who
    wrote or has it."""

    kind: Literal["path", "database", "keys", "queues", "timer", "secret"]
    name: str
    items: int = Field(1, ge=0)
    """Files, keys, or queues with their messages."""
    bytes: int = Field(0, ge=0)
    by: str = ""


class Probed(Model):
    """The result of `homeport catalog probe`. written: paths that came or changed, claimed ones
    included. loads: programs that used it; with none, it was only started and stopped. more:
    there is more than is listed."""

    application: str
    release: str
    written: int
    loads: int
    unclaimed: tuple[Unclaimed, ...]
    more: bool = False
