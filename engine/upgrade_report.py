"""The report of an upgrade's review as a file: text, HTML or JSON, as the file's name ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

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


def write_report(
    file: str, review: Review, *, deployment: str = "", applied: datetime | None = None
) -> Path:
    """Write it, over an older one; only its owner may read it. InvalidInput where that cannot
    be done."""
    target = opened(file, "the report")
    text = report_for(file, review, deployment=deployment, applied=applied)
    with explained("the report was not written", str(target.path)):
        target.write(text, private=True, over=True)
    return target.path
