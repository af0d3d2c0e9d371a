"""The two ways of a stream between a guest and a repository; `engine.backup` says why two.

Both end with a stream whose bytes and checksum were taken on the guest. A stream that breaks
off makes a snapshot that is marked unfinished, or none; the caller forgets those.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from engine.backup import restic
from engine.backup.processes import Running, attend, start
from engine.backup.programs import carrier
from engine.backup.repository import Repository
from engine.errors import RemoteFailure
from engine.guests import scripts
from engine.guests.command_line import command_line
from engine.guests.protocols import GuestTarget
from engine.memory_files import memory_file
from engine.methods import apt
from engine.methods.place import LOCK_SECONDS, Place
from engine.model.repository import Backup

_RESULT, _PROGRESS, _SNAPSHOT = "homeport-result: ", "homeport-progress: ", "homeport-snapshot: "
_SECONDS = 24 * 3600.0
_CONNECT_SECONDS = 20


@dataclass(frozen=True)
class Guest:
    """place: the deployment there. private_key: opens it (OpenSSH PEM)."""

    place: Place
    target: GuestTarget
    private_key: str


@dataclass(frozen=True)
class Stored:
    """What passed; snapshot: restic's name for what it made of it."""

    bytes: int
    sha256: str
    snapshot: str


class Heard:
    """What the program on the guest says, from whichever thread it is heard."""

    def __init__(self, guest: Guest) -> None:
        self._work = guest.place.work
        self._on = guest.place.facts.address
        self._said: list[str] = []
        self._result, self._snapshot = "", ""
        self._progress: tuple[float, float] | None = None

    def line(self, text: str) -> None:
        if text.startswith(_RESULT):
            self._result = text.removeprefix(_RESULT)
        elif text.startswith(_SNAPSHOT):
            self._snapshot = text.removeprefix(_SNAPSHOT)
        elif text.startswith(_PROGRESS):
            done, total = text.removeprefix(_PROGRESS).split()
            self._progress = float(done), float(total)
        elif text.strip():
            self._said = [*self._said, text][-20:]

    def look(self) -> None:
        """On the step's own thread: show progress, and hear whether to stop."""
        if self._progress is not None:
            self._work.progress(*self._progress, "bytes")
            self._progress = None
        self._work.raise_if_cancelled()

    def stored(self, status: int, what: str) -> Stored:
        if status == 0 and self._result:
            found = json.loads(self._result)
            return Stored(int(found["bytes"]), str(found["sha256"]), self._snapshot)
        raise RemoteFailure(
            what,
            on=self._on,
            why="\n".join(self._said)[-1500:] or f"exit status {status}",
            left="the application is as it was",
            do="Look at the guest's free space and at the network, then try again.",
        )


def store(
    repository: Repository,
    guest: Guest,
    directory: str,
    notes: Mapping[str, str],
    about: Mapping[str, str],
    at: datetime,
    size: int,
) -> Stored:
    """A capture's directory into a snapshot that is still marked unfinished.

    about: values of the snapshot's tags; at: its time; size: about how many bytes will come.
    """
    task = {"directory": directory, "notes": dict(notes), "bytes": size}
    words = restic.backup_words(about, at)
    failed = "the captured state cannot be brought into the repository"
    if not repository.is_here:
        return _on_guest(repository, guest, {"verb": "store", **task}, words, failed)
    heard = Heard(guest)
    with _sending(guest, {"verb": "send", **task}, heard) as sender:
        source = sender.process.stdout
        assert source is not None
        with repository.started(words, stdin=source, stdout=subprocess.PIPE) as taker:
            source.close()
            assert taker.process.stdout is not None
            taker.hear(taker.process.stdout, lambda line: heard.line(_as_told(line, size)))
            attend(heard.look, sender, taker)
            if taker.status != 0:
                raise restic.refusal(repository.profile, words, "\n".join(taker.said))
            return heard.stored(sender.status, failed)


