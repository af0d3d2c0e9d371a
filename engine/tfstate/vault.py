"""States as they lie in OpenBao: a head per state in KV, its versions, and their encrypted parts.

A version is written in pieces that never change, each under a name of its own; then the head,
which names it, is replaced by check-and-set. A writer that dies before that has left the old
version in place, whole, and some pieces that nobody reads; one that dies after it, the new one.

Content is compressed, cut so that each piece fits into one entry of OpenBao's raft storage (1 MiB),
and encrypted by transit with the state's name, the version and the piece's place as associated
data: a piece that somebody moved elsewhere does not open there.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import hvac
from hvac import exceptions
from pydantic import BaseModel, ValidationError

from engine.backends.secrets.openbao.refusals import explain, is_cas_mismatch
from engine.backends.secrets.openbao.session import Session
from engine.tfstate.model import Head, StateName, Version
from engine.tfstate.policy import folder
from engine.tfstate.refusals import call, damaged, deleted, forgetful, shown
from engine.tfstate.transit import NotOpened, Transit

PART_BYTES = 512 * 1024
"""Of compressed content; base64 makes 0.7 MiB of it."""
_INLINE_BYTES = 64 * 1024
"""Of compressed content: so little may be read with a record whenever history is."""
_AT_ONCE = 4
"""Requests for the parts of states."""

Parsed = TypeVar("Parsed", bound=BaseModel)


@dataclass(frozen=True)
class StoredHead:
    """revision: of the key in KV, for check-and-set; 0 where there is none yet. is_read: just
    now; otherwise it may be an old one."""

    head: Head
    revision: int
    is_read: bool = True


@dataclass(frozen=True)
class Packed:
    """Content that is ready to be written. blob: the name that it will have; "" where it is small
    and stands in its version's record, which saves a request."""

    blob: str
    parts: tuple[bytes, ...]


