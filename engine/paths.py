"""Where Homeport keeps its files: state, configuration and the lab, each for one user.

The layout follows the XDG base directory specification; `HOMEPORT_HOME` puts all of it
under one directory instead, which tests, demos and a second installation use.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Directories of one installation. None of them need exist yet."""

    state: Path
    """Inventory and journal (homeport.db), sealed secrets, worker lock and logs."""
    config: Path
    """User's configuration, and the key of the sealed secrets (apart from the state)."""
    lab: Path
    """The lab's own state; the engine never reads it, it talks to the lab's services."""

    @classmethod
    def from_environment(cls, environ: dict[str, str] | None = None) -> Paths:
        env = os.environ if environ is None else environ
        if home := env.get("HOMEPORT_HOME"):
            base = Path(home).expanduser().absolute()
            return cls(state=base / "state", config=base / "config", lab=base / "lab")
        user = Path(env.get("HOME", "~")).expanduser()
        state = Path(env.get("XDG_STATE_HOME") or user / ".local" / "state")
        config = Path(env.get("XDG_CONFIG_HOME") or user / ".config")
        data = Path(env.get("XDG_DATA_HOME") or user / ".local" / "share")
        return cls(
            state=state / "homeport", config=config / "homeport", lab=data / "homeport" / "lab"
        )

    @property
    def database(self) -> Path:
        return self.state / "homeport.db"

    def ensure(self) -> Paths:
        """Make the directories, readable by their owner only."""
        for directory in (self.state, self.config):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
        return self
