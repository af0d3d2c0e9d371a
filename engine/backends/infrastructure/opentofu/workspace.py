"""One deployment's infrastructure in the hands of OpenTofu: what would be done, and doing it.

A change is planned into a file, compared with what was approved, and then exactly that file is
applied; OpenTofu itself refuses it where the state was written meanwhile. Killed anywhere in
between, the next attempt begins by clearing up: a run that is left is stopped, its lock given back,
a state that could not be stored is stored; what was made but never written down is taken over by an
`import`.

A change is of one part. The others are declared as they were published last in this directory. That
may be old, or nothing, where another machine has worked on the same state: what a run would do to
other parts is then left out of it (`-target`), never done and never refused.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engine.backends.infrastructure.opentofu.changes import (
    KnownResource,
    ResourceChange,
    TofuPlan,
    known_resources,
    moves,
    read_plan,
    refuse_unapproved,
)
from engine.backends.infrastructure.opentofu.directory import LOCK_FILE, Directory, text_of
from engine.backends.infrastructure.opentofu.documents import (
    AUTHORITIES,
    Ground,
    authorities,
    cli_configuration,
    declared,
    published,
)
from engine.backends.infrastructure.opentofu.parts import (
    PARTS,
    Document,
    Part,
    Plugin,
    Resource,
    kind_of,
    kinds_in,
    plugin_of,
    resources,
    transitions,
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
class _Run:
    """What OpenTofu is run on."""

    program: Program
    plugins: tuple[Plugin, ...]
    documents: Mapping[str, Document]


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

    def preview(self, part: Part, wanted: Sequence[Resource], progress: Progress) -> TofuPlan:
        """What an apply of this part would do now. Nothing is changed, and no lock is taken. Where
        nothing was ever declared from here no state is asked for."""
        states: States = FileState(self.directory.path / FILE)
        if self.directory.exists or not wanted:
            states = self._states(changing=False)
        with self._scratch() as scratch, states.opened(scratch.hidden / "held") as environment:
            run = self._prepared(scratch, part, wanted, states, environment, progress)
            plan = self._planned(run.program, states, progress, locked=False)
        return replace(plan, changes=tuple(c for c in plan.changes if not is_of_other(part, c)))

    # changing

    def apply(
        self,
        part: Part,
        want: Callable[[], Sequence[Resource]],
        owns: Callable[[KnownResource], bool],
        approved: Sequence[Mapping[str, str]] | None,
        progress: Progress,
    ) -> TofuPlan:
        """What was done. PlanChanged, with nothing done, where it is not what was approved. want:
        asked once nothing of an earlier run is at work, as that may have made some of it; nothing
        takes the part away, and the directory with the last one. owns: is a resource that the state
        knows the deployment's?"""
        directory, states = self.directory, self._states(changing=True)
        with (
            turn(directory.hidden / "turn", progress) as lock,
            states.opened(directory.hidden / "held-lock.json") as environment,
        ):
            directory.refuse_edited()
            if (directory.run / ERRORED).exists():
                run = self._prepared(directory, part, (), states, environment, progress, lock)
                self._store_what_was_left(run.program, states, progress)
            wanted, known = want(), known_resources(states.read())
            own = {one.address for one in known if one.kind in part.kinds and owns(one)}
            own |= {one.address for one in wanted}
            run = self._prepared(directory, part, wanted, states, environment, progress, lock)
            plan = self._planned(run.program, states, progress)
            if any(is_of_other(part, change) for change in plan.changes):
                plan = self._planned(run.program, states, progress, targets=sorted(own))
            refuse_unapproved(plan, approved, own=own, removes=not wanted, on=directory.path.name)
            if not plan.is_empty:
                for change in plan.changes:
                    progress.log(f"OpenTofu: {change.words}")
                with _own_trouble(states):
                    run.program.apply(PLAN, len(plan.changes), progress)
            (directory.run / PLAN).unlink()
            directory.publish(
                published(
                    self._ground,
                    run.documents,
                    run.plugins,
                    states,
                    name=self._name,
                    owner=self._owner,
                )
            )
            if not wanted and not known_resources(states.read()):
                directory.remove()
        return plan

    def remove_if_empty(self, progress: Progress) -> None:
        """What a removal that was killed at its end left."""
        if self.directory.exists and not self.known():
            with turn(self.directory.hidden / "turn", progress):
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

    def _prepared(
        self,
        directory: Directory,
        part: Part,
        wanted: Sequence[Resource],
        states: States,
        environment: Mapping[str, str],
        progress: Progress,
        lock: int | None = None,
    ) -> _Run:
        """The directory is ready to plan in."""
        known = known_resources(states.read())
        parts = self.directory.documents(p.file for p in PARTS if p != part)
        if wanted:
            parts[part.file] = resources(wanted)
        ours = {kind for one in PARTS for kind in one.kinds} & {one.kind for one in known}
        ours.update(part.kinds, *(kinds_in(document) for document in parts.values()))
        plugins = self._ground.with_plugins(map(plugin_of, ours))
        documents = declared(plugins, parts)
        for_run = {**documents, "backend.tf.json": {"terraform": {"backend": states.backend}}}
        if changed := transitions_of(wanted, known):
            for_run["transitions.tf.json"] = changed
        directory.prepare({name: text_of(document) for name, document in for_run.items()})
        program = self._program(directory, plugins, environment, lock)
        with _own_trouble(states):
            self._init(directory, program, plugins, progress)
        return _Run(program, plugins, documents)

    def _program(
        self,
        directory: Directory,
        plugins: Sequence[Plugin],
        environment: Mapping[str, str],
        lock: int | None,
    ) -> Program:
        ground, run = self._ground, directory.run
        make_private_directory(ground.cache)
        write_private(run / "cli.rc", cli_configuration(ground).encode())
        trusted = authorities(plugins)
        if trusted:
            write_private(run / AUTHORITIES, trusted.encode())
        return Program(
            binary=ground.settings.binary,
            directory=run,
            environment={
                **environment,
                "TF_IN_AUTOMATION": "1",
                "TF_INPUT": "0",
                "TF_CLI_CONFIG_FILE": str(run / "cli.rc"),
            },
            variables={k: v.read() for one in plugins for k, v in one.secrets.items()},
            on=f"{self._name} at {ground.provider}",
            lock=lock,
            authority=run / AUTHORITIES if trusted else None,
        )

    def _init(
        self, directory: Directory, program: Program, plugins: Sequence[Plugin], progress: Progress
    ) -> None:
        """Left out where it was done for the same plug-ins and backend."""
        parts = ("versions.tf.json", "backend.tf.json", "cli.rc")
        wanted = hashlib.sha256(b"".join((directory.run / n).read_bytes() for n in parts))
        stamp = directory.run / "initialised"
        done = stamp.read_text() if stamp.exists() else ""
        if done == wanted.hexdigest() and (directory.run / ".terraform").is_dir():
            return
        lock = directory.run / LOCK_FILE
        locked = lock.read_text() if lock.exists() else ""
        is_other = any(
            f'/{p.source}"' in locked and f'"{p.version}"' not in locked for p in plugins
        )
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
        self,
        program: Program,
        states: States,
        progress: Progress,
        *,
        locked: bool = True,
        targets: Sequence[str] = (),
    ) -> TofuPlan:
        with _own_trouble(states):
            program.plan(PLAN, progress, locked=locked, targets=targets)
        return read_plan(program.show(PLAN, progress))


def is_of_other(part: Part, change: ResourceChange) -> bool:
    """Of another part than this one; what the user declares besides is of none."""
    kind = kind_of(change.address)
    return any(kind in other.kinds for other in PARTS if other != part)


def transitions_of(wanted: Sequence[Resource], known: Sequence[KnownResource]) -> Document:
    """What the state calls otherwise is moved; what is there and not in it is taken over."""
    moved, imported = {}, {}
    addresses = {one.address for one in known}
    for one in wanted:
        previous = moves(known, one.address, one.key)
        moved.update(previous)
        if one.is_there and one.import_id and not previous and one.address not in addresses:
            imported[one.address] = one.import_id
    return transitions(moved, imported)


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
