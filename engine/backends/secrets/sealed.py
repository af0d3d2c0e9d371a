"""Secrets in one encrypted file, its key apart from it.

The file lies with the state (`state/secrets/sealed.json`), the key with the configuration
(`config/secrets.key`): a copy of the database and the state, in a backup or on a support
ticket, opens nothing. Both are read only when they are private. Every change rewrites the
file in one step under a lock, so a kill leaves the old file or the new one.

The key never changes place with a gap: a new one is first written beside the old
(`secrets.key.new`), then the file is sealed with it, then it takes the old one's name. The
id in the file's header tells which of the two is right after a kill in between.
"""

from __future__ import annotations

import base64
import binascii
import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.backends.registry import BackendEnvironment, failed_check, read_settings
from engine.backends.secrets.envelope import (
    DamagedSecrets,
    Envelope,
    Key,
    open_value,
    seal_value,
)
from engine.backends.secrets.paths import is_below, not_text, valid_path
from engine.errors import Denied, HomeportError, NoCapacity, NotFound
from engine.model.provider import Check, CheckStatus
from engine.paths import Paths
from engine.private_files import (
    exclusive,
    make_private_directory,
    read_private,
    sync_directory,
    write_private,
)

_KEY_HEADER = "homeport-secrets-key-1"


class SealedSettings(BaseModel):
    """There is nothing to set: the places follow from the installation's paths."""

    model_config = ConfigDict(extra="forbid")


def open_backend(environment: BackendEnvironment, settings: Mapping[str, Any]) -> SealedSecrets:
    read_settings(SealedSettings, environment, settings)
    return SealedSecrets(environment.paths)


