"""A provider as far as it has been described: kept between two sittings, never used to deploy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from engine.backends.registry import why_invalid
from engine.backends.setup_schema import Option
from engine.errors import InvalidInput
from engine.model.base import Model
from engine.model.provider import BackendProfile, GuestAccess, ProviderProfile, Service

REFERENCE = "secret:"
REQUIRED = (
    Service.HYPERVISOR,
    Service.ADDRESSES,
    Service.DNS,
    Service.SECRETS,
    Service.CERTIFICATES,
)
"""Services without which nothing can be deployed; others may be left out."""
NAME = r"^[a-z][a-z0-9-]{0,30}$"
ZONE = r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*$"

ABOUT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "What people see beside its name."},
        "zone": {
            "type": "string",
            "pattern": ZONE,
            "description": "The DNS zone in which deployments get their names, without a dot at "
            "its end.",
            "examples": ["example.org", "apps.example.org"],
        },
        "access": {
            "type": "object",
            "description": "How guests are reached, where it is not the usual way.",
            "properties": {
                "user": {"type": "string", "default": "root", "description": "Who logs in."},
                **{
                    name: {"type": "integer", "minimum": 1, "maximum": 65535, "default": port}
                    for name, port in (("ssh_port", 22), ("http_port", 80), ("https_port", 443))
                },
            },
        },
    },
    "required": ["zone"],
    "additionalProperties": False,
}
"""The form of what belongs to no service."""


class SetupDraft(Model):
    """Settings hold references in place of secrets, as those of a profile do.

    revises: it is a change to a provider that there is. answered: services whose questions
    have all been answered.
    """

    name: str = Field(pattern=NAME)
    title: str = ""
    zone: str = ""
    method: str = "debian"
    access: GuestAccess = GuestAccess()
    backends: dict[Service, BackendProfile] = Field(default_factory=dict)
    infrastructure: BackendProfile | None = None
    answered: tuple[Service, ...] = ()
    revises: bool = False

    @classmethod
    def of(cls, profile: ProviderProfile) -> SetupDraft:
        told = profile.model_dump()
        return cls(**told, answered=tuple(profile.backends), revises=True)

    def settings(self, service: Service) -> Mapping[str, Any]:
        backend = self.backends.get(service)
        return backend.settings if backend is not None else {}

    def with_settings(self, service: Service, settings: Mapping[str, Any]) -> SetupDraft:
        backend = self.backends[service].model_copy(update={"settings": dict(settings)})
        return self.model_copy(update={"backends": self.backends | {service: backend}})

    def missing(self) -> list[str]:
        """What has to be said yet before it can be tried, in order."""
        lacking = [] if self.zone else ["its zone"]
        wanted = [*REQUIRED, *(service for service in self.backends if service not in REQUIRED)]
        return lacking + [service.value for service in wanted if service not in self.answered]

    def profile(self) -> ProviderProfile:
        """InvalidInput, naming what has not been answered yet."""
        if lacking := self.missing():
            raise InvalidInput(
                "the provider is not described yet",
                on=self.name,
                why=f"not answered: {', '.join(lacking)}",
                left="what was answered is kept as a draft",
                do=f"Go on with: homeport providers add {self.name}",
            )
        try:
            return ProviderProfile.model_validate(self.model_dump(exclude={"answered", "revises"}))
        except ValidationError as error:
            why = why_invalid(error)
            raise InvalidInput("the provider cannot be used", on=self.name, why=why) from None


def answers_in(options: Mapping[str, Option], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a stage's form; secrets are left out."""
    document: dict[str, Any] = {}
    for name, option in options.items():
        found = _at(settings, option.place)
        if found is not None and not option.is_secret:
            document[name] = found
    return document


def held_in(options: Mapping[str, Option], settings: Mapping[str, Any]) -> list[str]:
    """The secrets among a stage's options that have a value already."""
    return [
        name
        for name, option in options.items()
        if option.is_secret and _at(settings, option.place) is not None
    ]


def with_answers(
    options: Mapping[str, Option], settings: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    """Settings with a stage's answers: what is not in the document is taken out. document: with
    a reference for each secret that was given; one that is not in it keeps what it has."""
    changed = {key: _copied(value) for key, value in settings.items()}
    for name, option in options.items():
        if name in document:
            _put(changed, option.place, document[name])
        elif not option.is_secret:
            _take_out(changed, option.place)
    if not options:
        return dict(document)
    return changed


def references(settings: Any) -> list[str]:
    """Paths of all secrets that the settings refer to."""
    if isinstance(settings, Mapping):
        return [path for value in settings.values() for path in references(value)]
    if isinstance(settings, list | tuple):
        return [path for value in settings for path in references(value)]
    if isinstance(settings, str) and settings.startswith(REFERENCE):
        return [settings.removeprefix(REFERENCE)]
    return []


def renamed(settings: Any, paths: Mapping[str, str]) -> Any:
    """The settings with other paths for their secrets."""
    if isinstance(settings, Mapping):
        return {key: renamed(value, paths) for key, value in settings.items()}
    if isinstance(settings, list | tuple):
        return [renamed(value, paths) for value in settings]
    if isinstance(settings, str) and settings.startswith(REFERENCE):
        path = settings.removeprefix(REFERENCE)
        return REFERENCE + paths.get(path, path)
    return settings


def _at(settings: Any, place: tuple[str, ...]) -> Any:
    for part in place:
        settings = settings.get(part) if isinstance(settings, Mapping) else None
    return settings


def _put(settings: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for part in place[:-1]:
        settings = settings.setdefault(part, {})
    settings[place[-1]] = value


def _take_out(settings: dict[str, Any], place: tuple[str, ...]) -> None:
    for part in place[:-1]:
        settings = settings.get(part, {})
    settings.pop(place[-1], None)


def _copied(value: Any) -> Any:
    return (
        {key: _copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value
    )
