"""Generators: what makes a set of secret or public files, described in a document of the user's.

    generators:
      ca:
        share: true                       # one for all machines
        files:
          key: {}                         # secret, owner root, mode 0400, for services
          cert: {secret: false, mode: "0444"}
        runtime_inputs: [openssl]
        validation: {days: 3650}          # another value: it is made anew
        script: |
          openssl req -x509 -newkey ed25519 -nodes -keyout $out/key -out $out/cert ...
      web:
        dependencies: [ca]                # found as $in/ca/key and $in/ca/cert
        prompts:
          admin: {type: hidden, description: Password of the administrator, persist: true}
        files: {certificate: {secret: false}}
        script: ...                       # finds the answer as $prompts/admin

The words are those of Clan's generators, so that a script written for one serves the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from engine.errors import InvalidInput
from engine.model.base import Model

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME)]
"""Of a generator, file, prompt or machine: one part of a secret's path."""
_Account = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?$")]


class Phase(StrEnum):
    """When a file must be on its machine at the latest."""

    PARTITIONING = "partitioning"
    ACTIVATION = "activation"
    USERS = "users"
    SERVICES = "services"


class PromptType(StrEnum):
    HIDDEN = "hidden"
    LINE = "line"
    MULTILINE = "multiline"
    MULTILINE_HIDDEN = "multiline-hidden"

    @property
    def is_hidden(self) -> bool:
        return self in (PromptType.HIDDEN, PromptType.MULTILINE_HIDDEN)

    @property
    def has_lines(self) -> bool:
        return self in (PromptType.MULTILINE, PromptType.MULTILINE_HIDDEN)


class VarFile(Model):
    """secret: its value is never shown unasked. deploy: False for what only other generators
    need. mode: four octal digits."""

    secret: bool = True
    deploy: bool = True
    needed_for: Phase = Phase.SERVICES
    owner: _Account = "root"
    group: _Account = "root"
    mode: str = Field("0400", pattern=r"^[0-7]{4}$")

    def labels(self, generator: str) -> dict[str, str]:
        """As another program finds it beside the value."""
        return {
            "generator": generator,
            "secret": str(self.secret).lower(),
            "deploy": str(self.deploy).lower(),
            "needed_for": self.needed_for.value,
            "file_owner": self.owner,
            "file_group": self.group,
            "file_mode": self.mode,
        }


class Prompt(Model):
    """persist: the answer is kept, as a secret file of the prompt's name."""

    type: PromptType = PromptType.LINE
    description: str = ""
    persist: bool = False


class Generator(Model):
    name: Name
    files: dict[Name, VarFile] = Field(default_factory=dict)
    prompts: dict[Name, Prompt] = Field(default_factory=dict)
    dependencies: tuple[Name, ...] = ()
    share: bool = False
    runtime_inputs: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.+-]*$")], ...] = ()
    """Programs that the script needs, beside those of coreutils."""
    script: str = ""
    """For bash, ended by the first command that fails."""
    validation: Any = None
    seconds: int = Field(300, ge=1, le=86400)
    """Longest time that the script may take."""

    @field_validator("dependencies")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names))

    @model_validator(mode="after")
    def _makes_something(self) -> Generator:
        if not self.outputs:
            raise ValueError("it has neither files nor a prompt that is kept")
        if not self.script and (made := set(self.files) - self.kept_answers):
            raise ValueError(f"it has no script that could make {', '.join(sorted(made))}")
        return self

    @property
    def kept_answers(self) -> set[str]:
        return {name for name, prompt in self.prompts.items() if prompt.persist}

    @cached_property
    def outputs(self) -> dict[str, VarFile]:
        """Every file that it gives: the declared ones, and the answers that are kept."""
        kept = {name: VarFile() for name in sorted(self.kept_answers)}
        return kept | self.files

    @property
    def validation_hash(self) -> str | None:
        """SHA-256 of the value under `validation` as JSON; None where there is none."""
        if self.validation is None:
            return None
        text = json.dumps(self.validation, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def read_generators(document: Any, on: str) -> dict[str, Generator]:
    """By name. InvalidInput that names each wrong field; it repeats no value."""
    found = document.get("generators") if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping) or not found:
        raise InvalidInput(
            "there are no generators in this document",
            on=on,
            left="nothing was changed",
            do="It needs a map of them by name, under 'generators'. The README shows one.",
        )
    generators, wrong = {}, []
    for name, fields in found.items():
        try:
            if not isinstance(fields, Mapping):
                wrong.append(f"{name}: it is not a map")
                continue
            generators[str(name)] = Generator.model_validate({**fields, "name": str(name)})
        except ValidationError as error:
            wrong += [
                f"{'.'.join(map(str, (name, *item['loc'])))}: {item['msg']}"
                for item in error.errors(
                    include_input=False, include_url=False, include_context=False
                )
            ]
    wrong += _wrong_dependencies(generators, {str(name) for name in found})
    if wrong:
        raise InvalidInput(
            "the generators cannot be used",
            on=on,
            why="\n".join(wrong),
            left="nothing was changed",
            do="Correct these fields and try again.",
        )
    return generators


def _wrong_dependencies(generators: Mapping[str, Generator], known: set[str]) -> list[str]:
    wrong = []
    for generator in generators.values():
        for name in generator.dependencies:
            if name not in known:
                wrong.append(f"{generator.name}.dependencies: there is no generator {name}")
            elif generator.share and name in generators and not generators[name].share:
                wrong.append(
                    f"{generator.name}.dependencies: it is shared and {name} is not, "
                    "so there is not one that it could use"
                )
    return wrong
