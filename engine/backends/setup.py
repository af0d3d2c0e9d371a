"""What the guided setup of a provider asks for a driver, and how it helps to answer.

Beside a driver `<service>.<kind>` of the group `homeport.backends`, its package may name a
`DriverSetup` in the group `homeport.setup`, under the same name. The forms come from the JSON
Schema of the driver's settings; what is said here is the order, and what can be looked up at the
service itself. A driver without one is asked for as it is: names and values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from engine.backends.registry import GROUP as DRIVERS
from engine.backends.setup_schema import REFERENCE, Option, options_of
from engine.backends.trust import Trust, with_port
from engine.errors import InvalidInput
from engine.plugins import installed

GROUP = "homeport.setup"

Settings = Mapping[str, Any]
"""A driver's settings as far as they are known; secrets are references."""


@dataclass(frozen=True)
class Choice:
    """A value that the service offers, and what there is to know about it."""

    value: str | int
    title: str = ""


@dataclass(frozen=True)
class Ground:
    """Where the setup stands. provider: its name, also before it is saved."""

    provider: str
    zone: str
    read_secret: Callable[[str], str]


@dataclass(frozen=True)
class Stage:
    """One form. options: by the name that they have in it.

    commands: those of the setup are shown before it. connects: afterwards the certificates of
    the service are compared. offers: the service is asked for what can be chosen.
    """

    title: str
    options: Mapping[str, Option]
    about: str = ""
    commands: bool = False
    connects: bool = False
    offers: bool = False


@dataclass(frozen=True)
class Part:
    """The fields of a settings model that one stage asks for, by their names; the rest as in
    `Stage`."""

    title: str
    fields: tuple[str, ...]
    about: str = ""
    commands: bool = False
    connects: bool = False
    offers: bool = False


class DriverSetup:
    """The setup of a driver whose settings are a pydantic model.

    title: what the driver speaks to. parts: the stages; fields that none of them names follow
    in the last one, references to secrets in the one that has such already.
    compare: how the owner sees the certificate's fingerprint on the service's own host.
    """

    def __init__(
        self,
        title: str,
        model: type[BaseModel] | None,
        *parts: Part,
        compare: str = "",
        proposal: Settings | None = None,
    ) -> None:
        self.title = title
        self.model = model
        self.compare = compare
        self._parts = parts or ((Part(title, ()),) if model and model.model_fields else ())
        self._proposal = dict(proposal or {})

    def proposal(self, zone: str) -> dict[str, Any]:
        """Settings to begin with, for a provider whose names lie in this zone."""
        return dict(self._proposal)

    def stages(self, settings: Settings) -> list[Stage]:
        """What is to be asked, given what is known."""
        if self.model is None:
            return [Stage(self.title, {}, "This driver names its settings in its documentation.")]
        if not self._parts:
            return []
        options = options_of(self.model)
        fields = _distributed(self._parts, options)
        return [
            Stage(
                part.title,
                {option.name: option for option in (options[field] for field in names)},
                part.about,
                part.commands,
                part.connects,
                part.offers,
            )
            for part, names in zip(self._parts, fields, strict=True)
        ]

    def hosts(self, settings: Settings) -> tuple[str, ...]:
        """ "name:port" of every host whose certificate has to be believed."""
        if self.model is None or not issubclass(self.model, Trust) or not settings.get("url"):
            return ()
        return (with_port(str(settings["url"])),)

    def commands(self, settings: Settings) -> str:
        """What its owner runs at the service, so that Homeport has the least rights it needs;
        ready to paste. Empty where there is nothing to do."""
        return ""

    def choices(self, settings: Settings, ground: Ground) -> Mapping[str, list[Choice]]:
        """By option, what the service offers. Asks it; HomeportError where it does not answer."""
        return {}

    def revised(self, before: Settings, after: Settings) -> Settings:
        """Settings after an answer, without what that made meaningless."""
        return after

    def problems(self, settings: Settings) -> list[tuple[str, str]]:
        """What is wrong with settings that were all asked for: (option, or "", and why). No
        value is repeated."""
        if self.model is None:
            return []
        try:
            self.model.model_validate(dict(settings))
        except ValidationError as error:
            names = {field: option.name for field, option in options_of(self.model).items()}
            return [
                (names.get(str(item["loc"][0]), "") if item["loc"] else "", _said(item["msg"]))
                for item in error.errors(include_input=False, include_url=False)
            ]
        return []


def kinds(service: str) -> dict[str, DriverSetup]:
    """The installed drivers of a service, by kind, those with a setup of their own first."""
    prefix = f"{service}."
    names = [name for name in installed(DRIVERS) if name.startswith(prefix)]
    own = installed(GROUP)
    names.sort(key=lambda name: (name not in own, name))
    return {name.removeprefix(prefix): _setup(name) for name in names}


def setup_of(service: str, kind: str) -> DriverSetup:
    """InvalidInput where no such driver is installed."""
    if f"{service}.{kind}" not in installed(DRIVERS):
        known = ", ".join(kinds(service)) or "none"
        raise InvalidInput(
            f"there is no {service} driver called {kind}",
            on=service,
            why=f"installed: {known}",
            do="Choose one of these, or install the driver's package.",
        )
    return _setup(f"{service}.{kind}")


def _setup(name: str) -> DriverSetup:
    point = installed(GROUP).get(name)
    if point is None:
        return DriverSetup(name.partition(".")[2], None)
    found = point.load()
    assert isinstance(found, DriverSetup), f"{point.value} is no DriverSetup"
    return found


def _distributed(parts: tuple[Part, ...], options: Mapping[str, Option]) -> list[list[str]]:
    named = {field for part in parts for field in part.fields}
    fields = [[field for field in part.fields if field in options] for part in parts]
    secret = next(
        (names for names in fields if any(field.endswith(REFERENCE) for field in names)), fields[-1]
    )
    for field in options:
        if field not in named:
            (secret if field.endswith(REFERENCE) else fields[-1]).append(field)
    return fields


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
