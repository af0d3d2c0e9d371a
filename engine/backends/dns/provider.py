"""Making the octoDNS provider that a profile names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from octodns.provider.base import BaseProvider
from octodns.record import Record

from engine.errors import InvalidInput


def make_provider(class_path: str, name: str, arguments: Mapping[str, Any]) -> Any:
    """An instance of the class ("octodns_bind.Rfc2136Provider").

    InvalidInput where there is no such class, it is no octoDNS provider, or it does not take
    these arguments. Values of arguments are not repeated: secrets are among them.
    """
    provider = load_class(class_path)
    Record.enable_validators({"legacy"})  # octoDNS's own choice, without its warning
    try:
        inspect.signature(provider).bind(name, **arguments)
    except TypeError as error:
        raise InvalidInput(
            "the DNS provider's arguments are wrong",
            on=class_path,
            why=str(error),
            do="Correct args and secret_args of the provider's dns settings",
        ) from None
    try:
        made = provider(name, **arguments)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            "the DNS provider does not accept its arguments",
            on=class_path,
            why=type(error).__name__,
            do="Correct args and secret_args of the provider's dns settings",
        ) from None
    made.root_ns_warnings = False  # the zone's own NS are not ours: nothing to warn about
    return made


def load_class(class_path: str) -> type[Any]:
    module_name, _, class_name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        package = module_name.partition(".")[0].replace("_", "-")
        raise InvalidInput(
            "the DNS provider's driver is not installed",
            on=class_path,
            why=str(error),
            do=f"Install it beside Homeport: pip install {package}",
        ) from None
    except AttributeError:
        raise InvalidInput(
            "there is no such DNS provider",
            on=class_path,
            why=f"the module {module_name} has no {class_name}",
            do="Correct the class in the provider's dns settings",
        ) from None
    if not (isinstance(found, type) and issubclass(found, BaseProvider)):
        raise InvalidInput(
            "this is not an octoDNS provider",
            on=class_path,
            why="only subclasses of octodns.provider.base.BaseProvider can be used",
            do="Correct the class in the provider's dns settings",
        )
    return found
