"""The format of the sealed file: what is encrypted, with what, and bound to what.

One JSON document: a header with a version and the id of the key, one record per secret, and
a seal over all of it. Records are AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce
each and the secret's path as associated data, so a record cannot be moved to another path.
The seal is the tag of an empty message whose associated data is the whole document: a record
that was dropped, added or taken from an older file is noticed, too.

Paths can be read without the key; values cannot.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engine.errors import HomeportError

VERSION = 1
_NONCE = 12
_KEY_BYTES = 32


class DamagedSecrets(HomeportError):
    """The sealed file or its key is missing, damaged, or one does not belong to the other."""

    code: ClassVar[str] = "secrets-damaged"


@dataclass(frozen=True)
class Key:
    """A 256-bit key. Its id says which key a file was sealed with and nothing else."""

    material: bytes

    def __post_init__(self) -> None:
        if len(self.material) != _KEY_BYTES:
            raise ValueError(f"a key has {_KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return f"<key {self.id}>"

    @property
    def id(self) -> str:
        return hashlib.sha256(b"homeport key id 1\0" + self.material).hexdigest()[:16]

    @classmethod
    def generate(cls) -> Key:
        return cls(os.urandom(_KEY_BYTES))


@dataclass(frozen=True)
class Envelope:
    """A parsed sealed file: still encrypted, not yet verified."""

    key_id: str
    records: Mapping[str, bytes]
    seal: bytes

    @classmethod
    def parse(cls, data: bytes) -> Envelope:
        """ValueError with the reason where this is not a sealed file of a known version."""
        try:
            document = json.loads(data)
            version = document["version"]
            if version != VERSION:
                raise ValueError(f"it has version {version!r}, this Homeport knows {VERSION}")
            records = {path: _decode(text) for path, text in document["records"].items()}
            return cls(str(document["key"]), records, _decode(document["seal"]))
        except (KeyError, TypeError, AttributeError, binascii.Error, UnicodeError) as error:
            raise ValueError(f"it is not a sealed file ({type(error).__name__})") from None

    @classmethod
    def build(cls, key: Key, records: Mapping[str, bytes]) -> Envelope:
        seal = _encrypt(key, b"", _seal_data(key.id, records))
        return cls(key.id, dict(records), seal)

    def verify(self, key: Key) -> None:
        """ValueError where anything in the file was changed, dropped or added."""
        _decrypt(key, self.seal, _seal_data(self.key_id, self.records))

    def serialise(self) -> bytes:
        document = {
            "version": VERSION,
            "key": self.key_id,
            "records": {path: _encode(self.records[path]) for path in sorted(self.records)},
            "seal": _encode(self.seal),
        }
        return json.dumps(document, indent=1).encode() + b"\n"


def seal_value(key: Key, path: str, value: str) -> bytes:
    """A record. UnicodeEncodeError for text that has no UTF-8 form."""
    return _encrypt(key, value.encode(), _record_data(path))


def open_value(key: Key, path: str, record: bytes) -> str:
    """The value of a record; ValueError where it is damaged or was sealed for another path."""
    return _decrypt(key, record, _record_data(path)).decode()


def _record_data(path: str) -> bytes:
    return f"homeport secret {VERSION}\0{path}".encode()


def _seal_data(key_id: str, records: Mapping[str, bytes]) -> bytes:
    listing = [[path, _encode(records[path])] for path in sorted(records)]
    return f"homeport seal {VERSION}\0{key_id}\0{json.dumps(listing)}".encode()


def _encrypt(key: Key, data: bytes, bound_to: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key.material).encrypt(nonce, data, bound_to)


def _decrypt(key: Key, record: bytes, bound_to: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key.material).decrypt(record[:_NONCE], record[_NONCE:], bound_to)
    except (InvalidTag, ValueError):
        raise ValueError("its content does not match its authentication code") from None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode(), validate=True)
