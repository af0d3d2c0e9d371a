"""Where the files of generators lie in a provider's secrets store.

    vars/PROVIDER/shared/GENERATOR/FILE
    vars/PROVIDER/per-machine/MACHINE/GENERATOR/FILE

and beside them `_record`: what was declared of the files, from what they were made, and whether
all of them are there. It is written before the first file and after the last, so that a kill in
between is seen, and it is all that an export needs. A store that keeps labels has owner, mode
and phase beside each value, too, for other programs that read it.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets as randomness
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, ValidationError

from engine.backends.protocols import HasLabels, Secrets
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model.base import Model
from engine.vars.generators import NAME, Generator, VarFile

RECORD = "_record"
_BINARY = "base64:"
"""Before a value that is not text, as systemd-creds-openbao has it."""
SHARED = "shared"
_PER_MACHINE = "per-machine"


class Record(Model):
    """What a generator left. generation: another one for each time that it ran or that a file
    was set by hand; built_from: that of each dependency."""

    format: Literal[1] = 1
    is_complete: bool = False
    generation: str
    validation: str | None = None
    files: dict[str, VarFile]
    built_from: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """machine: empty for a shared generator."""

    machine: str
    generator: str
    record: Record

    @property
    def placement(self) -> str:
        return placement(self.machine)


def placement(machine: str) -> str:
    """Part of the path; the machine is empty for what is shared. InvalidInput for what is no
    name of a machine."""
    if machine and not re.fullmatch(NAME, machine):
        raise InvalidInput(
            "this is not the name of a machine",
            on=machine[:80],
            why="a name has letters, digits, '_', '-' and '.', and begins with a letter or digit",
            left="nothing was changed",
            do="Correct the name.",
        )
    return f"{_PER_MACHINE}/{machine}" if machine else SHARED


def new_generation() -> str:
    return randomness.token_hex(8)


class VarStore:
    """The generated files of one provider."""

    def __init__(self, secrets: Secrets, provider: str) -> None:
        self._secrets = secrets
        self._top = f"vars/{provider}"

    def record(self, machine: str, generator: str) -> Record | None:
        """Of a generator that ran or began to. Conflict where Homeport did not write it."""
        path = self._path(machine, generator, RECORD)
        try:
            return Record.model_validate_json(self._secrets.get(path))
        except NotFound:
            return None
        except ValidationError:
            raise Conflict(
                "what is known of a generator cannot be read",
                on=path,
                why="it is not a record of this version",
                left="nothing was changed",
                do="It was written by a newer Homeport or by hand. Remove it to have all files of "
                "the generator made anew.",
            ) from None

    def read(self, machine: str, generator: str, file: str) -> bytes:
        """NotFound where there is no such file."""
        return decoded(self._secrets.get(self._path(machine, generator, file)))

    def present(self, machine: str, generator: str) -> set[str]:
        """Names of the files that are there, whatever the record says."""
        top = self._path(machine, generator)
        found = {path.removeprefix(f"{top}/") for path in self._secrets.list(top)}
        return found - {RECORD, top}

    def write(
        self, machine: str, generator: str, record: Record, values: Mapping[str, bytes]
    ) -> None:
        """All files of the generator, in place of those of before, read back. Killed in between,
        its record says that they do not belong together; so it does after the Conflict where
        somebody else writes at the same time."""
        texts = {name: encoded(value) for name, value in values.items()}
        begun = record.model_copy(update={"is_complete": False})
        self._put_record(machine, generator, begun)
        for name, text in texts.items():
            self._secrets.put(self._path(machine, generator, name), text)
        for name in sorted(self.present(machine, generator) - set(values)):
            self._secrets.delete(self._path(machine, generator, name))
        now = self.record(machine, generator)
        if now != begun or any(
            self._secrets.get(self._path(machine, generator, name)) != text
            for name, text in texts.items()
        ):
            self._put_record(machine, generator, begun)
            raise Conflict(
                "a generator was run by somebody else at the same time",
                on=generator,
                why="the files that are stored are not all of one run",
                left="they are marked as not complete",
                do="Agree on who generates, then generate again.",
            )
        self.describe(machine, generator, record.model_copy(update={"is_complete": True}))

    def describe(self, machine: str, generator: str, record: Record) -> None:
        """What is known of files that stay as they are."""
        if isinstance(self._secrets, HasLabels):
            for name, file in record.files.items():
                path = self._path(machine, generator, name)
                self._secrets.label(path, file.labels(generator))
        self._put_record(machine, generator, record)

    def kept(self) -> Iterator[Kept]:
        """Every generator that left something, sorted by placement and name."""
        for path in self._secrets.list(self._top):
            parts = path.removeprefix(f"{self._top}/").split("/")
            if parts[-1] != RECORD:
                continue
            machine = parts[1] if parts[0] == _PER_MACHINE else ""
            record = self.record(machine, parts[-2])
            if record is not None:
                yield Kept(machine, parts[-2], record)

    def relabel(self) -> None:
        """The labels of everything, in a store to which the values were copied."""
        if isinstance(self._secrets, HasLabels):
            for one in list(self.kept()):
                self.describe(one.machine, one.generator, one.record)

    def _put_record(self, machine: str, generator: str, record: Record) -> None:
        self._secrets.put(self._path(machine, generator, RECORD), record.model_dump_json())

    def _path(self, machine: str, *names: str) -> str:
        return "/".join((self._top, placement(machine), *names))


def declared(generator: Generator, built_from: Mapping[str, str]) -> Record:
    """The record of a generator that has just run."""
    return Record(
        generation=new_generation(),
        validation=generator.validation_hash,
        files=generator.outputs,
        built_from=dict(built_from),
    )


def encoded(value: bytes) -> str:
    """As stores of text keep it: text as it is, all else as Base64 behind `base64:`."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = _BINARY
    if text.startswith(_BINARY):
        return _BINARY + base64.b64encode(value).decode()
    return text


def decoded(text: str) -> bytes:
    """InvalidInput where what stands behind `base64:` is not Base64."""
    if not text.startswith(_BINARY):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_BINARY), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            "a value is not what it says",
            why="what follows 'base64:' is not Base64",
            left="nothing was changed",
            do="Set it again, or generate it anew.",
        ) from None
