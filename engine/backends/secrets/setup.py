"""The guided setup of the sealed file, which has no settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from engine.backends.setup import DriverSetup


class _NoSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")


SEALED = DriverSetup("a sealed file on this machine", _NoSettings)
