"""Options of which the new schema says that they are gone, and why.

`x-removed` at the root of a schema: dotted path of an option of older releases -> what its
authors say about it ("" where they say nothing). Nothing lives on of such an option, so that no
guess is made; what they say is told with the removal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from forms.diff.difference import Difference, Kind
from forms.paths import Path, parse_path
from forms.schema.load import SchemaDocument


def declared_removed(new: SchemaDocument) -> Mapping[Path, str]:
    said = new.root.get("x-removed") if isinstance(new.root, Mapping) else None
    if not isinstance(said, Mapping):
        return {}
    found: dict[Path, str] = {}
    for name, text in said.items():
        try:
            found[tuple(parse_path(str(name)))] = str(text).strip()
        except ValueError:
            continue
    return found


def explained(
    differences: Iterable[Difference], removed: Mapping[Path, str]
) -> Iterator[Difference]:
    """The same, with what is said of a removed option, and without guesses for it."""
    for one in differences:
        if one.kind is not Kind.REMOVED or not removed:
            yield one
            continue
        why = removed.get(one.path, "")
        guesses = tuple(guess for guess in one.guesses if guess.old not in removed)
        yield replace(one, text=f"{one.text}: {why}" if why else one.text, guesses=guesses)
