"""What stands at the beginning of a backup: all that is needed to bring it back elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field, ValidationError

from engine.errors import RemoteFailure
from engine.model.base import Model
from engine.model.repository import Backup
from engine.state.captures import CapturedUnit, Manifest

ABOUT, SECRETS = "homeport/about.json", "homeport/secrets.json"
LONGEST_NOTE = 64 << 20
_SECRET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class About(Model):
    """The deployment as it was, and the manifest of the capture that follows in the stream."""

    format: Literal[1] = 1
    backup: str
    deployment: str
    name: str
    domain: str
    provider: str
    application: str
    release: str
    owner: tuple[int, int] | None = None
    """Numbers of the service's user and group on the guest."""
    account: str = ""
    """User name of the first account."""
    values: dict[str, Any] = Field(default_factory=dict)
    manifest: Manifest


@dataclass(frozen=True)
class Notes:
    """secrets: values by the names that the package gives them."""

    about: About
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def texts(self) -> dict[str, str]:
        """By name in the stream, in their order."""
        about = json.dumps(self.about.model_dump(mode="json"), indent=1, sort_keys=True)
        secrets = json.dumps(dict(self.secrets), indent=1, sort_keys=True)
        return {ABOUT: about + "\n", SECRETS: secrets + "\n"}

    @classmethod
    def read(cls, texts: Mapping[str, str], backup: Backup) -> Notes:
        """RemoteFailure for what no Homeport wrote, or for those of another backup."""
        try:
            about = About.model_validate_json(texts[ABOUT])
            secrets = json.loads(texts[SECRETS])
            if about.backup != backup.id or about.deployment != backup.deployment:
                raise ValueError(f"it says to be backup {about.backup}")
            if not all(_SECRET.fullmatch(k) and isinstance(v, str) for k, v in secrets.items()):
                raise ValueError("its secrets are not names and texts")
            if lost := {u.locator for u in about.manifest.units if _holds_secret(u)} - set(secrets):
                raise ValueError(f"secrets are missing: {', '.join(sorted(lost))}")
        except (KeyError, AttributeError, ValueError) as error:
            why = "it is of a newer Homeport, or damaged"
            if not isinstance(error, ValidationError):
                why = str(error)  # pydantic's text would quote what it read
            raise RemoteFailure(
                "a backup cannot be read",
                on=f"{backup.id} in {backup.repository}",
                why=why,
                left="nothing was changed",
                do="Choose another backup; the recovery sheet says how to look at this one.",
            ) from None
        return cls(about, secrets)


def _holds_secret(unit: CapturedUnit) -> bool:
    return unit.kind == "secrets" and not unit.captured.facts.get("absent")
