"""What all stored and sent values share: frozen, strict about unknown fields, plain JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A value: compared by content, never changed in place, JSON in and out."""

    model_config = ConfigDict(frozen=True, extra="forbid")