class SealedSecrets:
    """The protocol `Secrets` on one sealed file. Any number of processes may use it at once."""

    def __init__(self, paths: Paths) -> None:
        self._file = paths.state / "secrets" / "sealed.json"
        self._lock = paths.state / "secrets" / "lock"
        self._key_file = paths.config / "secrets.key"
        self._new_key_file = paths.config / "secrets.key.new"

    # the protocol

    def check(self) -> list[Check]:
        title = "Sealed secrets can be opened"
        try:
            opened = self._open_existing()
        except HomeportError as error:
            return [failed_check("secrets", error, title)]
        found = (
            "nothing stored yet; the key is made with the first secret"
            if opened is None
            else f"{len(opened[0].records)} values, sealed with the key in {self._key_file}"
        )
        return [Check(service="secrets", title=title, status=CheckStatus.PASS, found=found)]

    def get(self, path: str) -> str:
        """NotFound where there is none; DamagedSecrets where file and key do not fit."""
        value = self._look_up(valid_path(path))
        if value is None:
            raise NotFound(
                "there is no such secret",
                on=path,
                do="Check the reference in the provider's settings, or store the secret again.",
            )
        return value

    def put(self, path: str, value: str) -> None:
        with self._changing() as (key, records):
            records[valid_path(path)] = _sealed(key, path, value)

    def ensure(self, path: str, make: Callable[[], str]) -> str:
        """The value at path, made under the lock where there is none: one winner."""
        found = self._look_up(valid_path(path))
        if found is not None:
            return found
        with self._changing() as (key, records):
            if path not in records:
                records[path] = _sealed(key, path, make())
            return self._opened(key, path, records[path])

    def list(self, prefix: str) -> list[str]:
        """Paths at or below the prefix, sorted; all of them for an empty one."""
        wanted = valid_path(prefix.rstrip("/")) if prefix else ""
        opened = self._open_existing()
        return (
            sorted(path for path in opened[0].records if is_below(path, wanted)) if opened else []
        )

    def delete(self, prefix: str) -> int:
        wanted = valid_path(prefix.rstrip("/"))
        if not self.list(wanted):
            return 0
        with self._changing() as (_, records):
            doomed = [path for path in records if is_below(path, wanted)]
            for path in doomed:
                del records[path]
        return len(doomed)

    # the key

    def rotate_key(self) -> None:
        """Seal everything with a new key; the old key opens nothing afterwards."""
        with exclusive(self._lock):
            key, envelope = self._open_or_create()
            values = {path: self._opened(key, path, r) for path, r in envelope.records.items()}
            self._seal_with_new_key(values)

    def _seal_with_new_key(self, values: Mapping[str, str]) -> tuple[Key, Envelope]:
        key = Key.generate()
        records = {path: seal_value(key, path, value) for path, value in values.items()}
        envelope = Envelope.build(key, records)
        write_private(self._new_key_file, _key_text(key))
        write_private(self._file, envelope.serialise())
        self._adopt_new_key()
        return key, envelope

    def _adopt_new_key(self) -> None:
        self._new_key_file.replace(self._key_file)
        sync_directory(self._key_file.parent)

    # reading and writing the file

    def _look_up(self, path: str) -> str | None:
        opened = self._open_existing()
        if opened is None or path not in opened[0].records:
            return None
        envelope, key = opened
        return self._opened(key, path, envelope.records[path])

    def _open_existing(self) -> tuple[Envelope, Key] | None:
        """The verified file and its key; None before anything was ever stored."""
        if not self._file.exists() and not self._key_file.exists():
            return None
        try:
            return self._load()
        except DamagedSecrets:
            with exclusive(self._lock):  # the key may just have been changed: look once more
                return self._load()

    @contextmanager
    def _changing(self) -> Iterator[tuple[Key, dict[str, bytes]]]:
        """The records under the lock; written back where the block ends without an error."""
        try:
            make_private_directory(self._key_file.parent)
            with exclusive(self._lock):
                key, envelope = self._open_or_create()
                records = dict(envelope.records)
                yield key, records
                if records != envelope.records:
                    write_private(self._file, Envelope.build(key, records).serialise())
        except OSError as error:
            raise self._unwritten(error) from None

    def _open_or_create(self) -> tuple[Key, Envelope]:
        if not self._file.exists() and not self._key_file.exists():
            return self._seal_with_new_key({})
        envelope, key = self._load()
        new = self._read_key(self._new_key_file)
        if new is not None and new.id == envelope.key_id:
            self._adopt_new_key()
        return key, envelope

    def _load(self) -> tuple[Envelope, Key]:
        data = read_private(self._file)
        if data is None:
            raise self._damaged(
                self._file,
                "the key is there, but the file with the secrets is gone",
                f"Restore {self._file} from your backup. Only if nothing was ever stored, remove "
                f"{self._key_file} to start anew.",
            )
        try:
            envelope = Envelope.parse(data)
        except ValueError as error:
            raise self._unreadable(error) from None
        key = self._key_of(envelope)
        try:
            envelope.verify(key)
        except ValueError as error:
            raise self._unreadable(error) from None
        return envelope, key

    def _key_of(self, envelope: Envelope) -> Key:
        keys = [self._read_key(self._key_file), self._read_key(self._new_key_file)]
        for key in keys:
            if key is not None and key.id == envelope.key_id:
                return key
        found = ", ".join(key.id for key in keys if key is not None)
        raise self._damaged(
            self._key_file,
            f"the secrets were sealed with key {envelope.key_id}, "
            + (f"here is key {found}" if found else "and the key file is not there"),
            f"Restore {self._key_file} from your backup of the configuration directory.",
        )

    def _read_key(self, path: Path) -> Key | None:
        data = read_private(path)
        if data is None:
            return None
        try:
            header, text = data.decode("ascii").split()
            if header != _KEY_HEADER:
                raise ValueError(header)
            return Key(base64.b64decode(text, validate=True))
        except (ValueError, binascii.Error):
            raise self._damaged(
                path, "this is not a key", f"Restore {path} from your backup."
            ) from None

    def _opened(self, key: Key, path: str, record: bytes) -> str:
        try:
            return open_value(key, path, record)
        except ValueError as error:
            raise self._unreadable(error) from None

    def _unwritten(self, error: OSError) -> HomeportError:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        kind, why = NoCapacity if is_full else Denied, error.strerror or str(error)
        return kind(
            "the secrets cannot be written",
            on=str(error.filename or self._file),
            why=f"{why[:1].lower()}{why[1:]}: {error.filename or self._file}",
            left="nothing was changed",
            do="Make room on that disk, then try again."
            if is_full
            else "Let Homeport's user write there, then try again.",
        )

    def _unreadable(self, reason: ValueError) -> DamagedSecrets:
        do = f"Restore {self._file} from your backup; it belongs to the key in {self._key_file}."
        return self._damaged(self._file, str(reason), do)

    @staticmethod
    def _damaged(path: Path, why: str, do: str) -> DamagedSecrets:
        left = "nothing was changed; running applications keep working"
        return DamagedSecrets(
            "the secrets cannot be opened", on=str(path), why=why, left=left, do=do
        )


def _sealed(key: Key, path: str, value: str) -> bytes:
    try:
        return seal_value(key, path, value)
    except UnicodeEncodeError:
        raise not_text(path) from None


def _key_text(key: Key) -> bytes:
    return f"{_KEY_HEADER} {base64.b64encode(key.material).decode()}\n".encode()
