"""What people do with repositories: set them up, look into them, have them checked, keep what
opens them somewhere else."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.backends.protocols import Secrets
from engine.backup.repository import Repository
from engine.backup.sheet import recovery_sheet
from engine.backup.standing import Standing, standing_of
from engine.errors import Conflict, HomeportError, NotFound
from engine.model.plan import Intent, Operation
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile
from engine.operations.workplace import Workplace

_VERIFIED = "verify repository {}"
"""How the audit trail says that a repository's contents were all read and are whole."""
_PASSWORD_LENGTH = 32
# Read from paper and typed: no letter or digit that looks like another.
_READABLE = "".join(c for c in string.ascii_letters + string.digits if c not in "0O1lI")


@dataclass(frozen=True)
class Verified:
    """level: "V2" where contents were compared, "V1" where only structure was. compared: the
    backups that were read out whole and had the checksum taken on their guest."""

    repository: str
    level: str
    compared: tuple[Backup, ...]


class RepositoryDesk:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory

    def all(self) -> list[RepositoryProfile]:
        """By name."""
        return self._inventory.repositories.all()

    def get(self, name: str) -> RepositoryProfile:
        """NotFound, naming what there is."""
        return self._inventory.repositories.get(name)

    def add(self, profile: RepositoryProfile, *, password: str = "", secret_key: str = "") -> bool:
        """Set up, or change what is not its place; True where a new repository was made there.

        password: that of a repository which is there already; without one, a new repository
        gets a generated one. NotFound where none is there to be opened, Denied where it does
        not open, Conflict where the name belongs to another place.
        """
        known = next((p for p in self.all() if p.name == profile.name), None)
        if known is not None and known.location != profile.location:
            raise Conflict(
                what="the name belongs to another repository",
                on=f"{profile.name}: {known.location}",
                left="nothing was changed",
                do="Choose another name, or remove that one first; its backups stay there.",
            )
        given = {profile.password_path: password, profile.secret_key_path: secret_key}
        store = self._workplace.installation_secrets()
        with _stored(store, given):
            store.ensure(profile.password_path, _new_password)
            made = self._open_or_make(profile, may_make=not password and known is None)
        self._inventory.repositories.save(profile)
        self._inventory.audit.record(f"add repository {profile.name}", profile.location)
        return made

    def _open_or_make(self, profile: RepositoryProfile, *, may_make: bool) -> bool:
        repository = self.open(profile)
        try:
            repository.open()
        except NotFound:
            if not may_make:
                raise
            repository.make()
            return True
        return False

    def remove(self, name: str) -> None:
        """Homeport does not know it any more. What is in it stays, and can be read by whoever
        has the recovery sheet: the password is forgotten here."""
        profile = self.get(name)
        self._inventory.repositories.remove(name)
        self._workplace.installation_secrets().delete(f"repositories/{profile.name}")
        self._inventory.audit.record(f"remove repository {name}", profile.location)

    def backups(self, deployment: str = "", repository: str = "") -> list[Backup]:
        """Newest first. deployment: name or id, also of one that is not there any more."""
        profiles = [self.get(repository)] if repository else self.all()
        found = [backup for profile in profiles for backup in self.open(profile).backups()]
        found = [b for b in found if deployment in ("", b.name, b.deployment)]
        return sorted(found, key=lambda backup: (backup.at, backup.id), reverse=True)

    def verify(self, backups: list[Backup], repository: str = "") -> list[Verified]:
        """Every byte of the repositories is read and compared, and the newest of these backups
        of each deployment once more as a whole. RemoteFailure where anything is damaged."""
        verified = []
        for profile in [self.get(repository)] if repository else self.all():
            opened = self.open(profile)
            opened.check(content=True)
            newest: dict[str, Backup] = {}
            for backup in backups:
                if backup.repository == profile.name:
                    newest.setdefault(backup.deployment, backup)
            for backup in newest.values():
                opened.read_back(backup)
            verified.append(Verified(profile.name, "V2", tuple(newest.values())))
            self._inventory.audit.record(_VERIFIED.format(profile.name), "all contents")
        return verified

    def standing(self, deployment: str = "", repository: str = "") -> list[Standing]:
        """As `backups`, each with what is known of it: rules, verification, drill."""
        found = self.backups(deployment, repository)
        profiles = {profile.name: profile for profile in self.all()}
        made = {run.id: run for run in self._inventory.operations.all()}
        audit = self._inventory.audit
        read = {name: audit.last(_VERIFIED.format(name)) for name in profiles}
        return standing_of(found, profiles, made, read, self.drills(), datetime.now(UTC))

    def drills(self) -> dict[str, Operation]:
        """The last drill of each backup that had one, by the backup's id: how it ended, when."""
        found: dict[str, Operation] = {}
        for operation in self._inventory.operations.all():
            if operation.plan.intent is Intent.DRILL and operation.status.is_final:
                args = next(s.args for s in operation.plan.steps if "backup" in s.args)
                found.setdefault(str(args["backup"]), operation)
        return found

    def sheet(self, name: str) -> str:
        """The recovery sheet, with the repository's password in it; the audit trail records
        that it was shown."""
        profile = self.get(name)
        store = self._workplace.installation_secrets()
        key = store.get(profile.secret_key_path) if profile.kind is RepositoryKind.S3 else ""
        try:
            backups = self.open(profile).backups()
        except HomeportError:
            backups = []  # the sheet is wanted most when the repository cannot be reached
        self._inventory.audit.record(f"reveal recovery sheet of {name}")
        return recovery_sheet(profile, store.get(profile.password_path), key, backups)

    def open(self, profile: RepositoryProfile) -> Repository:
        return Repository(profile, self._workplace.installation_secrets().get)


@contextmanager
def _stored(store: Secrets, given: Mapping[str, str]) -> Iterator[None]:
    """The values that are given are stored; as it was before where the block fails."""
    before = {path: store.get(path) for path in given if path in store.list(path)}
    for path, value in given.items():
        if value:
            store.put(path, value)
    try:
        yield
    except BaseException:
        for path in given:
            if path in before:
                store.put(path, before[path])
            else:
                store.delete(path)
        raise


def _new_password() -> str:
    return "".join(secrets.choice(_READABLE) for _ in range(_PASSWORD_LENGTH))
