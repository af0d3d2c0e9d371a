"""From the user's values and Homeport's own settings to an application's real files.

Pure: what is read from a guest or from the secrets backend comes in as values. Every format
is written so that the application's parser gives each value back verbatim; a value for
which that is impossible is refused with its option's name (see `ini`, `documents`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.catalog.options import Schema, is_set, with_value
from engine.catalog.package import ConfigFile, Package, Release
from engine.catalog.placeholders import SECRET, Bindings, expand, expand_text, placeholders
from engine.catalog.secret_values import restore_secrets
from engine.errors import InvalidInput


@dataclass(frozen=True)
class RenderedFile:
    """data: may hold secrets; never shown, logged or compared in an event."""

    path: str
    data: bytes = field(repr=False)
    mode: int


def file_paths(package: Package, bindings: Bindings) -> tuple[str, ...]:
    """Where the package's configuration files lie on the guest, in the package's order."""
    return tuple(expand_text(file.path, bindings) for file in package.config)


def render_files(
    package: Package,
    release: Release,
    schema: Schema,
    values: Mapping[str, Any],
    bindings: Bindings,
    existing: Mapping[str, bytes] | None = None,
) -> list[RenderedFile]:
    """All configuration files of a deployment.

    values: the user's document; secrets in it may be references (see `secret_values`).
    existing: what lies at `file_paths` now; an htpasswd file keeps the accounts that others
    added, and the line of an account whose password is still right, so that nothing changes
    when nothing changed.
    Raises InvalidInput, `on` naming the option, for what cannot be carried verbatim.
    """
    rendered = []
    for index, file in enumerate(package.config):
        path = expand_text(file.path, bindings)
        _require_private(file, release.settings if index == 0 else {})
        if file.format == "text":
            data = expand_text(file.text, bindings).encode()
        elif file.format == "htpasswd":
            data = _accounts(package, bindings, (existing or {}).get(path, b""))
        else:
            main = index == 0
            document = effective_document(
                file,
                schema if file.values else {},
                values if file.values else {},
                bindings,
                release.settings if main else {},
            )
            escapes = release.escapes if main else {}
            data = _written(file, schema if file.values else {}, document, escapes)
        rendered.append(RenderedFile(path, data, int(file.mode, 8)))
    return rendered


def effective_document(
    file: ConfigFile,
    schema: Schema,
    values: Mapping[str, Any],
    bindings: Bindings,
    additions: Mapping[str, Any],
) -> dict[str, Any]:
    """The user's values, then presets where they set none, then what Homeport decides."""
    document = restore_secrets(schema, values, lambda name: str(bindings[name]))
    relayed = "smtp.host" in bindings and not any(is_set(values, path) for path in file.relay)
    for path, value in {**file.presets, **(file.relay if relayed else {})}.items():
        if not is_set(document, path):
            document = with_value(document, path, expand(value, bindings))
    for path, value in {**file.settings, **additions}.items():
        document = with_value(document, path, expand(value, bindings))
    return document


def _written(
    file: ConfigFile, schema: Schema, document: Mapping[str, Any], escapes: Mapping[str, str]
) -> bytes:
    if file.format == "ini":
        from engine.catalog.ini import render_ini

        return render_ini(schema or _open_sections(document), document, escapes)
    from engine.catalog.documents import render_json, render_toml, render_yaml

    writers = {"yaml": render_yaml, "json": render_json, "toml": render_toml}
    return writers[file.format](document)


def _open_sections(document: Mapping[str, Any]) -> Schema:
    """The schema of an INI file that holds none of the user's options."""
    return {"properties": {name: {"additionalProperties": {}} for name in document}}


def _accounts(package: Package, bindings: Bindings, existing: bytes) -> bytes:
    from engine.catalog.htpasswd import with_account

    data = existing
    for account in package.accounts:
        if account.kind == "htpasswd":
            password = bindings[SECRET + account.secret]
            data = with_account(data, str(bindings["account"]), str(password))
    return data


def _require_private(file: ConfigFile, additions: Mapping[str, Any]) -> None:
    asked = placeholders([file.settings, file.presets, file.relay, file.text, additions])
    if any(name.startswith(SECRET) for name in asked) and int(file.mode, 8) & 0o007:
        raise InvalidInput(
            "a secret would be written to a file that everybody can read",
            on=file.path,
            do='Give the file the mode "0640" in the package\'s manifest.',
        )
