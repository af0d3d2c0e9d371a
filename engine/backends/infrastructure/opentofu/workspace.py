"""One deployment's infrastructure in the hands of OpenTofu: what would be done, and doing it.

A change is planned into a file, compared with what was approved, and then exactly that file is
applied; OpenTofu itself refuses it where the state was written meanwhile. Killed anywhere in
between, the next attempt begins by clearing up: a run that is left is stopped, its lock given back,
a state that could not be stored is stored; a guest that was made but never written down is taken
over by an `import`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.backends.infrastructure.opentofu import declaration
from engine.backends.infrastructure.opentofu.changes import (
    KnownResource,
    TofuPlan,
    known_resources,
    moves,
    read_plan,
    refuse_unapproved,
)
from engine.backends.infrastructure.opentofu.declaration import TOKEN_VARIABLE, DeclaredGuest
from engine.backends.infrastructure.opentofu.directory import LOCK_FILE, Directory, text_of
from engine.backends.infrastructure.opentofu.documents import (
    AUTHORITY,
    Ground,
    cli_configuration,
    declared,
    published,
)
from engine.backends.infrastructure.opentofu.program import Program
from engine.backends.infrastructure.opentofu.states import FILE, FileState, States
from engine.backends.infrastructure.opentofu.turns import turn
from engine.backends.protocols import Progress
from engine.errors import HomeportError
from engine.private_files import exclusive, make_private_directory, write_private

PLAN, ERRORED = "plan.tofu", "errored.tfstate"
_STALE_SECONDS = 3600.0


@dataclass(frozen=True)
class Wanted:
    """The guest that there shall be, None for none; is_there: at the provider, bearing its mark."""

    guest: DeclaredGuest | None
    is_there: bool = False


class Workspace:
    """owner: the mark of the deployment; name: as the user knows it."""

    def __init__(self, ground: Ground, owner: str, name: str = "") -> None:
        self._ground = ground
        self._owner = owner
        deployment = owner.rpartition("-")[2]
        found = sorted(ground.root.glob(f"*-{deployment}"))
        path = found[0] if found else ground.root / f"{name or 'guest'}-{deployment}"
        self._name = name or path.name.removesuffix(f"-{deployment}")
        self.directory = Directory(path)

    def known(self) -> tuple[KnownResource, ...]:
        """What the state knows; nothing is run."""
        return known_resources(self._states(changing=False).read())

    # looking

    def preview(self, wanted: Wanted, progress: Progress) -> TofuPlan:
        """What an apply would do now. Nothing is changed, and no lock is taken. Of a guest that was
        never declared from here no state is asked for."""
        states: States = FileState(self.directory.path / FILE)
        if self.directory.exists or wanted.guest is None:
            states = self._states(changing=False)
        with self._scratch() as scratch, states.opened(scratch.hidden / "held") as environment:
            known = known_resources(states.read())
            program = self._program(scratch, environment)
            self._prepare(scratch, wanted, states, known)
            with _own_trouble(states):
                self._init(scratch, program, progress)
            return self._planned(program, states, progress, locked=False)

    # changing

    def apply(
        self,
        want: Callable[[], Wanted],
        approved: Sequence[Mapping[str, str]] | None,
        progress: Progress,
    ) -> TofuPlan:
        """What was done. PlanChanged, with nothing done, where it is not what was approved. want:
        asked once nothing of an earlier run is at work, as that may have made the guest."""
        directory = self.directory
        directory.refuse_edited()
        states = self._states(changing=True)
        with (
            turn(directory.hidden / "turn", progress) as lock,
            states.opened(directory.hidden / "held-lock.json") as environment,
        ):
            program = self._program(directory, environment, lock)
            self._prepare(directory, Wanted(None), states, ())
            with _own_trouble(states):
                self._init(directory, program, progress)
            self._store_what_was_left(program, states, progress)
            wanted, known = want(), known_resources(states.read())
            self._prepare(directory, wanted, states, known)
            plan = self._planned(program, states, progress)
            refuse_unapproved(
                plan,
                approved,
                own=self._own(wanted, known),
                removes=wanted.guest is None,
                on=directory.path.name,
            )
            if not plan.is_empty:
                for change in plan.changes:
                    progress.log(f"OpenTofu: {change.words}")
                with _own_trouble(states):
                    program.apply(PLAN, len(plan.changes), progress)
            (directory.run / PLAN).unlink()
            texts = published(
                self._ground, wanted.guest, states, name=self._name, owner=self._owner
            )
            directory.publish(texts)
        return plan

    def remove(self) -> None:
        """The deployment's directory goes, unless the user's own resources are in its state."""
        if not self.known():
            self.directory.remove()

    # parts

    def _states(self, *, changing: bool) -> States:
        if self._ground.service is not None:
            return self._ground.service(self._owner, changing)
        return FileState(self.directory.path / FILE)

    @contextmanager
    def _scratch(self) -> Iterator[Directory]:
        """A copy to look with, beside the directories; what a killed look left goes."""
        make_private_directory(self._ground.root)
        for stale in self._ground.root.glob(".look-*"):
            if time.time() - stale.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(stale, ignore_errors=True)
        path = Path(tempfile.mkdtemp(prefix=".look-", dir=self._ground.root))
        try:
            for theirs in (*self.directory.theirs(), self.directory.lock_file):
                if theirs.exists():
                    shutil.copyfile(theirs, path / theirs.name)
            yield Directory(path)
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _program(
        self, directory: Directory, environment: Mapping[str, str], lock: int | None = None
    ) -> Program:
        ground, run = self._ground, directory.run
        for path in (run, ground.cache):
            make_private_directory(path)
        write_private(run / "cli.rc", cli_configuration(ground).encode())
        authority = run / AUTHORITY if ground.proxmox.ca_pem else None
        if authority is not None:
            write_private(authority, ground.proxmox.ca_pem.encode())
        return Program(
            binary=ground.settings.binary,
            directory=run,
            environment={
                **environment,
                "TF_IN_AUTOMATION": "1",
                "TF_INPUT": "0",
                "TF_CLI_CONFIG_FILE": str(run / "cli.rc"),
            },
            variables={TOKEN_VARIABLE: ground.token},
            on=f"{self._name} at {ground.provider}",
            lock=lock,
            authority=authority,
        )

    def _prepare(
        self,
        directory: Directory,
        wanted: Wanted,
        states: States,
        known: Sequence[KnownResource],
    ) -> None:
        documents = declared(self._ground, wanted.guest)
        documents["backend.tf.json"] = {"terraform": {"backend": states.backend}}
        if guest := wanted.guest:
            moved = moves(known, guest.address, str(guest.vmid))
            is_known = moved or any(one.address == guest.address for one in known)
            imported = {guest.address: guest.import_id} if wanted.is_there and not is_known else {}
            if transitions := declaration.transitions(moved, imported):
                documents["transitions.tf.json"] = transitions
        directory.prepare({name: text_of(document) for name, document in documents.items()})

    def _init(self, directory: Directory, program: Program, progress: Progress) -> None:
        """Left out where it was done for the same plug-ins and backend."""
        parts = ("versions.tf.json", "backend.tf.json", "cli.rc")
        wanted = hashlib.sha256(b"".join((directory.run / n).read_bytes() for n in parts))
        stamp = directory.run / "initialised"
        done = stamp.read_text() if stamp.exists() else ""
        if done == wanted.hexdigest() and (directory.run / ".terraform").is_dir():
            return
        lock = directory.run / LOCK_FILE
        pinned = f'"{self._ground.settings.proxmox_version}"'
        is_other = lock.exists() and pinned not in lock.read_text()
        with exclusive(self._ground.cache / "lock"):  # OpenTofu's cache is not safe for two at once
            program.init(progress, upgrade=is_other)
        stamp.write_text(wanted.hexdigest())

    def _store_what_was_left(self, program: Program, states: States, progress: Progress) -> None:
        """A state that an earlier run could not store. One that others have overtaken is kept
        beside: what it knew is at the provider, and is taken over from there."""
        left = program.directory / ERRORED
        if not left.exists():
            return
        progress.log("Storing the state that an earlier run could not store")
        try:
            with _own_trouble(states):
                program.push(ERRORED, progress)
        except HomeportError as error:
            if error.retryable:
                raise
            progress.log(f"It is kept beside, since it does not follow the one stored: {error}")
            left.rename(left.with_name(f"errored-{int(time.time())}.tfstate"))
        else:
            left.unlink()

    def _planned(
        self, program: Program, states: States, progress: Progress, *, locked: bool = True
    ) -> TofuPlan:
        with _own_trouble(states):
            program.plan(PLAN, progress, locked=locked)
        return read_plan(program.show(PLAN, progress))

    def _own(self, wanted: Wanted, known: Sequence[KnownResource]) -> set[str]:
        own = {one.address for one in known if self._owner in one.tags}
        return own | ({wanted.guest.address} if wanted.guest else set())


@contextmanager
def _own_trouble(states: States) -> Iterator[None]:
    """Where the state's service was the cause, it is told in its own words."""
    try:
        yield
    except HomeportError as error:
        trouble = states.trouble()
        if trouble is not None and error.code != "cancelled":
            raise trouble from error
        raise
