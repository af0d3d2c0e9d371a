"""The file of a report: written as often as there is news, with nothing of others' overwritten."""

from __future__ import annotations

from pathlib import Path

from engine.errors import Denied
from engine.files_explained import explained, opened


class ReportFile:
    """What was in the file before is kept beside it. InvalidInput where the file cannot be read,
    Denied where it could not be written later.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = opened(name, "the report")
        self._is_ours = self._file.is_new
        if why := self._file.why_not_writable():
            raise Denied(
                "the report could not be written later",
                on=str(self._file.path),
                why=why,
                left="nothing was changed",
                do="Name another file, or have its permissions changed.",
            )

    @property
    def ending(self) -> str:
        """ ".html", for what the report is written as."""
        return Path(self._name).suffix.casefold()

    def write(self, text: str) -> tuple[Path, Path | None]:
        """Write it; only its owner may read it. Its file, and the copy of what was there before,
        where there was something, be it written by somebody else meanwhile."""
        if self._file.is_changed():
            self._file = opened(self._name, "the report")
            self._is_ours = self._file.is_new
        with explained("the report was not written", str(self._file.path)):
            kept_as = None if self._is_ours else self._file.keep_as("orig")
            self._is_ours = True
            self._file.write(text, private=True)
        return self._file.path, kept_as
