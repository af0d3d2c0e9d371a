"""Mistakes between the parts of a manifest, which its schema cannot see.

The parts are read as they stand: where one has the wrong type, the schema says so, and what
can still be judged is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.catalog.check_commands import check_command
from engine.catalog.check_placeholders import check_placeholders, used_secrets
from engine.catalog.check_timers import check_timers
from engine.catalog.package import S3_SECRETS, SMTP_SECRET
from engine.catalog.placeholders import placeholders
from engine.catalog.source import Finding, Source, mapping, sequence, text_of

# Ports that Homeport's own services on a guest take: SSH and the proxy of a lab guest, and the
# components.
_TAKEN = {
    2222: "the lab's SSH server",
    8080: "the lab's proxy",
    8443: "the lab's proxy",
    5432: "PostgreSQL",
    3306: "MariaDB",
    6379: "Redis",
    4369: "RabbitMQ",
    5672: "RabbitMQ",
    25672: "RabbitMQ",
}
_LEAST_SECRET = 12
_WHOLE = ("sqlite", "postgresql", "mariadb", "rabbitmq", "volume", "timers", "s3", "secrets")
"""Kinds of which nothing is left out."""
_STRUCTURED = ("ini", "yaml", "json", "toml")


def check_manifest(manifest: Source, directory: str) -> Iterator[Finding]:
    """directory: the name of the package's directory, which is the application's id."""
    value: Mapping[str, Any] = manifest.value
    if text_of(value.get("id")) not in ("", directory):
        hint = f"name the directory {value['id']}, or write id: {directory}"
        yield manifest.found(("id",), "the package's directory has another name", hint)
    yield from check_placeholders(manifest)
    yield from _config(manifest, value)
    yield from _service(manifest, value)
    yield from check_timers(manifest)
    yield from _accounts(manifest, value)
    yield from _secrets(manifest, value)
    yield from _state(manifest, value)
    yield from _directories(manifest, value)


def _config(manifest: Source, value: Mapping[str, Any]) -> Iterator[Finding]:
    files = sequence(value.get("config"))
    if not files and "config" in value and _is_debian(value):
        yield manifest.found(("config",), "a package has a configuration file", key=True)
    seen: set[str] = set()
    for index, file in enumerate(files):
        path, format_ = text_of(mapping(file).get("path")), text_of(mapping(file).get("format"))
        spot = ("config", index)
        if path in seen:
            yield manifest.found((*spot, "path"), "another file has this path already")
        seen.add(path)
        if path and not path.startswith(("{config}/", "{data}/")):
            hint = "begin it with {config}/"
            yield manifest.found(
                (*spot, "path"), "the file lies outside the deployment's place", hint
            )
        if format_ == "text" and not mapping(file).get("text"):
            yield manifest.found(spot, "a file of format text has no text", "write it under text")
        if format_ in _STRUCTURED and mapping(file).get("text"):
            yield manifest.found(
                (*spot, "text"), f"only a file of format text has a text, not {format_}", key=True
            )
        if format_ in ("text", "htpasswd") and mapping(file).get("settings"):
            yield manifest.found(
                (*spot, "settings"), f"a file of format {format_} has no settings", key=True
            )
        if index == 0 and format_ in ("text", "htpasswd") and _is_debian(value):
            hint = "put the file with the user's options first"
            yield manifest.found((*spot, "format"), "the first file holds the options", hint)


def _is_debian(value: Mapping[str, Any]) -> bool:
    """Others have ways of their own to write files, and to let programs to their servers."""
    return bool(value.get("method", "debian") == "debian")


def _service(manifest: Source, value: Mapping[str, Any]) -> Iterator[Finding]:
    service = mapping(value.get("service"))
    if _is_debian(value):
        if "service" in value and "exec" not in service:
            yield manifest.found(("service",), "the service has no exec", "write its command")
        for index, release in enumerate(map(mapping, sequence(value.get("releases")))):
            if "pypi" not in release:
                hint = "name what is installed: app==1.2.3"
                yield manifest.found(("releases", index), "the release has no pypi", hint)
    if value.get("method") == "nixos":
        if not value.get("module"):
            hint = "say where its options are: services.app"
            yield manifest.found((), "a package of the method nixos has no module", hint)
        if not service.get("units"):
            hint = "name those that write"
            yield manifest.found(("service",), "the service has no units", hint)
    port = service.get("port")
    if isinstance(port, int) and port in _TAKEN:
        message = f"port {port} is taken on guests by {_TAKEN[port]}"
        yield manifest.found(("service", "port"), message, "let the service listen on another")
    yield from check_command(manifest, ("service",), service, "a service")


def _accounts(manifest: Source, value: Mapping[str, Any]) -> Iterator[Finding]:
    secrets = mapping(value.get("secrets"))
    formats = {text_of(mapping(file).get("format")) for file in sequence(value.get("config"))}
    for index, account in enumerate(map(mapping, sequence(value.get("accounts")))):
        spot = ("accounts", index)
        name, kind = _secret_of(account), account.get("kind")
        argv = sequence(account.get("argv"))
        if name and name not in secrets:
            hint = f"describe {name} under secrets"
            yield manifest.found(
                (*spot, "secret"), f"the account's secret {name} is not there", hint
            )
        if kind == "htpasswd" and "htpasswd" not in formats:
            hint = "add one under config, with format: htpasswd"
            yield manifest.found((*spot, "kind"), "no configuration file holds accounts", hint)
        if kind == "option" and name in secrets and name not in used_secrets(value):
            hint = f"use {{secret:{name}}} in the settings of a file"
            yield manifest.found((*spot, "kind"), "no option holds the account's password", hint)
        if kind == "command":
            if not argv:
                yield manifest.found(spot, "an account made by a command needs argv")
            elif not account.get("stdin") and "{password_file}" not in " ".join(map(str, argv)):
                hint = "give it {password_file}, or write stdin: true"
                yield manifest.found((*spot, "argv"), "the command gets no password", hint)
        elif argv:
            yield manifest.found(
                (*spot, "argv"), f"an account of kind {kind} runs no command", key=True
            )


def _secret_of(account: Mapping[str, Any]) -> str:
    return text_of(account.get("secret", "admin-password"))


def _secrets(manifest: Source, value: Mapping[str, Any]) -> Iterator[Finding]:
    secrets = mapping(value.get("secrets"))
    components = [
        name for name in sequence(mapping(value.get("needs")).get("components")) if text_of(name)
    ]
    for component in components if _is_debian(value) else ():
        if f"{component}-password" not in secrets:
            hint = f"describe {component}-password under secrets"
            yield manifest.found(("needs", "components"), f"{component} has no password", hint)
    has_bucket = mapping(value.get("needs")).get("bucket") is True
    for name in S3_SECRETS if has_bucket else ():
        if name not in secrets:
            hint = f"describe {name} under secrets"
            yield manifest.found(("needs", "bucket"), "the bucket has no key", hint)
    has_mail = mapping(value.get("needs")).get("mail") is True
    if has_mail and SMTP_SECRET not in secrets:
        hint = f"describe {SMTP_SECRET} under secrets"
        yield manifest.found(("needs", "mail"), "the mail account has no password", hint)
    accounts = [mapping(account) for account in sequence(value.get("accounts"))]
    used = used_secrets(value) | {f"{component}-password" for component in components}
    used |= {_secret_of(account) for account in accounts}
    units = [mapping(unit) for unit in sequence(value.get("state"))]
    used |= {name for name in S3_SECRETS if has_bucket or any(u.get("kind") == "s3" for u in units)}
    moved = {text_of(unit.get("locator")) for unit in units if unit.get("kind") == "secrets"}
    for name, secret in secrets.items():
        spot = ("secrets", name)
        length = mapping(secret).get("length", _LEAST_SECRET)
        if isinstance(length, int) and length < _LEAST_SECRET:
            message = f"a secret of {length} characters can be guessed"
            yield manifest.found((*spot, "length"), message, f"at least {_LEAST_SECRET}")
        if name not in used:
            yield manifest.found(spot, f"nothing uses the secret {name}", "remove it", key=True)
        if mapping(secret).get("identity") is True and name not in moved:
            hint = "add a unit of kind secrets with its name as the locator"
            yield manifest.found(spot, f"{name} would not move: no state unit has it", hint)


def _state(manifest: Source, value: Mapping[str, Any]) -> Iterator[Finding]:
    components = sequence(mapping(value.get("needs")).get("components"))
    first: dict[str, int] = {}
    for index, unit in enumerate(map(mapping, sequence(value.get("state")))):
        spot = ("state", index)
        id_, kind, locator = unit.get("id"), unit.get("kind"), text_of(unit.get("locator"))
        if isinstance(id_, str) and first.setdefault(id_, index) != index:
            yield manifest.found((*spot, "id"), f"another state unit is called {id_}")
        if kind in ("postgresql", "mariadb", "redis", "rabbitmq") and kind not in components:
            hint = f"write {kind} under needs: components"
            yield manifest.found((*spot, "kind"), f"the package does not need {kind}", hint)
        if kind == "secrets" and locator and locator not in mapping(value.get("secrets")):
            yield manifest.found((*spot, "locator"), f"there is no secret {locator}")
        if (
            kind in ("files", "sqlite", "maildir", "certificates", "volume")
            and locator
            and not locator.startswith(("{", "/"))
        ):
            hint = "begin it with {data}/"
            yield manifest.found(
                (*spot, "locator"), "the path of the data is not a whole one", hint
            )
        if kind == "s3":
            yield from _bucket(manifest, value, spot, locator)
        if unit.get("queues") and kind != "redis":
            yield manifest.found((*spot, "queues"), f"a {kind} unit names no queues", key=True)
        if unit.get("exclude") and kind in _WHOLE:
            yield manifest.found(
                (*spot, "exclude"), f"nothing can be left out of a {kind} unit", key=True
            )


def _bucket(
    manifest: Source, value: Mapping[str, Any], spot: tuple[str | int, ...], locator: str
) -> Iterator[Finding]:
    if locator and not locator.startswith(("{", "https://", "http://")):
        yield manifest.found(
            (*spot, "locator"),
            "this does not say where a bucket is",
            "write it as https://host/bucket",
        )
    elif locator and not {"name", "domain", "s3.bucket"} & set(placeholders(locator)):
        yield manifest.found(
            (*spot, "locator"),
            "every deployment would have the same bucket",
            "write {name} or {domain} into it",
        )
    for name in S3_SECRETS:
        if name not in mapping(value.get("secrets")):
            hint = f"describe {name} under secrets"
            yield manifest.found((*spot, "kind"), "the bucket has no key", hint)


def _directories(manifest: Source, value: Mapping[str, Any]) -> Iterator[Finding]:
    """What a package makes below {data} is data: a unit must say what becomes of it."""
    locators = [text_of(mapping(unit).get("locator")) for unit in sequence(value.get("state"))]
    for directory in mapping(value.get("directories")):
        inside = f"{directory}/"
        claimed = any(
            f"{unit}/".startswith(inside) or inside.startswith(f"{unit}/")
            for unit in locators
            if unit
        )
        if directory.startswith("{data}") and not claimed:
            hint = "add a state unit for it; of class cache if it need not be kept"
            yield manifest.found(
                ("directories", directory), "no state unit has this directory", hint, key=True
            )
