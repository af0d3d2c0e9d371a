"""The application catalog, and the JSON Schemas of our own file formats, as data.

Nothing but files is in here; this module says where they are once Homeport is installed.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def directory() -> Path:
    """Where the schemas of our own file formats lie (`manifest.schema.json`)."""
    return Path(str(files(__name__)))


def applications() -> Path:
    """The built-in catalog: one directory for each application."""
    return directory() / "applications"
