"""A repository, used from this machine: what is in it, is it whole, what goes.

The repository itself is the record of its backups, so that they are found again when nothing
else is left of this installation.
"""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from engine.backup import restic
from engine.backup.notes import ABOUT, LONGEST_NOTE, SECRETS, Notes
from engine.backup.processes import Running, attend, start
from engine.errors import InvalidInput, Locked, NotFound, RemoteFailure
from engine.memory_files import memory_file
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile

_CHUNK = 1 << 20
ReadSecret = Callable[[str], str]


def never() -> None:
    """For calls that nobody can ask to stop."""


class Repository:
    """read_secret: a value of the installation's own secrets by its path."""

    def __init__(self, profile: RepositoryProfile, read_secret: ReadSecret) -> None:
        self.profile = profile
        self._read_secret = read_secret

    @property
    def is_here(self) -> bool:
        """Does it lie on this machine, where no guest reaches it?"""
        return self.profile.kind is RepositoryKind.DIRECTORY

    def secret_files(self) -> dict[str, str]:
        """As `restic.secret_files`, with the values that are stored now."""
        is_s3 = self.profile.kind is RepositoryKind.S3
        key = self._read_secret(self.profile.secret_key_path) if is_s3 else ""
        password = self._read_secret(self.profile.password_path)
        return restic.secret_files(self.profile, password, key)

    # what there is

    def make(self) -> None:
        """A new, empty repository; RemoteFailure where there is one."""
        self._run(["init"])

    def open(self) -> None:
        """Nothing, where it is there and opens with its password; NotFound, Denied, ..."""
        self._run(["cat", "config"])

    def backups(self, deployment: str | None = None) -> list[Backup]:
        """Complete ones, newest first; of one deployment by its id, or of all."""
        return self.contents(deployment)[0]

    def contents(self, deployment: str | None = None) -> tuple[list[Backup], list[str]]:
        """As `backups`; and the snapshots that killed attempts left."""
        answer = self._run(["snapshots", "--json", "--no-lock"])
        try:
            complete, unfinished = restic.listed(self.profile, answer)
        except ValueError as error:
            raise InvalidInput(
                "restic's list of snapshots cannot be read", on=self.profile.name, why=str(error)
            ) from error
        left = [
            snapshot
            for of, snapshots in unfinished.items()
            for snapshot in snapshots
            if deployment in (None, of)
        ]
        return [b for b in complete if deployment in (None, b.deployment)], left

    def find(self, name: str, deployment: str | None = None) -> Backup:
        """By its id or an unambiguous beginning of it; the newest for an empty name."""
        found = self.backups(deployment)
        if not found:
            raise NotFound("there is no backup", on=self.profile.name, do="Make one first.")
        matching = [b for b in found if b.id.startswith(name)]
        if name and len(matching) != 1:
            raise NotFound(
                "there is no such backup" if not matching else "this names several backups",
                on=f"{name} in {self.profile.name}",
                why="there are: " + ", ".join(b.id for b in (matching or found)[:10]),
                do="See them all: homeport backups",
            )
        return matching[0]

    def notes(self, backup: Backup) -> Notes:
        """What lies at the beginning of the stream; the rest of it is not read."""
        texts: dict[str, str] = {}
        with self._dumping(backup) as running:
            assert running.process.stdout is not None
            try:
                with tarfile.open(fileobj=running.process.stdout, mode="r|") as archive:
                    for entry in archive:
                        if entry.name not in (ABOUT, SECRETS) or entry.size > LONGEST_NOTE:
                            break
                        file = archive.extractfile(entry)
                        texts[entry.name] = file.read().decode() if file else ""
                        if len(texts) == 2:
                            break
            except (tarfile.TarError, EOFError, UnicodeDecodeError) as error:
                running.has_ended(5)
                said = "\n".join(running.said) or str(error)
                raise restic.refusal(self.profile, ["dump"], said) from error
        return Notes.read(texts, backup)

    # is it whole

    def check(self, *, content: bool, raise_if_cancelled: Callable[[], None] = never) -> None:
        """RemoteFailure, naming what restic found, where something is missing or damaged.

        content: every byte of the repository is read and compared; otherwise its structure
        only: all that is listed is there with the size that it should have.
        """
        words = ["check", *(["--read-data"] if content else [])]
        self._run_alone(words, raise_if_cancelled)

    def read_back(self, backup: Backup, raise_if_cancelled: Callable[[], None] = never) -> None:
        """All of one backup is read out again and compared with the checksum that was taken
        on the guest. RemoteFailure where it differs."""
        digest, size = hashlib.sha256(), 0
        with self._dumping(backup) as running:
            assert running.process.stdout is not None
            while chunk := running.process.stdout.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                raise_if_cancelled()
            attend(raise_if_cancelled, running)
            if running.status != 0:
                raise restic.refusal(self.profile, ["dump"], "\n".join(running.said))
        if (digest.hexdigest(), size) != (backup.sha256, backup.bytes):
            raise RemoteFailure(
                "a backup is not what was stored",
                on=f"{backup.title} in {self.profile.name}",
                why=f"{size} bytes came out, {backup.bytes} went in, or their content differs",
                do="Do not rely on it: make a new backup, and look at the repository's disk.",
            )

    # what changes it

    def finish(self, snapshot: str, size: int, sha256: str) -> None:
        self._run(restic.finish_words(snapshot, size, sha256))

    def forget(
        self,
        snapshots: Sequence[str],
        raise_if_cancelled: Callable[[], None] = never,
        *,
        prune: bool = True,
    ) -> bool:
        """They are gone; False where all were gone already. prune: so is what only they held."""
        if not snapshots:
            return False
        complete, unfinished = self.contents()
        there = {backup.snapshot for backup in complete}.union(unfinished)
        doomed = [snapshot for snapshot in snapshots if snapshot in there]
        if doomed:
            self._run_alone(
                ["forget", *(["--prune"] if prune else []), *doomed], raise_if_cancelled
            )
        return bool(doomed)

    # running it

    @contextmanager
    def started(self, words: Sequence[str], **streams: Any) -> Iterator[Running]:
        """restic at work, with its secrets in memory; ended with the block."""
        with self._secrets() as named:
            told = restic.environment(self.profile) | dict(named)
            running = start(restic.command(self.profile, *words), environment=told, **streams)
            try:
                yield running
            finally:
                running.kill()

    @contextmanager
    def _secrets(self) -> Iterator[Mapping[str, str]]:
        with ExitStack() as open_files:
            yield {
                name: open_files.enter_context(memory_file(text))
                for name, text in self.secret_files().items()
            }

    @contextmanager
    def _dumping(self, backup: Backup) -> Iterator[Running]:
        words = restic.dump_words(backup.snapshot)
        with self.started(words, stdout=subprocess.PIPE) as running:
            yield running

    def _run_alone(self, words: Sequence[str], raise_if_cancelled: Callable[[], None]) -> None:
        """What restic does only while nobody else does anything. A lock whose program is dead
        is taken away (restic knows by itself which those are); others are respected."""
        try:
            self._run(words, raise_if_cancelled=raise_if_cancelled)
        except Locked:
            self._run(["unlock"])
            self._run(words, raise_if_cancelled=raise_if_cancelled)

    def _run(self, words: Sequence[str], *, raise_if_cancelled: Callable[[], None] = never) -> str:
        """Its standard output; the error that fits where it fails."""
        heard: list[str] = []
        with self.started(words, stdout=subprocess.PIPE) as running:
            assert running.process.stdout is not None
            running.hear(running.process.stdout, heard.append)
            attend(raise_if_cancelled, running)
        if running.status != 0:
            said = "\n".join((*restic.errors_found(heard), *running.said))
            raise restic.refusal(self.profile, words, said)
        return "\n".join(heard)
