"""What stands in the way of a state in OpenBao, as the engine's errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import hvac

from engine.backends.secrets.openbao.session import Session
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.errors import Denied, NotReady, Unsafe
from engine.tfstate.policy import commands, folder

Answer = TypeVar("Answer")


def call(session: Session, on: str, ask: Callable[[hvac.Client], Answer]) -> Answer:
    """As the session's own; a right that is missing is one of the state service's."""
    try:
        return session.call(on, ask)
    except Denied as refused:
        if refused.on == on:
            refused.do = "Give the role these rights:\n" + commands(session.settings)
        raise


def shown(settings: OpenBaoSettings, path: str) -> str:
    return f"{settings.mount}/{folder(settings)}/{path}".rstrip("/")


def damaged(settings: OpenBaoSettings, path: str, why: str) -> Unsafe:
    return Unsafe(
        "a piece of a state is damaged",
        on=shown(settings, path),
        why=why,
        left="nothing was changed",
        do="Restore this key from a snapshot of OpenBao, or go back to another version: "
        "homeport state history PROJECT/NAME",
    )


def deleted(settings: OpenBaoSettings, path: str, revision: int) -> Unsafe:
    return Unsafe(
        "a piece of a state was deleted in OpenBao by somebody else",
        on=shown(settings, path),
        why=f"its newest version, {revision}, is deleted or destroyed",
        left="nothing was changed",
        do=f"Bring it back: bao kv undelete -versions={revision} -mount={settings.mount} "
        f"{folder(settings)}/{path}",
    )


def forgetful(settings: OpenBaoSettings, path: str) -> Unsafe:
    return Unsafe(
        "this KV engine deletes what it is given after some time",
        on=shown(settings, path),
        why="delete_version_after is set for it; a state would be lost",
        left="the state that was there is kept",
        do=f"Turn it off: bao write {settings.mount}/config delete_version_after=0s",
    )


def no_key(settings: OpenBaoSettings, on: str) -> NotReady:
    return NotReady(
        "OpenBao has no key for states",
        on=on,
        left="nothing was changed",
        do=f"Make it: bao write -f {settings.transit_mount}/keys/{settings.transit_key}",
    )


def no_transit(settings: OpenBaoSettings, on: str) -> NotReady:
    return NotReady(
        "OpenBao has no transit engine for states",
        on=on,
        why="nothing is mounted there, or not in this namespace",
        left="nothing was changed",
        do=f"Mount one: bao secrets enable -path={settings.transit_mount} transit",
    )
