"""restic's command line for one repository: arguments, environment, answers, refusals.

Written for restic 0.14 (Debian 12) and newer: nothing is used that came later. Secrets are in
files whose paths the environment names, and those files are in memory (`memory_file`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from engine.errors import Denied, HomeportError, Locked, NotFound, RemoteFailure, Unreachable
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile

PROGRAM = "restic"
STREAM = "capture.tar"
"""Name of the one file in each of our snapshots."""
UNFINISHED = "unfinished"
"""Tag of a snapshot until its stream is known to be whole."""
_MARK = "homeport"
_HOST = "homeport"
"""Not the guest's name: restic compares with what the same host stored before."""
_PASSWORD, _CREDENTIALS = "RESTIC_PASSWORD_FILE", "AWS_SHARED_CREDENTIALS_FILE"
_REFUSED = (
    r"Access ?Denied|permission denied|InvalidAccessKeyId|SignatureDoesNotMatch"
    r"|request signature we calculated does not match|Access Key Id you provided does not exist"
)
"""Codes and sentences of S3: restic shows one or the other."""
_ABSENT = (
    r"specified (key|bucket) does not exist|config file does not exist|no such file or directory"
)
_TAGS = ("deployment", "name", "application", "release")


def command(profile: RepositoryProfile, *words: str) -> list[str]:
    place = profile.location
    where = place if profile.kind is RepositoryKind.DIRECTORY else f"s3:{place.rstrip('/')}"
    # Indices come anew each time: a cache would be one more thing to age, and to be private.
    return [PROGRAM, f"--repo={where}", "--no-cache", *words]


def environment(profile: RepositoryProfile) -> dict[str, str]:
    """What restic needs beside PATH; times are UTC, progress comes once a second."""
    found = {"TZ": "UTC", "RESTIC_PROGRESS_FPS": "1", "LC_ALL": "C.UTF-8"}
    if profile.kind is RepositoryKind.S3 and profile.region:
        found["AWS_DEFAULT_REGION"] = profile.region
    return found


def secret_files(profile: RepositoryProfile, password: str, secret_key: str) -> dict[str, str]:
    """Text by the variable that has to name a file with it."""
    found = {_PASSWORD: password}
    if profile.kind is RepositoryKind.S3:
        found[_CREDENTIALS] = (
            f"[default]\naws_access_key_id = {profile.access_key}\n"
            f"aws_secret_access_key = {secret_key}\n"
        )
    return found


def backup_words(about: Mapping[str, str], at: datetime) -> list[str]:
    """To store standard input; about: values of the snapshot's tags by name."""
    tags = [_MARK, UNFINISHED, *(f"{name}={value}" for name, value in about.items())]
    stamp = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    named = ["--stdin", f"--stdin-filename={STREAM}", f"--host={_HOST}", f"--time={stamp}"]
    return ["backup", "--json", *named, *(f"--tag={tag}" for tag in tags)]


def dump_words(snapshot: str) -> list[str]:
    return ["dump", snapshot, f"/{STREAM}"]


def finish_words(snapshot: str, size: int, sha256: str) -> list[str]:
    """To make a snapshot one that counts."""
    added = [f"--add=bytes={size}", f"--add=sha256={sha256}"]
    return ["tag", f"--remove={UNFINISHED}", *added, snapshot]


def listed(profile: RepositoryProfile, answer: str) -> tuple[list[Backup], dict[str, list[str]]]:
    """From `restic snapshots --json`: our complete backups, newest first; and the ids of our
    unfinished snapshots by their deployment. Whatever else somebody keeps in
    the repository is left out."""
    complete: list[Backup] = []
    unfinished: dict[str, list[str]] = {}
    for entry in json.loads(answer or "null") or ():
        tags: list[str] = entry.get("tags") or []
        if _MARK not in tags:
            continue
        told = dict(tag.split("=", 1) for tag in tags if "=" in tag)
        if UNFINISHED in tags:
            unfinished.setdefault(told.get("deployment", ""), []).append(str(entry["id"]))
        elif found := _backup(profile, entry, told):
            complete.append(found)
    complete.sort(key=lambda backup: (backup.at, backup.id), reverse=True)
    return complete, unfinished


def _backup(
    profile: RepositoryProfile, entry: Mapping[str, Any], told: Mapping[str, str]
) -> Backup | None:
    fields: dict[str, Any] = {name: told.get(name) for name in (*_TAGS, "bytes", "sha256")}
    fields |= {"id": told.get("backup"), "snapshot": entry["id"], "repository": profile.name}
    try:
        return Backup.model_validate(fields | {"at": _shortened(str(entry["time"]))})
    except ValidationError:
        return None  # somebody else's, who happens to use our mark


def _shortened(time: str) -> str:
    """restic gives nanoseconds, Python takes microseconds."""
    return re.sub(r"(\.\d{6})\d+", r"\1", time)


def errors_found(lines: Iterable[str]) -> Iterator[str]:
    """What `restic check` complains about."""
    for line in lines:
        if re.match(r"(error|Fatal|pack|.*ciphertext verification failed)", line.strip()):
            yield line.strip()


def refusal(profile: RepositoryProfile, words: Sequence[str], said: str) -> HomeportError:
    """What a failed call means, in our words. said: what it wrote to standard error."""
    on, why = f"{profile.name} ({profile.location})", _end(said)
    if "unable to create lock" in said or "already locked" in said:
        return Locked("the repository is in use", on=on, why=why, do="Wait, then try again.")
    if "wrong password or no key found" in said:
        return Denied(
            "the repository does not open with the password that is kept for it",
            on=on,
            left="nothing was read or written",
            do="Find the recovery sheet, and add the repository anew with its password.",
        )
    if re.search(_REFUSED, said):
        return Denied(
            "the repository may not be used",
            on=on,
            why=why,
            do="Check the key and its rights, or the directory's owner and mode.",
        )
    if re.search(_ABSENT, said):
        return NotFound(
            "there is no repository at this place",
            on=on,
            why=why,
            do="Check that the disk is mounted and the address is right; nothing is made anew "
            "in its place.",
        )
    if re.search(r"dial tcp|connection refused|timeout|no such host|connection reset", said):
        return Unreachable(
            "the repository cannot be reached", on=on, why=why, do="Check its address and network."
        )
    return RemoteFailure(
        f"restic {words[0]} failed",
        on=on,
        why=why,
        do="Read what restic said; what the repository held before is still there.",
    )


def _end(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return "\n".join(lines[-8:])[-1200:] or "it said nothing"
