"""Mailboxes as Dovecot sees them: what a mail program would notice if it were another.

Of each mailbox the number that its message numbers are valid with (UIDVALIDITY), the next of
them, and of each message its number, flags and keywords, day of arrival, and content; of each
user the mailboxes, also empty ones, and which of them are subscribed to (RFC 3501).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from typing import IO, Any, NoReturn

_DOVEADM = ["doveadm", "-f", "tab"]
_MESSAGE = "mailbox uid flags date.received size.physical text"
_STATUS = "messages uidvalidity uidnext"
_FIELDS = _MESSAGE.count(" ")
_OF_THE_SESSION = "\\Recent"


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def asked(*words: str) -> list[dict[str, str]]:
    """The rows of an answer by the names of its columns, which Dovecot has in its own order."""
    done = subprocess.run([*_DOVEADM, *words], capture_output=True, check=False)
    if done.returncode != 0:
        fail(done.stderr.decode(errors="replace").strip()[-800:])
    head, *lines = done.stdout.decode(errors="surrogateescape").removesuffix("\n").split("\n")
    names = head.split("\t")
    return [dict(zip(names, line.split("\t"))) for line in lines]  # noqa: B905 - Python 3.9


def users() -> list[str]:
    done = subprocess.run(["doveadm", "user", "*"], capture_output=True, check=False)
    if done.returncode != 0:
        fail(done.stderr.decode(errors="replace").strip()[-800:] or "Dovecot does not answer")
    return sorted(set(done.stdout.decode(errors="surrogateescape").split("\n")) - {""})


def described(user: str) -> dict[str, Any]:
    """Mailbox -> its facts; what is subscribed to."""
    mailboxes: dict[str, Any] = {}
    for row in asked("mailbox", "status", "-u", user, _STATUS, "*"):
        mailboxes[row["mailbox"]] = {
            "messages": int(row["messages"]),
            "next number": int(row["uidnext"]),
            "numbers valid with": int(row["uidvalidity"]),
            "digest": hashlib.sha256(),
        }
    command = [*_DOVEADM, "fetch", "-u", user, _MESSAGE, "ALL"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        size = read(reading.stdout, mailboxes)
        problem = reading.stderr.read()
    if reading.returncode != 0:
        fail(problem.decode(errors="replace").strip()[-800:])
    for found in mailboxes.values():
        found["digest"] = found["digest"].hexdigest()
    subscribed = sorted(row["mailbox"] for row in asked("mailbox", "list", "-s", "-u", user))
    return {"mailbox": mailboxes, "subscribed": subscribed, "bytes": size}


def read(answer: IO[bytes], mailboxes: dict[str, Any]) -> int:
    """Messages come in the order of their numbers, each content by its length behind fields
    that tabs part. How many bytes there were of content."""
    answer.readline()
    size = 0
    while head := fields(answer):
        name, number, flags, arrived, length = head
        kept = sorted(set(flags.split()) - {_OF_THE_SESSION})
        content = hashlib.sha256()
        left, chunk = int(length), b""
        while left:
            chunk = answer.read(min(left, 1 << 20))
            if not chunk:
                fail("Dovecot stopped in the middle of a message")
            content.update(chunk)
            left -= len(chunk)
        rest = answer.readline()
        if rest == b"\n" and chunk:
            rest = answer.readline()  # Dovecot has ended the content's last line by itself
        if rest.strip():
            fail(f"message {number} of {name} is longer than Dovecot says")
        told = [number, kept, arrived, length, content.hexdigest()]
        mailboxes[name]["digest"].update(json.dumps(told).encode() + b"\n")
        size += int(length)
    return size


def fields(answer: IO[bytes]) -> list[str]:
    """Of the next message; empty where there is none."""
    found: list[str] = []
    text = b""
    while len(found) < _FIELDS:
        sign = answer.read(1)
        if not sign:
            if text.strip() or found:
                fail("Dovecot stopped in the middle of a message")
            return []
        if sign == b"\t":
            found.append(unescaped(text).decode(errors="surrogateescape"))
            text = b""
        elif sign != b"\n" or text or found:
            text += sign
    return found


def unescaped(text: bytes) -> bytes:
    """As Dovecot writes a field with a tab or a line's end in it."""
    signs = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"0": b"\0", b"1": b"\1"}
    return re.sub(rb"\x01(.)", lambda found: signs.get(found[1], found[1]), text)


def arrivals(top: str) -> str:
    """A digest of when the files of messages in a Maildir are from. Dovecot tells what it once
    read of that and keeps in its cache; a mailbox without the cache would tell another day."""
    told = []
    for directory, _, names in os.walk(top):
        if os.path.basename(directory) in ("cur", "new"):
            for name in names:
                moment = os.stat(os.path.join(directory, name)).st_mtime
                mailbox = os.path.relpath(os.path.dirname(directory), top)
                told.append([mailbox, name.partition(":")[0], int(moment)])
    return hashlib.sha256(json.dumps(sorted(told)).encode()).hexdigest()


def describe(task: dict[str, Any]) -> dict[str, Any]:
    found = {user: described(user) for user in users()}
    size = sum(fields_.pop("bytes") for fields_ in found.values())
    facts = {"users": found, "when messages arrived": arrivals(task["path"])}
    boxes = [box for fields_ in found.values() for box in fields_["mailbox"].values()]
    return {"items": sum(box["messages"] for box in boxes), "bytes": size, "facts": facts}


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