class StateVault:
    """Safe to use from several threads, processes and machines."""

    def __init__(self, session: Session, part_bytes: int = PART_BYTES) -> None:
        self._session = session
        self._settings = session.settings
        self._transit = Transit(session)
        self._part_bytes = part_bytes
        self._pool = ThreadPoolExecutor(_AT_ONCE, "state-parts")

    def is_open(self) -> None:
        """Raises where OpenBao is sealed, away, or does not let Homeport in."""
        self._session.call(self._settings.host, lambda client: client.auth.token.lookup_self())

    def names(self) -> list[StateName]:
        return sorted(
            (
                StateName(project.rstrip("/"), name.rstrip("/"))
                for project in self._listed("")
                for name in self._listed(project.rstrip("/"))
            ),
            key=str,
        )

    def head(self, name: StateName) -> StoredHead | None:
        """None where it was never made. Unsafe where somebody deleted it by hand: that must
        never be taken for an empty state."""
        found = self._read(f"{name}/head")
        if found is None:
            return None
        value, revision = found
        return StoredHead(self._parsed(Head, value, f"{name}/head"), revision)

    def replace_head(self, name: StateName, head: Head, revision: int) -> bool:
        """False: somebody else was faster, and nothing was written."""
        return self._write(f"{name}/head", head.model_dump(mode="json"), revision)

    def record(self, name: StateName, key: str) -> Version:
        return self._parsed(Version, self._record(name, key).get("version"), _record(name, key))

    def pack(self, content: bytes) -> Packed:
        packed, size = zlib.compress(content, 6), self._part_bytes
        parts = tuple(packed[start : start + size] for start in range(0, len(packed), size))
        small = len(packed) <= min(size, _INLINE_BYTES)
        return Packed("" if small else secrets.token_hex(8), parts)

    def write_parts(self, name: StateName, content: Packed) -> None:
        """Of content that does not stand in its version's record."""
        if content.blob:
            indexes = range(len(content.parts))
            list(self._pool.map(lambda index: self._write_part(name, content, index), indexes))

    def write_record(self, name: StateName, version: Version, content: Packed | None) -> None:
        value: dict[str, Any] = {"version": version.model_dump(mode="json")}
        if content and not content.blob:
            [part] = content.parts
            value["sealed"] = self._transit.close(part, _place(name, version.key, 0, 1))
        self._write_new(_record(name, version.key), value)

    def content(self, name: StateName, version: Version) -> bytes:
        """Whole, or an error."""
        path = _record(name, version.key)
        if version.blob:
            parts = self._pool.map(lambda n: self._part(name, version, n), range(version.parts))
            packed = b"".join(parts)
        else:
            sealed = self._record(name, version.key).get("sealed")
            packed = self._opened(path, sealed, _place(name, version.key, 0, 1))
        content = zlib.decompress(packed)
        if len(content) != version.size:
            raise damaged(self._settings, path, "its size is not as recorded")
        return content

    def _record(self, name: StateName, key: str) -> dict[str, Any]:
        found = self._read(_record(name, key))
        if found is None:
            raise damaged(self._settings, _record(name, key), "it is missing")
        return found[0]

    def _write_part(self, name: StateName, content: Packed, index: int) -> None:
        place = _place(name, content.blob, index, len(content.parts))
        closed = self._transit.close(content.parts[index], place)
        self._write_new(f"{name}/parts/{content.blob}/{index}", {"sealed": closed})

    def _part(self, name: StateName, version: Version, index: int) -> bytes:
        path = f"{name}/parts/{version.blob}/{index}"
        found = self._read(path)
        if found is None:
            raise damaged(self._settings, path, "it is missing")
        place = _place(name, version.blob, index, version.parts)
        return self._opened(path, found[0].get("sealed"), place)

    def _opened(self, path: str, sealed: object, place: bytes) -> bytes:
        try:
            return self._transit.open(str(sealed or ""), place)
        except NotOpened:
            why = "it does not open: it was changed or moved"
            raise damaged(self._settings, path, why) from None

    # single requests

    def _read(self, path: str) -> tuple[dict[str, Any], int] | None:
        try:
            answer = self._call(
                path,
                lambda client, key: client.secrets.kv.v2.read_secret_version(
                    key, mount_point=self._settings.mount, raise_on_deleted_version=True
                ),
            )
        except exceptions.InvalidPath as error:
            data = (error.json or {}).get("data") or {}
            revision = (data.get("metadata") or {}).get("version", 0)
            if revision:
                raise deleted(self._settings, path, revision) from None
            return None
        return answer["data"]["data"], int(answer["data"]["metadata"]["version"])

    def _write_new(self, path: str, value: dict[str, Any]) -> None:
        if not self._write(path, value, 0):
            raise damaged(self._settings, path, "a name that was just drawn is there already")

    def _write(self, path: str, value: dict[str, Any], revision: int) -> bool:
        try:
            answer = self._call(
                path,
                lambda client, key: client.secrets.kv.v2.create_or_update_secret(
                    key, value, cas=revision, mount_point=self._settings.mount
                ),
            )
        except exceptions.InvalidRequest as error:
            if is_cas_mismatch(error):
                return False
            raise explain(error, self._settings, shown(self._settings, path)) from None
        if answer["data"]["deletion_time"]:
            raise forgetful(self._settings, path)
        return True

    def _listed(self, path: str) -> list[str]:
        try:
            answer = self._call(
                path,
                lambda client, key: client.secrets.kv.v2.list_secrets(
                    key, mount_point=self._settings.mount
                ),
            )
        except exceptions.InvalidPath:
            return []
        return [str(name) for name in answer["data"]["keys"] if name.endswith("/")]

    def _call(self, path: str, ask: Callable[[hvac.Client, str], Any]) -> Any:
        key = f"{folder(self._settings)}/{path}".rstrip("/")
        return call(self._session, shown(self._settings, path), lambda client: ask(client, key))

    def _parsed(self, model: type[Parsed], value: object, path: str) -> Parsed:
        try:
            return model.model_validate(value)
        except ValidationError:
            raise damaged(self._settings, path, "it is not as Homeport writes it") from None


def _record(name: StateName, key: str) -> str:
    return f"{name}/versions/{key}"


def _place(name: StateName, where: str, index: int, count: int) -> bytes:
    return json.dumps([name.project, name.name, where, index, count]).encode()
