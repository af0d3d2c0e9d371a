"""What is remembered of options over releases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.model.base import Model


class ArchivedValue(Model):
    """A value that left a deployment's configuration in an upgrade; secrets are references."""

    operation: str
    deployment: str
    path: str
    """Dotted, as the old release had it."""
    value: Any
    old_release: str
    new_release: str
    at: datetime
