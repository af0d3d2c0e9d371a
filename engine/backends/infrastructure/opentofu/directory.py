"""A deployment's directory: what the user finds, and beside it where OpenTofu is run.

    calendar-ab12cd34/
      README.md, *.tf.json, .terraform.lock.hcl, terraform.tfstate   the user's to read and keep
      .homeport/    where it is run, the lock of runs, and what was written last

What was applied is published here afterwards, so the directory never promises more than there is.
A file that somebody edited is never overwritten.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import Conflict
from engine.private_files import make_private_directory, write_private

LOCK_FILE = ".terraform.lock.hcl"
_THEIRS = ("*.tf", "*.tf.json", "*.auto.tfvars", "*.auto.tfvars.json", "terraform.tfvars")


class Directory:
    """path: of one deployment at one provider; it need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hidden = path / ".homeport"
        self.run = self.hidden / "run"

    @property
    def lock_file(self) -> Path:
        """Of plug-ins: which were chosen, with their checksums."""
        return self.path / LOCK_FILE

    @property
    def exists(self) -> bool:
        return self.hidden.exists()

    def prepare(self, documents: Mapping[str, str]) -> None:
        """The run's directory holds these documents and the user's own files, and no others."""
        make_private_directory(self.run)
        for stale in {*self.run.glob("*.tf.json"), *self._links()}:
            stale.unlink()
        for name, text in documents.items():
            write_private(self.run / name, text.encode())
        for theirs in self.theirs(documents):
            (self.run / theirs.name).symlink_to(theirs)
        if self.lock_file.exists():
            shutil.copyfile(self.lock_file, self.run / LOCK_FILE)

    def documents(self, names: Iterable[str]) -> dict[str, Any]:
        """Those of these files that were published here, as JSON."""
        written = self._written()
        found = {name: self.path / name for name in names if name in written}
        return {name: json.loads(at.read_bytes()) for name, at in found.items() if at.exists()}

    def publish(self, documents: Mapping[str, str]) -> None:
        """What was applied, in the user's directory; what was written before and is none of these
        goes. Files that were edited were refused before anything was done."""
        before = self._written()
        for name in before:
            if name not in documents:
                (self.path / name).unlink(missing_ok=True)
        for name, text in documents.items():
            write_private(self.path / name, text.encode())
        if (self.run / LOCK_FILE).exists():
            write_private(self.lock_file, (self.run / LOCK_FILE).read_bytes())
        digests = {name: _digest(text.encode()) for name, text in documents.items()}
        write_private(self.hidden / "written.json", json.dumps(digests, indent=2).encode())

    def refuse_edited(self) -> None:
        """Conflict where a file is not as it was written."""
        edited = [name for name, digest in self._written().items() if self._is_edited(name, digest)]
        if edited:
            raise Conflict(
                "files of the deployment's infrastructure were edited",
                on=str(self.path),
                why=f"Homeport wrote {', '.join(edited)}, and would overwrite what you changed",
                left="nothing was changed",
                do="Move what you added into a file of your own beside them (any *.tf there is "
                "heeded), and remove the edited ones: Homeport writes them again.",
            )

    def remove(self) -> None:
        """All that Homeport and OpenTofu wrote; files of the user's own stay, and the directory
        with them."""
        for name in (*self._written(), LOCK_FILE, "terraform.tfstate", "terraform.tfstate.backup"):
            (self.path / name).unlink(missing_ok=True)
        for made in (self.hidden, self.path / ".terraform"):
            shutil.rmtree(made, ignore_errors=True)
        if self.path.exists() and not any(self.path.iterdir()):
            self.path.rmdir()

    def _written(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads((self.hidden / "written.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def _is_edited(self, name: str, digest: str) -> bool:
        try:
            return _digest((self.path / name).read_bytes()) != digest
        except FileNotFoundError:
            return False

    def theirs(self, documents: Iterable[str] = ()) -> list[Path]:
        """Files for OpenTofu that the user put here."""
        ours = {*self._written(), *documents, "backend.tf.json"}
        found = {path for pattern in _THEIRS for path in self.path.glob(pattern)}
        return sorted(path for path in found if path.name not in ours)

    def _links(self) -> list[Path]:
        return [path for path in self.run.iterdir() if path.is_symlink()]


def text_of(document: Mapping[str, Any]) -> str:
    """As a person would lay it out."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
