"""Where things of a deployment are on a guest. The root prefix is the lab's only difference."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from engine.errors import InvalidInput
from engine.guests.protocols import GuestFacts
from engine.methods.protocols import Installation


@dataclass(frozen=True)
class GuestPaths:
    """Paths of one deployment; `root` is "" on a machine."""

    root: str
    name: str
    release: str
    user: str
    """The system user (and group) that the service runs as; at most 32 characters."""

    @classmethod
    def of(cls, app: Installation, facts: GuestFacts) -> GuestPaths:
        # By id, not by name: useradd(8) allows 32 characters, and a name may have 31 alone.
        return cls(facts.root, app.name, app.release.version, f"hp-{app.deployment}")

    @property
    def base(self) -> str:
        return f"{self.root}/opt/homeport/{self.name}"

    @property
    def release_directory(self) -> str:
        return f"{self.base}/{self.release}"

    @property
    def venv(self) -> str:
        return f"{self.release_directory}/venv"

    @property
    def installed(self) -> str:
        """Written once the release is complete; holds what was installed."""
        return f"{self.release_directory}/installed.txt"

    @property
    def restart_needed(self) -> str:
        """There from before a configuration file changes until the service runs with it; see
        `engine.methods.proven`."""
        return f"{self.base}/restart-needed"

    @property
    def proven(self) -> str:
        """The configuration that last worked, while a newer one has not proven itself."""
        return f"{self.base}/proven"

    @property
    def taken_back(self) -> str:
        """There while `proven` was put back over a configuration that did not work."""
        return f"{self.base}/taken-back"

    @property
    def fenced(self) -> str:
        """The service unit while the deployment is fenced."""
        return f"{self.base}/fenced"

    @property
    def fenced_data(self) -> str:
        """The data while the deployment is fenced; no deployment's name begins with a dot."""
        return f"{self.root}/var/lib/homeport/.fenced/{self.name}"

    @property
    def config(self) -> str:
        return f"{self.root}/etc/homeport/{self.name}"

    @property
    def data(self) -> str:
        return f"{self.root}/var/lib/homeport/{self.name}"

    @property
    def run(self) -> str:
        return f"{self.root}/run/homeport/{self.name}"

    @property
    def unit(self) -> str:
        return f"homeport-{self.name}.service"

    @property
    def systemd(self) -> str:
        """systemd's directory for units of the guest's own."""
        return f"{self.root}/etc/systemd/system"

    @property
    def unit_file(self) -> str:
        return f"{self.systemd}/{self.unit}"

    @property
    def units(self) -> str:
        """The units of its regular work, which are linked into systemd's directory."""
        return f"{self.config}/units"

    def timer(self, name: str) -> str:
        return f"homeport-{self.name}-{name}.timer"

    def job(self, name: str) -> str:
        """What that timer starts."""
        return f"homeport-{self.name}-{name}.service"

    @property
    def stamps(self) -> str:
        """Files whose times are when timers last ran (systemd.timer(5), `Persistent=`)."""
        return f"{self.root}/var/lib/systemd/timers"

    def stamp(self, name: str) -> str:
        return f"{self.stamps}/stamp-{self.timer(name)}"

    @property
    def captures(self) -> str:
        """The deployment's captured state; no deployment's name begins with a dot."""
        return f"{self.root}/var/lib/homeport/.captures/{self.name}"

    def passage(self, name: str) -> str:
        """What a way to or from another guest needs while a move lasts (`engine.state.passage`);
        name: of the move."""
        return f"{self.root}/var/lib/homeport/.passages/{name}"

    @property
    def lock(self) -> str:
        """Held by whoever installs something on this guest."""
        return f"{self.root}/var/lib/homeport/install.lock"

    @property
    def turn_lock(self) -> str:
        """Held by short commands that are run together (`engine.methods.in_turn`)."""
        return f"{self.lock}.turn"

    def within(self, path: str) -> str:
        """The path, if it is one of the deployment's own; InvalidInput otherwise.

        Paths come out of a package; a package may not write elsewhere on the guest.
        """
        own = (self.config, self.data, self.run)
        clean = posixpath.normpath(path)
        if clean != path.rstrip("/") or not any(
            clean == base or clean.startswith(base + "/") for base in own
        ):
            raise InvalidInput(
                "the package names a path outside the deployment's own directories",
                on=path,
                left="nothing was written there",
                do="Correct the package: use {config}, {data} or {run}.",
            )
        return clean
