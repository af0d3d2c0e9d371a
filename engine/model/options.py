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


class Identity(Model):
    """A person's word that an option of one release is that option of another."""

    application: str
    old_release: str
    new_release: str
    old_path: str
    """Dotted (`forms.paths`)."""
    new_path: str
    """Empty: the option is gone, nothing takes its place."""
    who: str
    at: datetime
