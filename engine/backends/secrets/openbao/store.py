"""Secrets in OpenBao or Vault: a KV engine, version 2, and a folder in it that is Homeport's.

A path is a key with one field, `value`. Every write names the version that it follows
(check-and-set), so of two writers one is told; metadata of a key say which deployment owns it
and what it is for. A version that somebody deleted by hand is never covered by a new value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hvac import exceptions

from engine.backends.registry import BackendEnvironment, failed_check, read_settings
from engine.backends.secrets.openbao.checks import check_openbao
from engine.backends.secrets.openbao.policy import commands, reading_policy
from engine.backends.secrets.openbao.refusals import explain, is_cas_mismatch
from engine.backends.secrets.openbao.session import Session, session_for
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.backends.secrets.paths import not_text, valid_path
from engine.errors import Conflict, HomeportError, Locked, NotFound
from engine.model.provider import Check

_Paths = list[str]
_FIELD = "value"
_ATTEMPTS = 5
"""So often is a value put again after somebody else was faster."""


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> OpenBaoSecrets:
    checked = read_settings(OpenBaoSettings, environment, settings)
    return OpenBaoSecrets(session_for(checked, environment), environment.installation)


@dataclass(frozen=True)
class _Found:
    """value: None where the newest version is deleted or destroyed."""

    version: int
    value: str | None


class OpenBaoSecrets:
    """The protocol `Secrets`. Any number of processes and machines may use it at once."""

    def __init__(self, session: Session, installation: str) -> None:
        self._session = session
        self._settings = session.settings
        self._installation = installation

    def check(self) -> list[Check]:
        try:
            return check_openbao(self._session)
        except HomeportError as error:
            return [failed_check("secrets", error, "Secrets in OpenBao")]
        except exceptions.VaultError as error:
            refused = explain(error, self._settings, self._settings.host)
            return [failed_check("secrets", refused, "Secrets in OpenBao")]

    def get(self, path: str) -> str:
        """NotFound where there is none; Conflict where its newest version was deleted by hand."""
        found = self._read(valid_path(path))
        if found is None:
            raise self._not_there(path)
        return self._value(path, found)

    def put(self, path: str, value: str) -> None:
        _encodable(valid_path(path), value)
        for _ in range(_ATTEMPTS):
            found = self._read(path)
            if found is not None and self._value(path, found) == value:
                return
            if self._write(path, value, found.version if found else 0):
                return
        raise Locked(
            "a secret is being written by somebody else",
            on=self._shown(path),
            why=f"it was changed in between {_ATTEMPTS} times",
            left="their value stands",
            do="Find out who writes it, in OpenBao's audit log, then retry.",
        )

    def ensure(self, path: str, make: Callable[[], str]) -> str:
        found = self._read(valid_path(path))
        if found is None:
            value = make()
            _encodable(path, value)
            if self._write(path, value, 0):
                return value
            found = self._read(path)
        if found is None:
            raise Locked(
                "a secret was made and removed by somebody else",
                on=self._shown(path),
                left="nothing was changed",
                do="Retry.",
            )
        return self._value(path, found)

    def list(self, prefix: str) -> list[str]:
        wanted = valid_path(prefix.rstrip("/")) if prefix else ""
        found = self._below(wanted)
        if wanted and self._is_there(wanted):
            found.append(wanted)
        return sorted(found)

    def delete(self, prefix: str) -> int:
        """All versions and the metadata: nothing of it is left."""
        doomed = self.list(valid_path(prefix.rstrip("/")))
        for path in doomed:
            self._call(
                path,
                lambda kv, key: kv.delete_metadata_and_all_versions(
                    key, mount_point=self._settings.mount
                ),
            )
        return len(doomed)

    def policies(self, deployments: Mapping[str, str]) -> str:
        """Commands for OpenBao's administrator; see `HasPolicies`."""
        return commands(self._settings, deployments)

    def reading_policy(self, paths: Iterable[str]) -> str:
        """See `HasPolicies`."""
        return reading_policy(self._settings, map(valid_path, paths))

    def label(self, path: str, labels: Mapping[str, str]) -> None:
        """As custom metadata of the key."""
        wanted = {**labels, **self._purpose(valid_path(path))}
        if self.labels(path) != wanted:
            self._describe(path, wanted)

    def labels(self, path: str) -> Mapping[str, str]:
        try:
            answer = self._call(
                valid_path(path),
                lambda kv, key: kv.read_secret_metadata(key, mount_point=self._settings.mount),
            )
        except exceptions.InvalidPath:
            raise self._not_there(path) from None
        return dict(answer["data"]["custom_metadata"] or {})

    # single requests

    def _read(self, path: str) -> _Found | None:
        try:
            answer = self._call(
                path,
                lambda kv, key: kv.read_secret_version(
                    key, mount_point=self._settings.mount, raise_on_deleted_version=True
                ),
            )
        except exceptions.InvalidPath as error:
            data = (error.json or {}).get("data") or {}
            version = (data.get("metadata") or {}).get("version", 0)
            return _Found(version, None) if version else None
        data = answer["data"]
        stored = data["data"]
        if set(stored) != {_FIELD} or not isinstance(stored[_FIELD], str):
            raise self._foreign(path)
        return _Found(data["metadata"]["version"], stored[_FIELD])

    def _write(self, path: str, value: str, after: int) -> bool:
        """False: somebody else wrote in between. Metadata go first, so that no value is ever
        without them."""
        if not after:
            self._describe(path, self._purpose(path))
        try:
            self._call(
                path,
                lambda kv, key: kv.create_or_update_secret(
                    key, {_FIELD: value}, cas=after, mount_point=self._settings.mount
                ),
            )
        except exceptions.InvalidRequest as error:
            if is_cas_mismatch(error):
                return False
            raise explain(error, self._settings, self._shown(path)) from None
        return True

    def _describe(self, path: str, labels: Mapping[str, str]) -> None:
        self._call(
            path,
            lambda kv, key: kv.update_metadata(
                key, mount_point=self._settings.mount, custom_metadata=dict(labels)
            ),
        )

    def _below(self, path: str) -> _Paths:
        try:
            answer = self._call(
                path, lambda kv, key: kv.list_secrets(key, mount_point=self._settings.mount)
            )
        except exceptions.InvalidPath:
            return []
        found: _Paths = []
        for name in answer["data"]["keys"]:
            inner = f"{path}/{name}".lstrip("/")
            found += self._below(inner.rstrip("/")) if name.endswith("/") else [inner]
        return found

    def _is_there(self, path: str) -> bool:
        try:
            self._call(
                path, lambda kv, key: kv.read_secret_metadata(key, mount_point=self._settings.mount)
            )
        except exceptions.InvalidPath:
            return False
        return True

    def _call(self, path: str, ask: Callable[[Any, str], Any]) -> Any:
        key = "/".join(filter(None, (self._settings.prefix, path)))
        try:
            return self._session.call(
                self._shown(path), lambda client: ask(client.secrets.kv.v2, key)
            )
        except exceptions.InvalidRequest as error:
            if is_cas_mismatch(error):
                raise
            raise explain(error, self._settings, self._shown(path)) from None

    # words

    def _not_there(self, path: str) -> HomeportError:
        return NotFound(
            "there is no such secret",
            on=self._shown(path),
            do="Check the reference in the provider's settings, or store the secret again.",
        )

    def _value(self, path: str, found: _Found) -> str:
        if found.value is not None:
            return found.value
        settings = self._settings
        key = f"-mount={settings.mount} {settings.prefix}/{path}"
        raise Conflict(
            "a secret was deleted in OpenBao by somebody else",
            on=self._shown(path),
            why=f"its newest version, {found.version}, is deleted or destroyed",
            left="nothing was changed",
            do=f"Bring it back: bao kv undelete -versions={found.version} {key}. If it was "
            f"destroyed, put an older version back: bao kv rollback -version=N {key}",
        )

    def _foreign(self, path: str) -> HomeportError:
        return Conflict(
            "a secret in OpenBao was not written by Homeport",
            on=self._shown(path),
            why=f"it does not hold one text called '{_FIELD}'",
            left="nothing was changed",
            do="Move it elsewhere, or give Homeport a 'prefix' of its own in the settings.",
        )

    def _purpose(self, path: str) -> dict[str, str]:
        """As the hypervisor's mark: whose it is, by installation and deployment."""
        parts = path.split("/")
        if parts[0] == "deployments" and len(parts) > 2:
            return {
                "owner": f"hp-{self._installation}-{parts[1]}",
                "purpose": "/".join(parts[2:]),
            }
        return {"owner": f"hp-{self._installation}", "purpose": path}

    def _shown(self, path: str) -> str:
        return "/".join(filter(None, (self._settings.mount, self._settings.prefix, path)))


def _encodable(path: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise not_text(path) from None
