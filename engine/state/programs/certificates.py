"""What is in a tree of certificates and keys: which key fits which certificate, for which names,
until when; and the accounts at authorities (RFC 8555) that certificates are renewed by.

Keys are compared by their public halves; nothing of a private one is told. By OpenSSL, which
is on every guest that trusts anybody.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from calendar import timegm
from collections.abc import Iterator
from typing import Any, NoReturn

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )?PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)
_LARGEST = 1 << 20
_NAMES = re.compile(r"(?:DNS|IP Address):([^,\s]+)")


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def openssl(*words: str, data: bytes) -> str:
    """Its answer; empty where it does not understand what it is given."""
    done = subprocess.run(["openssl", *words], input=data, capture_output=True, check=False)
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def files(top: str, exclude: list[str]) -> Iterator[tuple[str, bytes]]:
    """Name below the top and content, of those that may hold keys; links are not followed."""
    found = [(os.path.basename(top), top)] if os.path.isfile(top) else []
    for directory, below, names in os.walk(top):
        for name in list(below):
            if os.path.relpath(os.path.join(directory, name), top) in exclude:
                below.remove(name)
        found += [(os.path.relpath(os.path.join(directory, n), top), os.path.join(directory, n))
                  for n in names]  # fmt: skip
    for name, path in sorted(found):
        if name in exclude or os.path.islink(path) or os.stat(path).st_size > _LARGEST:
            continue
        with open(path, "rb") as file:
            yield name, file.read()


def describe(task: dict[str, Any]) -> dict[str, Any]:
    certificates: dict[str, Any] = {}
    keys: dict[str, list[str]] = {}
    unreadable: list[str] = []
    accounts: list[str] = []
    for name, content in files(task["path"], task["exclude"]):
        for key in _KEY.finditer(content):
            public = openssl("pkey", "-pubout", "-passin", "pass:", data=key.group())
            if public:
                keys.setdefault(public, []).append(name)
            else:
                unreadable.append(name)
        if chain := _CERTIFICATE.findall(content):
            certificates[name] = certificate(chain[0])
        if is_account(name, content):
            accounts.append(name)
    for about in certificates.values():
        about["keys"] = keys.get(about.pop("public"), [])
    return {
        "certificates": certificates,
        "keys": sum(map(len, keys.values())),
        "unreadable": sorted(unreadable),
        "accounts": accounts,
        "now": int(time.time()),
    }


def certificate(pem: bytes) -> dict[str, Any]:
    """Of the first in a file: that is the one that is shown to others (RFC 8446, 4.4.2)."""
    words = ("-noout", "-pubkey", "-enddate", "-fingerprint", "-sha256")
    told = openssl("x509", *words, data=pem)
    if not told:
        return {"broken": True, "public": ""}
    alternative = openssl("x509", "-noout", "-ext", "subjectAltName", data=pem)
    authority = "CA:TRUE" in openssl("x509", "-noout", "-ext", "basicConstraints", data=pem)
    until = re.search(r"notAfter=(.+)", told)
    public = re.search(r"-----BEGIN PUBLIC KEY-----.+-----END PUBLIC KEY-----\n", told, re.DOTALL)
    moment = time.strptime(until[1].strip(), "%b %d %H:%M:%S %Y %Z") if until else None
    return {
        "names": sorted(_NAMES.findall(alternative)),
        "until": timegm(moment) if moment else 0,
        "authority": authority,
        "fingerprint": told.partition("ingerprint=")[2].partition("\n")[0],
        "public": public.group() if public else "",
    }


def is_account(name: str, content: bytes) -> bool:
    """Certbot's private_key.json, and any other JSON Web Key of an account."""
    if not name.endswith(".json") or b'"kty"' not in content:
        return False
    try:
        return "d" in json.loads(content)
    except (ValueError, TypeError):
        return False


def main() -> None:
    task = json.load(sys.stdin)
    try:
        result = describe(task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
