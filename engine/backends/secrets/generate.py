"""Making the values of generated secrets, from the operating system's randomness."""

from __future__ import annotations

import base64
import secrets
import string

from engine.catalog.package import SecretSpec

# People read passwords aloud and type them: no letter or digit that looks like another.
_READABLE = "".join(c for c in string.ascii_letters + string.digits if c not in "0O1lI")
_TOKEN = string.ascii_letters + string.digits + "-_"
_HEX = "0123456789abcdef"
_MIXED = tuple(map(set, (string.ascii_lowercase, string.ascii_uppercase, string.digits)))
_LEAST = 12


def generate(spec: SecretSpec) -> str:
    """A fresh value for a package's secret.

    password: `length` letters and digits that cannot be mistaken for one another.
    token: `length` characters that need no quoting in URLs. Both have capital and small letters
    and a digit, which servers ask for that judge a password by its looks.
    hex: `length` hexadecimal digits.
    ed25519-seed: 32 bytes as unpadded base64 (the form of Matrix signing keys); its length is
    fixed. ValueError where the length asked for is below 12, which can be guessed.
    """
    if spec.kind == "ed25519-seed":
        return base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    if spec.length < _LEAST:
        raise ValueError(f"a generated secret has at least {_LEAST} characters")
    alphabet = {"password": _READABLE, "token": _TOKEN, "hex": _HEX}[spec.kind]
    while True:
        value = "".join(secrets.choice(alphabet) for _ in range(spec.length))
        if alphabet == _HEX or all(set(value) & kind for kind in _MIXED):
            return value
