"""Filling the placeholders of a package (see `engine.catalog.package`) with real values.

The text around a placeholder comes from a manifest, the value from a deployment. Expansion
happens once and on data, before anything is quoted for a file or handed to a program, so a
value never changes the structure around it, and braces in a value stay braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.errors import InvalidInput

Bindings = Mapping[str, str | int]
"""Name of a placeholder, without its braces -> value."""

FIELDS = frozenset(
    {
        *("root", "config", "data", "run", "venv", "address", "port", "domain", "public_port"),
        "public_address",
        *("url", "name", "account", "password_file", "program", "timers"),
        *("postgresql.host", "postgresql.port", "postgresql.database", "postgresql.username"),
        *("postgresql.ssl_mode", "postgresql.ca_file", "mariadb.ssl_mode", "mariadb.ca_file"),
        *("mariadb.host", "mariadb.port", "mariadb.database", "mariadb.username"),
        *("rabbitmq.host", "rabbitmq.port", "rabbitmq.vhost", "rabbitmq.username"),
        *("redis.host", "redis.port", "s3.endpoint", "s3.region", "s3.bucket"),
        *("smtp.host", "smtp.port", "smtp.username", "smtp.sender", "smtp.tls"),
    }
)
"""All placeholders but those of secrets."""
SECRET = "secret:"

_BRACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def placeholders(value: Any) -> Iterator[str]:
    """Names of all placeholders in a manifest's value, which may be nested.

    A brace that belongs to none is given as an empty name.
    """
    if isinstance(value, str):
        for match in _BRACE.finditer(value):
            if match[0] not in ("{{", "}}"):
                yield match[1] or ""
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from placeholders(key)
            yield from placeholders(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from placeholders(inner)


def expand(value: Any, bindings: Bindings) -> Any:
    """The value with its placeholders filled; one placeholder alone keeps its type.

    Raises InvalidInput for a placeholder without a binding.
    """
    if isinstance(value, str):
        whole = _BRACE.fullmatch(value)
        if whole and whole[1]:
            return _bound(whole[1], bindings)
        return expand_text(value, bindings)
    if isinstance(value, Mapping):
        return {key: expand(inner, bindings) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [expand(inner, bindings) for inner in value]
    return value


def expand_text(text: str, bindings: Bindings) -> str:
    """As `expand`, and always text."""

    def fill(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        return str(_bound(match[1] or match[0], bindings))

    return _BRACE.sub(fill, text)


def expand_command(argv: Sequence[str], bindings: Bindings) -> tuple[str, ...]:
    """A command's argument list. Secrets are refused: others can read argument lists."""
    for name in placeholders(argv):
        if name.startswith(SECRET):
            raise InvalidInput(
                "a secret may not stand in a command",
                on=argv[0],
                do="Hand it over by standard input or {password_file}.",
            )
    return tuple(expand_text(argument, bindings) for argument in argv)


def _bound(name: str, bindings: Bindings) -> str | int:
    try:
        return bindings[name]
    except KeyError:
        raise InvalidInput(
            f"the package asks for {{{name}}}, which is not known here",
            why="the placeholder is misspelt, or the package does not need what offers it",
            do="Run `homeport catalog check` on the package's directory.",
        ) from None
