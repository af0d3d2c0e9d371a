"""What database servers store for a password, so that they are never sent the password itself:
neither their logs nor their statistics ever see it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

_ITERATIONS = 4096


def scram_verifier(password: str, salt: bytes) -> str:
    """PostgreSQL: SCRAM (RFC 5802), as its documentation of pg_authid.rolpassword writes it."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    parts = [b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"


def native_hash(password: str) -> str:
    """MariaDB: mysql_native_password."""
    inner = hashlib.sha1(password.encode()).digest()
    return "*" + hashlib.sha1(inner).hexdigest().upper()


def rabbit_hash(password: str, salt: bytes) -> str:
    """RabbitMQ: rabbit_password_hashing_sha256. salt: four bytes."""
    return b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
