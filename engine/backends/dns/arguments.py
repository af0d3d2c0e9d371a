"""What an octoDNS provider wants to know, out of its own code: octoDNS has no schema for it, but
every provider is a class that is called with what its configuration says.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from importlib.metadata import distributions
from typing import Any

from octodns.provider.base import BaseProvider

from engine.backends.setup_schema import Option, help_in

_SECRET = re.compile(r"secret|token|passw|credential|private|(^|_)api_?key$|(^|_)key$")
_NOT_SECRET = re.compile(r"_(name|id|ids|algorithm|file|path|url|ttl)$")
_NUMBER = re.compile(
    r"(^|_)(port|timeout|ttl|retries|retry|period|count|size|interval|per_page)s?$"
)
_COMMENTED = re.compile(r"((?:^[ \t]*#.*\n)+)^[ \t]*#?(\w+):(?: |$)", re.MULTILINE)


def installed_providers() -> dict[str, str]:
    """Path of the class -> the package it comes from, of all that packages called octodns-*
    bring. One that cannot be imported is left out: what it lacks is said when it is named."""
    found = {}
    for distribution in distributions():
        if not re.match(r"octodns[-_]\w", distribution.name or ""):
            continue
        module_name = distribution.name.replace("-", "_")
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            continue
        for name, kind in sorted(vars(module).items()):
            if _is_provider(kind) and kind.__module__.partition(".")[0] == module_name:
                found[f"{module_name}.{name}"] = f"{distribution.name} {distribution.version}"
    return found


def _is_provider(kind: object) -> bool:
    """One that can be made and writes: not a base that others build on."""
    return (
        isinstance(kind, type)
        and issubclass(kind, BaseProvider)
        and "_apply" in {name for base in _own(kind) for name in vars(base)}
        and not re.search(r"Base(Provider)?$", kind.__name__.removesuffix("Provider"))
    )


def options_of_class(provider: type[Any]) -> dict[str, Option]:
    """By argument: its own first, then those it passes on to what it is built on."""
    found: dict[str, Option] = {}
    for number, base in enumerate(_own(provider)):
        if "__init__" not in vars(base):
            continue
        parameters = dict(list(inspect.signature(vars(base)["__init__"]).parameters.items())[2:])
        named = {
            name: parameter
            for name, parameter in parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }
        known = _help(base, named)
        for name, parameter in named.items():
            if name not in found:
                schema = _schema(name, parameter) | {"description": known.get(name, "")}
                if number and "default" in schema and name != "port":
                    schema["x-advanced"] = True
                found[name] = _option(name, schema, parameter.default is parameter.empty)
        if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            break
    return found


def _own(provider: type[Any]) -> list[type[Any]]:
    """The class and what it is built on, without what octoDNS itself brings."""
    return [base for base in provider.__mro__ if not base.__module__.startswith("octodns.")][:-1]


def _option(name: str, schema: Mapping[str, Any], required: bool) -> Option:
    secret = schema.get("x-secret") is True
    return Option(name, schema, ("secret_args" if secret else "args", name), required)


def _schema(name: str, parameter: inspect.Parameter) -> dict[str, Any]:
    default = parameter.default
    if _SECRET.search(name) and not _NOT_SECRET.search(name):
        return {"type": "string", "x-secret": True}
    if default is parameter.empty or default is None:
        return _guessed(name)
    for kind, word in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(default, kind):
            return {"type": word, "default": default}
    return {}


def _guessed(name: str) -> dict[str, Any]:
    if _NUMBER.search(name):
        return {"type": "integer"}
    if name.endswith("s") and not name.endswith(("ss", "us", "is")):
        return {"type": "array", "items": {"type": "string"}}
    return {"type": "string"}


def _help(provider: type[Any], names: Mapping[str, Any]) -> dict[str, str]:
    """The docstring's comments above each argument of its example, as octoDNS's own are written;
    or what it says of names otherwise."""
    text = vars(provider).get("__doc__") or ""
    said = help_in(text, names)
    for comment, name in _COMMENTED.findall(text + "\n"):
        if name in names:
            lines = (line.strip().lstrip("#").strip() for line in comment.splitlines())
            said[name] = " ".join(line for line in lines if line)
    return said
