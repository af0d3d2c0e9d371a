"""Programs that a package brings along: what has to be done to an application's data around a
move, a restore or an upgrade, and what uses the application so that it writes.

They run on the guest, as the application's user, in a sandbox (`engine.state.programs.sandbox`):
the guest is read-only but for the paths under `writes`, there is no network unless it is needed,
and memory and time are limited. What a program is told comes as one JSON document by standard
input, so that it may hold secrets:

    {"phase": "after-restore", "operation": "migrate", "release": "2.0", "from_release": "1.9",
     "inputs": {...}, "earlier": {"another-script": {"rows": 12}}}

Lines that it prints are its transcript. A line `homeport-result: {"rows": 12}` gives the values
that it declares under `outputs`; they are kept with the operation, and told to its later
scripts. A program that ends with another status than 0 has failed.

Every script can be repeated: run again on what it left, it leaves the same and says the same.
"""

from __future__ import annotations

from typing import Annotated, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import Field

from engine.model.base import Model

Phase = Literal["before-capture", "after-restore", "before-start", "after-start", "after-switch"]
Occasion = Literal["migrate", "backup", "restore", "upgrade"]

OCCURS: dict[Phase, tuple[Occasion, ...]] = {
    "before-capture": ("migrate", "backup", "restore", "upgrade"),
    "after-restore": ("migrate", "restore"),
    "before-start": ("migrate", "restore", "upgrade"),
    "after-start": ("migrate", "restore", "upgrade"),
    "after-switch": ("migrate",),
}
"""In which operations there is such a moment. A rollback and a drill restore, too."""


class ProgramNeeds(Model):
    """What a program is given beyond a processor, and what has to be there."""

    network: bool = False
    """The guest's network, the application's servers and their sockets included."""
    memory_mib: int = Field(512, ge=16)
    commands: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")], ...] = ()
    """Programs that the guest must have in its PATH."""


class GuestProgram(Model):
    """A command in the sandbox. Placeholders are allowed everywhere but in `program` and in
    `outputs`; secrets in `inputs` only."""

    exec: Annotated[tuple[str, ...], Field(min_length=1)]
    """The command. {program} is the file that holds `program`."""
    program: str = ""
    """The text of a script, where the command is not whole without."""
    inputs: dict[str, str] = Field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    """Files and directories below {data} or {run} that it may change; it finds the rest of the
    guest read-only."""
    needs: ProgramNeeds = ProgramNeeds()
    seconds: int = Field(300, ge=1, le=86400)
    """Longest time that it may take; then it is ended, and has failed."""


class MigrationScript(GuestProgram):
    """phase: the moment. before-capture: stopped, and its state not yet captured or copied for
    the last time. after-restore: the state is in its place and compared. before-start: the last
    thing before it starts. after-start: it answers on the guest. after-switch: it answers
    through the public name. In a move, the first three come before the point of no return."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    phase: Phase
    title: str = Field(min_length=1)
    """What it does, for the plan: "Rebuild the search index"."""
    operations: tuple[Occasion, ...] = ("migrate", "restore", "upgrade")
    releases: str = ""
    """Versions that it is for (PEP 440: ">=2.0,<3"), of the release that runs afterwards; before
    a capture, of the one that ran. Empty: all."""
    from_releases: str = ""
    """Versions that the data may come from. Empty: all."""

    def is_for(self, phase: Phase, operation: Occasion, release: str, from_release: str) -> bool:
        return (
            self.phase == phase
            and operation in self.operations
            and _is_within(release, self.releases)
            and _is_within(from_release, self.from_releases)
        )


def _is_within(version: str, versions: str) -> bool:
    """Pre-releases are versions like all others. What is no version is in no range."""
    if not versions:
        return True
    try:
        return SpecifierSet(versions).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False
