"""Lines of an htpasswd file: `name:hash`, the hash by SHA-512 crypt.

SHA-512 crypt needs nothing but what Radicale installs anyway, on every release of it;
bcrypt and argon2 would need extras whose versions fight each other. The passwords are
Homeport's own, 32 random characters, so the scheme's default cost is enough.
"""

from __future__ import annotations

import re

from engine.errors import InvalidInput

# 5000 rounds are the scheme's default and not written into the hash. Older Radicale tells
# SHA-512 by a length that holds only then.
ROUNDS = 5000
_NAME = re.compile(r"(?!#)[^:\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,64}")


def with_account(existing: bytes, username: str, password: str) -> bytes:
    """The file with this account in it. Other lines are kept as they are.

    A line whose hash fits the password already is kept, too, so that writing the same
    account again changes nothing.
    """
    from passlib.hash import sha512_crypt

    if not _NAME.fullmatch(username) or username != username.strip():
        raise InvalidInput(
            "this user name cannot be used",
            on=username,
            why="user names of this application hold no colon and no control characters",
            do="Choose another name.",
        )
    kept = []
    for line in _lines(existing):
        name, _, known = line.partition(":")
        if name != username:
            kept.append(line)
        elif known.startswith("$6$") and sha512_crypt.verify(password, known.strip()):
            return existing
    kept.append(f"{username}:{sha512_crypt.using(rounds=ROUNDS).hash(password)}")
    return ("\n".join(kept) + "\n").encode(errors="surrogateescape")


def _lines(existing: bytes) -> list[str]:
    """Only a line feed ends a line here; `splitlines` knows ten more ends."""
    text = existing.decode(errors="surrogateescape")
    return text.removesuffix("\n").split("\n") if text else []
