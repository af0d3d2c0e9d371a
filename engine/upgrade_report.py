"""The report of an upgrade's review as a file: text, HTML or JSON, as the file's name ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from engine import report_file
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
    """Where the report of one review goes, as often as it is written anew."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = report_file.ReportFile(name)

    def write(
        self, review: Review, *, deployment: str = "", applied: datetime | None = None
    ) -> tuple[Path, Path | None]:
        """As `engine.report_file.ReportFile.write`."""
        return self._file.write(
            report_for(self._name, review, deployment=deployment, applied=applied)
        )
