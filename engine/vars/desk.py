"""What people do with generated files: see what must be made and why, make it, look at it, set it
by hand, take it elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from engine.errors import Conflict, InvalidInput, NotFound, PlanChanged
from engine.operations.workplace import Workplace
from engine.private_files import exclusive
from engine.vars.checking import Finding, Selection, found_wanting, generations
from engine.vars.generators import Generator, Prompt
from engine.vars.sandbox import MOST_BYTES, run_generator
from engine.vars.store import Kept, VarStore, declared
from engine.vars.transfer import Exported, exported, restored

Ask = Callable[[Generator, str, Prompt, bool], bytes | None]
"""The answer to a prompt; None to keep the one that is stored, where the last argument says that
there is one."""


class VarsDesk:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    def kept(self, provider: str) -> list[Kept]:
        """What was generated for the provider, by placement and name."""
        return list(self._store(provider).kept())

    def read(self, provider: str, machine: str, generator: str, file: str) -> bytes:
        """One file. NotFound names those that there are."""
        store = self._store(provider)
        present = store.present(machine, generator)
        if file not in present:
            raise NotFound(
                "there is no such generated file",
                on=f"{generator}/{file}",
                why=f"there are: {', '.join(sorted(present))}" if present else "",
                do="List them: homeport vars list. Generate: homeport vars generate",
            )
        value = store.read(machine, generator, file)
        record = store.record(machine, generator)
        if record is None or file not in record.files or record.files[file].secret:
            self._audit("read", provider, machine, f"{generator}/{file}")
        return value

    def check(
        self, provider: str, selection: Selection, wanted: Collection[str] = (), anew: bool = False
    ) -> list[Finding]:
        """What `generate` would make, in its order; empty where everything is as declared.

        wanted: only these, what they need and what depends on them; all where it is empty. anew:
        those that are wanted, too, where nothing is wrong with them.
        """
        return found_wanting(self._store(provider), selection, wanted, anew)

    def generate(
        self,
        provider: str,
        selection: Selection,
        approved: Collection[Finding],
        ask: Ask,
        told: Callable[[Finding], None] = lambda finding: None,
        wanted: Collection[str] = (),
        anew: bool = False,
    ) -> None:
        """Make what `check` found. PlanChanged where it would find something else now. All
        questions are asked before the first script runs; each generator is stored once it is
        whole, and what comes after it needs another run if one fails."""
        with self._alone():
            if list(approved) != self.check(provider, selection, wanted, anew):
                raise PlanChanged(
                    "other files are to be generated than were approved",
                    on=provider,
                    why="something was generated, set or removed since",
                    left="nothing was changed",
                    do="Look again at what is to be done.",
                )
            store = self._store(provider)
            answers = {
                finding.generator: self._answers(selection, finding, store, ask)
                for finding in approved
                if not finding.only_described
            }
            for finding in approved:
                generator = selection.generators[finding.generator]
                if finding.only_described:
                    _describe(store, finding.machine, generator)
                else:
                    _make(store, selection, generator, answers[generator.name])
                self._audit("generate", provider, finding.machine, generator.name)
                told(finding)

    def set(
        self, provider: str, selection: Selection, generator: str, file: str, value: bytes
    ) -> None:
        """Put a value of the user's in the place of what is generated. All that depends on it
        is made anew by the next `generate`."""
        declared_one = selection.generator(generator)
        if file not in declared_one.outputs:
            raise InvalidInput(
                "the generator does not declare this file",
                on=f"{generator}/{file}",
                why=f"it declares: {', '.join(sorted(declared_one.outputs))}",
                left="nothing was changed",
                do="Declare it first, or correct the name.",
            )
        if len(value) > MOST_BYTES:
            raise InvalidInput(
                "the value is too large",
                on=f"{generator}/{file}",
                why=f"it has {len(value)} bytes; {MOST_BYTES} are the most",
                left="nothing was changed",
                do="Keep large files elsewhere, and their key here.",
            )
        machine = selection.machine_of(generator)
        with self._alone():
            store = self._store(provider)
            before = store.record(machine, generator)
            if before is not None and not before.is_complete:
                raise Conflict(
                    "the generator was stopped before all of its files were stored",
                    on=generator,
                    left="nothing was changed",
                    do="Generate first: homeport vars generate. Then set the value.",
                )
            names = store.present(machine, generator) & set(declared_one.outputs)
            values = {name: store.read(machine, generator, name) for name in names}
            values[file] = value
            record = declared(declared_one, generations(store, selection, declared_one))
            if before is not None:
                built_from = {"built_from": before.built_from, "validation": before.validation}
                record = record.model_copy(update=built_from)
            store.write(machine, generator, record, values)
        self._audit("set", provider, machine, f"{generator}/{file}")

    def export(self, provider: str, machine: str = "", *, with_secrets: bool) -> Exported:
        """Everything that is kept, or what one machine has and what is shared."""
        store = self._store(provider)
        kept = [one for one in store.kept() if not machine or one.machine in ("", machine)]
        found = exported(store, kept, with_secrets=with_secrets)
        if with_secrets:
            self._audit("export", provider, machine, f"{len(kept)} generators")
        return found

    def plan_import(self, provider: str, document: Exported) -> list[Finding]:
        """What an import would store: all that is not there, or there with other values."""
        store = self._store(provider)
        found = []
        for one in document.generators:
            record, values = restored(one)
            now = store.record(one.machine, one.generator)
            if now is None:
                found.append(_finding(one.machine, one.generator, "it is not there yet"))
            elif now != record or any(
                name not in store.present(one.machine, one.generator)
                or store.read(one.machine, one.generator, name) != value
                for name, value in values.items()
            ):
                found.append(_finding(one.machine, one.generator, "it takes the place of another"))
        return found

    def import_(self, provider: str, document: Exported, approved: Collection[Finding]) -> None:
        """Store what `plan_import` found; nothing that is there and not named is touched."""
        with self._alone():
            if list(approved) != self.plan_import(provider, document):
                raise PlanChanged(
                    "other files are to be imported than were approved",
                    on=provider,
                    left="nothing was changed",
                    do="Look again at what is to be done.",
                )
            store = self._store(provider)
            chosen = {(finding.machine, finding.generator) for finding in approved}
            for one in document.generators:
                if (one.machine, one.generator) in chosen:
                    store.write(one.machine, one.generator, *restored(one))
                    self._audit("import", provider, one.machine, one.generator)

    # parts

    def _answers(
        self, selection: Selection, finding: Finding, store: VarStore, ask: Ask
    ) -> dict[str, bytes]:
        generator = selection.generators[finding.generator]
        present = store.present(finding.machine, generator.name)
        answers = {}
        for name, prompt in generator.prompts.items():
            is_stored = prompt.persist and name in present
            answer = ask(generator, name, prompt, is_stored)
            if answer is None and is_stored:
                answer = store.read(finding.machine, generator.name, name)
            if answer is None:
                raise InvalidInput(
                    "a prompt has no answer",
                    on=f"{generator.name}/{name}",
                    left="nothing was changed",
                    do=f"Give it by file: --prompt {generator.name}/{name}=FILE",
                )
            answers[name] = answer
        return answers

    def _store(self, provider: str) -> VarStore:
        profile = self._workplace.inventory.providers.get(provider)
        return VarStore(self._workplace.backends(profile).secrets, profile.name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with exclusive(self._workplace.paths.state / "vars" / "lock"):
            yield

    def _audit(self, what: str, provider: str, machine: str, detail: str) -> None:
        place = f"{provider}, {machine}" if machine else provider
        self._workplace.inventory.audit.record(f"vars {what}", f"{detail} at {place}")


def _finding(machine: str, generator: str, why: str) -> Finding:
    return Finding(machine=machine, generator=generator, why=why)


def _make(
    store: VarStore, selection: Selection, generator: Generator, answers: Mapping[str, bytes]
) -> None:
    inputs: dict[str, dict[str, bytes]] = {}
    for name in generator.dependencies:
        place, outputs = selection.machine_of(name), selection.generators[name].outputs
        inputs[name] = {file: store.read(place, name, file) for file in outputs}
    record = declared(generator, generations(store, selection, generator))
    values = run_generator(generator, answers, inputs)
    store.write(selection.machine_of(generator.name), generator.name, record, values)


def _describe(store: VarStore, machine: str, generator: Generator) -> None:
    record = store.record(machine, generator.name)
    if record is None:
        raise Conflict(
            "what is known of a generator has gone",
            on=generator.name,
            left="its files were not touched",
            do="Check again: homeport vars check",
        )
    store.describe(machine, generator.name, record.model_copy(update={"files": generator.outputs}))
