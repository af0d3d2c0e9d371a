"""A document's file: read once, written in one piece, and never over somebody else's change."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from forms.files.trouble import FileTrouble

_MOST = 64 * 1024 * 1024
"""Bytes that a document may have."""
_BOM = "\ufeff"


class ChangedMeanwhile(FileTrouble):
    """The file on the disk is not the one that was read."""


class FileOnDisk:
    """text: what is in it; empty where it is not there. is_new: it was not there.

    FileTrouble where it cannot be read as text; a missing file is none.
    """

    def __init__(self, name: str | Path) -> None:
        self.path = Path(os.path.abspath(Path(name).expanduser()))
        self._seen = self._read()
        self.is_new = self._seen is None
        try:
            decoded = (self._seen or b"").decode("utf-8")
        except UnicodeDecodeError:
            raise FileTrouble("it is not a text in UTF-8") from None
        self._bom = _BOM if decoded.startswith(_BOM) else ""
        self.text = decoded.removeprefix(_BOM)

    def _read(self) -> bytes | None:
        try:
            with self.path.open("rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise FileTrouble("it is not a regular file")
                content = file.read(_MOST + 1)
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise FileTrouble(str(failure.strerror)) from failure
        if len(content) > _MOST:
            raise FileTrouble(f"it has more than {_MOST >> 20} MiB")
        return content

    def why_not_writable(self) -> str:
        """Why the file cannot be written, as far as can be told before; empty if it can."""
        target = self.path.resolve()
        mode = _mode(target)  # of no use to somebody who may do all, but said all the same
        if mode is not None and not (mode & 0o222 and os.access(target, os.W_OK)):
            return "it is write-protected"
        if not target.parent.is_dir():
            return f"there is no directory {target.parent}"
        if not os.access(target.parent, os.W_OK | os.X_OK):
            return f"the directory {target.parent} cannot be written to"
        return ""

    def is_changed(self) -> bool:
        """Is the file not what it was when it was read or written here?"""
        return self._read() != self._seen

    def write(self, text: str, *, private: bool = False, over: bool = False) -> None:
        """Replace the file in one step; it is on the disk when this returns.

        Mode and owner stay; through a symbolic link, the file that it names is replaced.
        private: nobody else may read the file if it is new. over: replace whatever is there.
        ChangedMeanwhile where somebody else wrote the file; FileTrouble where it cannot be.
        """
        if why := self.why_not_writable():
            raise FileTrouble(why)
        if not over and self.is_changed():
            raise ChangedMeanwhile("somebody else has changed it since it was read")
        data = (self._bom + text).encode("utf-8")
        try:
            _replace(self.path.resolve(), data, private)
        except OSError as failure:
            raise FileTrouble(str(failure.strerror)) from failure
        self._seen, self.text, self.is_new = data, text, False

    def keep_as(self, ending: str) -> Path:
        """Put a copy of the file as it was read beside it, and give its path; a free name is
        found. FileTrouble where that cannot be done."""
        for number in range(1000):
            path = self.path.with_name(f"{self.path.name}.{ending}{number or ''}")
            try:
                with path.open("xb") as file:
                    os.fchmod(file.fileno(), _mode(self.path) or 0o600)
                    file.write(self._seen or b"")
                return path
            except FileExistsError:
                continue
            except OSError as failure:
                raise FileTrouble(str(failure.strerror)) from failure
        raise FileTrouble(f"there are too many files {self.path.name}.{ending}...")


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _replace(path: Path, data: bytes, private: bool) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            _dress(file.fileno(), path, private)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _dress(descriptor: int, path: Path, private: bool) -> None:
    """Give the new file the mode and, where that is allowed, the owner of the old one."""
    try:
        old = path.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o600 if private else 0o666 & ~mask)
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
