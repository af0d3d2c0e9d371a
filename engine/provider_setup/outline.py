"""How far the description of a provider is: a line for each service, for whoever looks on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.backends.setup import DriverSetup
from engine.errors import HomeportError
from engine.model.provider import Service
from engine.provider_setup.draft import REQUIRED, SetupDraft


@dataclass(frozen=True)
class Outlined:
    """kinds: what could serve it, with what each is. kind: what does, "" where that is open.
    said: what tells it from others of its kind."""

    service: Service
    kinds: tuple[tuple[str, str], ...]
    kind: str
    title: str
    said: str
    is_answered: bool
    is_required: bool


@dataclass(frozen=True)
class Outline:
    draft: SetupDraft
    services: tuple[Outlined, ...]


def outline_of(draft: SetupDraft, known: Mapping[Service, Mapping[str, DriverSetup]]) -> Outline:
    """Services that no installed driver serves are left out."""
    return Outline(
        draft, tuple(_outlined(draft, service, found) for service, found in known.items() if found)
    )


def _outlined(draft: SetupDraft, service: Service, found: Mapping[str, DriverSetup]) -> Outlined:
    backend = draft.backends.get(service)
    setup = found.get(backend.kind) if backend is not None else None
    return Outlined(
        service,
        tuple((kind, one.title) for kind, one in found.items()),
        backend.kind if backend is not None else "",
        setup.title if setup is not None else "",
        _said(setup, backend.settings) if setup is not None and backend is not None else "",
        service in draft.answered,
        service in REQUIRED,
    )


def _said(setup: DriverSetup, settings: Mapping[str, Any]) -> str:
    """The first thing that is asked for, which is what a service is known by."""
    try:
        stages = setup.stages({})
    except HomeportError:
        return ""
    for stage in stages:
        for option in stage.options.values():
            value = settings.get(option.place[0])
            if isinstance(value, list | tuple):
                return ", ".join(str(one) for one in value if one)
            return "" if value is None or option.is_secret else str(value)
    return ""
