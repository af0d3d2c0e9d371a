"""In which order generators run, and what depends on what. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from engine.errors import InvalidInput
from engine.vars.generators import Generator


def in_order(generators: Mapping[str, Generator]) -> list[Generator]:
    """Each after all it depends on, otherwise by name. InvalidInput that shows a cycle."""
    sorter = TopologicalSorter(
        {name: sorted(one.dependencies) for name, one in sorted(generators.items())}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        raise InvalidInput(
            "generators depend on each other in a circle",
            on=str(error.args[1][0]),
            why=" -> ".join(reversed(error.args[1])),
            left="nothing was changed",
            do="Remove one of these dependencies.",
        ) from None
    order: list[Generator] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [generators[name] for name in ready]
        sorter.done(*ready)
    return order


def with_needs(names: Collection[str], generators: Mapping[str, Generator]) -> set[str]:
    """These, and everything that they depend on."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += generators[name].dependencies
    return found


def with_dependents(names: Collection[str], generators: Mapping[str, Generator]) -> set[str]:
    """These, and everything that depends on one of them."""
    found = set(names)
    for generator in in_order(generators):
        if found & set(generator.dependencies):
            found.add(generator.name)
    return found
