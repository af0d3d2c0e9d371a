"""Which OpenBao Clan's store uses, and telling Clan's users what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from engine.errors import HomeportError, InvalidInput
from engine.homeport import Homeport
from engine.model.base import Model
from engine.model.provider import Service

SETTINGS = "homeport.yaml"
"""Beside Clan's flake."""


class ClanSettings(Model):
    """provider: may be left out where only one keeps its secrets in OpenBao."""

    provider: str = ""
    folder: str = Field("main", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


def read_settings(file: Path) -> ClanSettings:
    try:
        return ClanSettings.model_validate(yaml.safe_load(file.read_text()) or {})
    except FileNotFoundError:
        return ClanSettings()
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InvalidInput(
            "the settings of Clan's store cannot be used",
            on=str(file),
            why=str(error),
            do="It may have two lines: 'provider: NAME' and 'folder: NAME'.",
        ) from None


def only_openbao(homeport: Homeport) -> str:
    found = [
        profile.name
        for profile in homeport.providers()
        if profile.backends[Service.SECRETS].kind == "openbao"
    ]
    if len(found) == 1:
        return found[0]
    raise InvalidInput(
        "it is not clear which OpenBao is meant",
        why=f"providers with one: {', '.join(found) or 'none'}",
        left="nothing was read",
        do=f"Write 'provider: NAME' into {SETTINGS} beside Clan's flake; "
        "homeport providers lists them.",
    )


@contextmanager
def told_to_clan(*but: type[HomeportError]) -> Iterator[None]:
    """Our errors as Clan's, which its command line explains; as they are without Clan."""
    try:
        yield
    except but:
        raise
    except HomeportError as error:
        try:
            from clan_lib.errors import ClanError  # type: ignore[import-not-found]
        except ImportError:
            raise error from None
        raise ClanError(str(error), description=f"{error.left}. {error.do}") from error
