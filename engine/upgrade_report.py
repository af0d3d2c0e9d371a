"""The report of an upgrade's review as a file: text, HTML or JSON, as the file's name ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Denied
from engine.files_explained import explained, opened
from forms.upgrade import Facts, report_data, report_html, report_text

if TYPE_CHECKING:
    from forms.upgrade import Review


def report_for(
    file: str, review: Review, *, deployment: str = "", applied: datetime | None = None
) -> str:
    """What belongs into a file of that name. No secret is in it.

    applied: when the upgrade was carried out, in UTC; None where it was not.
    """
    data = report_data(review, Facts(datetime.now(UTC), deployment, applied))
    ending = Path(file).suffix.casefold()
    if ending == ".json":
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return report_html(data) if ending in (".html", ".htm") else report_text(data)


class ReportFile:
    """Where the report of one review goes, as often as it is written anew.

    What was in the file before is kept beside it. InvalidInput where the file cannot be read,
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

    def write(
        self, review: Review, *, deployment: str = "", applied: datetime | None = None
    ) -> tuple[Path, Path | None]:
        """Write it; only its owner may read it. Its file, and the copy of what was there before,
        where there was something, be it written by somebody else meanwhile."""
        text = report_for(self._name, review, deployment=deployment, applied=applied)
        if self._file.is_changed():
            self._file = opened(self._name, "the report")
            self._is_ours = self._file.is_new
        with explained("the report was not written", str(self._file.path)):
            kept_as = None if self._is_ours else self._file.keep_as("orig")
            self._is_ours = True
            self._file.write(text, private=True)
        return self._file.path, kept_as