def load(
    repository: Repository, guest: Guest, backup: Backup, directory: str, notes: Mapping[str, str]
) -> None:
    """A backup's capture into a new directory on the guest, compared with its checksum. The
    notes stay out of it."""
    expected = {"bytes": backup.bytes, "sha256": backup.sha256}
    task = {"directory": directory, "notes": list(notes), **expected}
    words = restic.dump_words(backup.snapshot)
    failed = "the backup cannot be brought to the guest"
    if not repository.is_here:
        _on_guest(repository, guest, {"verb": "load", **task}, words, failed)
        return
    heard = Heard(guest)
    with _sending(guest, {"verb": "receive", **task}, heard, keep_open=True) as taker:
        sink = taker.process.stdin
        assert sink is not None
        with repository.started(words, stdout=sink) as giver:
            sink.close()
            attend(heard.look, giver, taker)
            if giver.status != 0 and giver.said:
                raise restic.refusal(repository.profile, words, "\n".join(giver.said))
            heard.stored(taker.status, failed)


def _as_told(line: str, total: int) -> str:
    """restic's own line in the words of the program on the guest."""
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if told.get("message_type") == "summary":
        return f"{_SNAPSHOT}{told['snapshot_id']}"
    return f"{_PROGRESS}{int(told.get('bytes_done', 0))} {total}"


def _on_guest(
    repository: Repository, guest: Guest, task: dict[str, Any], words: list[str], failed: str
) -> Stored:
    """By a restic on the guest, straight to or from the repository."""
    place, heard = guest.place, Heard(guest)
    apt.ensure_packages(place, (restic.PROGRAM,))
    told = {
        "argv": restic.command(repository.profile, *words),
        "environment": restic.environment(repository.profile),
        "files": repository.secret_files(),
    }

    def hear(line: str) -> None:
        heard.line(line)
        heard.look()

    completed = place.run_long(
        *("python3", "-I", "-c", carrier()),
        data=json.dumps({**task, "restic": told}).encode() + b"\n",
        timeout=_SECONDS,
        on_line=hear,
    )
    return heard.stored(completed.status, failed)


@contextmanager
def _sending(
    guest: Guest, task: Mapping[str, Any], heard: Heard, *, keep_open: bool = False
) -> Iterator[Running]:
    """The program at work on the guest, its task told; ended with the block.

    keep_open: more follows on its standard input. It holds the guest's lock, so that one that
    outlived its worker is waited for.
    """
    place = guest.place
    lock = ("sh", "-c", scripts.LOCKED, "locked", place.paths.lock, str(LOCK_SECONDS))
    with _ssh(guest) as ssh:
        running = start(
            [*ssh, command_line((*_prefix(guest), *lock, "python3", "-I", "-c", carrier()))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL if keep_open else subprocess.PIPE,
            on_error_line=heard.line,
        )
        try:
            assert running.process.stdin is not None
            _tell(running.process.stdin, task)
            if not keep_open:
                running.process.stdin.close()
            yield running
        finally:
            running.kill()


def _tell(sink: IO[bytes], task: Mapping[str, Any]) -> None:
    try:
        sink.write(json.dumps(task).encode() + b"\n")
        sink.flush()
    except BrokenPipeError:
        return  # ssh has ended; its status and its last words say why


def _prefix(guest: Guest) -> tuple[str, ...]:
    """As the guest's shell runs all commands: as root, where there is one to become."""
    is_root = guest.target.user == "root" or bool(guest.place.facts.root)
    return () if is_root else ("sudo", "-n", "--")


@contextmanager
def _ssh(guest: Guest) -> Iterator[list[str]]:
    """OpenSSH's client for this guest, which knows its host keys and nothing of the user's own
    configuration. Bulk data take this way and not that through Python's SSH, which is slower."""
    target, alias = guest.target, "homeport-guest"
    known = "".join(f"{alias} {' '.join(key.split()[:2])}\n" for key in target.host_keys)
    with ExitStack() as files:
        key = files.enter_context(memory_file(guest.private_key))
        hosts = files.enter_context(memory_file(known))
        options = {
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": hosts,
            "GlobalKnownHostsFile": os.devnull,
            "HostKeyAlias": alias,
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "BatchMode": "yes",
            "ConnectTimeout": str(_CONNECT_SECONDS),
            "ServerAliveInterval": "10",
            "ServerAliveCountMax": "3",
            "Compression": "no",
            "ControlPath": "none",
        }
        words = ["ssh", "-F", "none", "-T", "-i", key, "-p", str(target.port)]
        words += [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        yield [*words, "-l", target.user, "--", target.address]
