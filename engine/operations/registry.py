"""Finding the handler of a planned step by its versioned kind.

A kind ("guest.ensure@1") is a promise: a plan that was made and stored names it, so a
handler whose meaning changes gets a new version beside the old one. Built-in handlers are
the modules of `engine.operations.steps`; a plugin adds its own by entry points of the group
`homeport.steps`, each named by its kind.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import TypeVar

from engine.errors import NotFound
from engine.operations.step import Handler
from engine.plugins import installed

GROUP = "homeport.steps"
_KIND = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*@[1-9][0-9]*")
_handlers: dict[str, Handler] = {}

_H = TypeVar("_H", bound=Handler)


def handles(kind: str) -> Callable[[_H], _H]:
    """Register the decorated function for this kind. ValueError for a kind taken or misspelt."""
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is not a step kind like 'guest.ensure@1'")

    def register(handler: _H) -> _H:
        if kind in _handlers:
            raise ValueError(f"step kind {kind} has a handler already")
        _handlers[kind] = handler
        return handler

    return register


def handler(kind: str) -> Handler:
    """The handler of a kind. NotFound where this Homeport has none."""
    if kind not in _handlers:
        load_built_in()
    if kind not in _handlers and (point := installed(GROUP).get(kind)):
        _handlers[kind] = point.load()
    if kind not in _handlers:
        raise NotFound(
            what="this Homeport does not know how to carry out a step",
            on=kind,
            why="the plan was made by a newer version, or with a plugin that is not installed",
            left="the steps before it are done and stay done",
            do="Update Homeport or install the plugin, then resume the operation.",
        )
    return _handlers[kind]


def load_built_in() -> None:
    """All of ours; otherwise the first one that is asked for brings them."""
    try:
        steps = importlib.import_module("engine.operations.steps")
    except ModuleNotFoundError as error:
        if error.name != "engine.operations.steps":
            raise
        return
    for module in pkgutil.iter_modules(steps.__path__):
        importlib.import_module(f"{steps.__name__}.{module.name}")
