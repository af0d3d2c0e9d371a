"""Generated files as one document, to be kept or taken to another store.

It carries what is known of each generator as well, so that an import does not lead to making
everything anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import ValidationError

from engine.errors import InvalidInput, NotReady
from engine.model.base import Model
from engine.vars.generators import Name
from engine.vars.store import Kept, Record, VarStore, decoded, encoded


class ExportedGenerator(Model):
    """values: text, or Base64 behind `base64:`; null for a secret that was left out."""

    machine: Name | Literal[""] = ""
    generator: Name
    record: Record
    values: dict[Name, str | None]


class Exported(Model):
    format: Literal["homeport-vars-1"] = "homeport-vars-1"
    generators: tuple[ExportedGenerator, ...]


def exported(store: VarStore, kept: Iterable[Kept], *, with_secrets: bool) -> Exported:
    """Of each generator the files that are there. NotReady where, with their values, they are
    not all there: nobody should take that for a copy."""
    return Exported(
        generators=tuple(_exported(store, one, with_secrets=with_secrets) for one in kept)
    )


def _exported(store: VarStore, one: Kept, *, with_secrets: bool) -> ExportedGenerator:
    present = store.present(one.machine, one.generator)
    is_whole = one.record.is_complete and present >= set(one.record.files)
    if with_secrets and not is_whole:
        raise NotReady(
            "the files of a generator are not all there",
            on=f"{one.generator} at {one.placement}",
            left="nothing was exported",
            do="Generate first: homeport vars generate",
        )
    values = {
        name: encoded(store.read(one.machine, one.generator, name))
        if with_secrets or not file.secret
        else None
        for name, file in sorted(one.record.files.items())
        if name in present
    }
    return ExportedGenerator(
        machine=one.machine, generator=one.generator, record=one.record, values=values
    )


def read_export(document: Any, on: str) -> Exported:
    """InvalidInput that names each wrong field, without its value, and where one is left out."""
    try:
        found = Exported.model_validate(document)
    except ValidationError as error:
        why = "\n".join(
            f"{'.'.join(map(str, item['loc'])) or 'the file'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise _unusable(on, why) from None
    for one in found.generators:
        if not one.record.is_complete:
            raise _unusable(on, f"{one.generator} was not complete; generate, and export again")
        for name, value in one.values.items():
            if name not in one.record.files:
                raise _unusable(on, f"{one.generator}/{name} is not described")
            if value is None:
                raise _unusable(on, f"the value of {one.generator}/{name} was left out")
    return found


def restored(one: ExportedGenerator) -> tuple[Record, dict[str, bytes]]:
    """What `VarStore.write` takes."""
    return one.record, {name: decoded(text or "") for name, text in one.values.items()}


def _unusable(on: str, why: str) -> InvalidInput:
    return InvalidInput(
        "this is not an export of generated files that could be imported",
        on=on,
        why=why,
        left="nothing was changed",
        do="Make one: homeport vars export --provider NAME --output FILE",
    )
