"""What has to be generated, and why. Reads the store and changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.errors import InvalidInput, NotFound
from engine.model.base import Model
from engine.vars.generators import Generator
from engine.vars.graph import in_order, with_dependents, with_needs
from engine.vars.store import VarStore


class Finding(Model):
    """A generator that is not as it is declared. only_described: its files stay, and what is
    known of them (owner, mode, phase) is put right."""

    machine: str
    generator: str
    why: str
    only_described: bool = False


@dataclass(frozen=True)
class Selection:
    """Generators for one machine; its name may be empty where all that are used are shared."""

    generators: Mapping[str, Generator]
    machine: str = ""

    def machine_of(self, name: str) -> str:
        """Empty for a shared one. InvalidInput where a machine must be named."""
        if self.generators[name].share:
            return ""
        if not self.machine:
            raise InvalidInput(
                "a machine must be named",
                on=name,
                why="this generator makes files for each machine, it is not shared",
                left="nothing was changed",
                do="Say which: --machine NAME",
            )
        return self.machine

    def generator(self, name: str) -> Generator:
        if name not in self.generators:
            raise NotFound(
                "there is no such generator",
                on=name,
                why=f"there are: {', '.join(sorted(self.generators))}",
                do="Check the name, and the file that describes the generators.",
            )
        return self.generators[name]


def found_wanting(
    store: VarStore, selection: Selection, wanted: Collection[str] = (), anew: bool = False
) -> list[Finding]:
    """Generators that are not as declared, in the order in which they run; see
    `engine.vars.desk.VarsDesk.check`."""
    names = {selection.generator(name).name for name in wanted} or set(selection.generators)
    scope = with_needs(with_dependents(names, selection.generators), selection.generators)
    found: dict[str, Finding] = {}
    for generator in in_order(selection.generators):
        if generator.name not in scope:
            continue
        machine = selection.machine_of(generator.name)
        remade = [
            dep for dep in generator.dependencies if dep in found and not found[dep].only_described
        ]
        if remade:
            why = f"it depends on {remade[0]}, which is made anew"
        else:
            why = _fault(generator, machine, store, selection)
        if not why and anew and generator.name in names:
            why = "it was asked for"
        if why:
            found[generator.name] = Finding(machine=machine, generator=generator.name, why=why)
        elif (record := store.record(machine, generator.name)) and (
            record.files != generator.outputs
        ):
            found[generator.name] = Finding(
                machine=machine,
                generator=generator.name,
                why="owner, mode or phase of a file is declared differently",
                only_described=True,
            )
    return list(found.values())


def _fault(generator: Generator, machine: str, store: VarStore, selection: Selection) -> str:
    """Why it has to run; empty where it does not."""
    record = store.record(machine, generator.name)
    if record is None:
        return "it never ran"
    if not record.is_complete:
        return "it was stopped before all of its files were stored"
    missing = sorted(set(generator.outputs) - store.present(machine, generator.name))
    if missing:
        return f"{missing[0]} is not there"
    if record.validation != generator.validation_hash:
        return "its validation has another value"
    for name, generation in generations(store, selection, generator).items():
        if record.built_from.get(name) != generation:
            return f"{name} has changed since"
    return ""


def generations(store: VarStore, selection: Selection, generator: Generator) -> dict[str, str]:
    """Of its dependencies, as far as they ran."""
    found = {}
    for name in generator.dependencies:
        record = store.record(selection.machine_of(name), name)
        if record is not None:
            found[name] = record.generation
    return found
