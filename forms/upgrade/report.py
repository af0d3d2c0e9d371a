"""What an upgrade does to a configuration, as a report: decisions and by whom, what was carried,
what went to the archive, what follows a new default.

The data hold what rows show and nothing else, and no text of them repeats a secret: whoever
decided may have written one into a reason, and a value may hold that of another option.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from forms.model.appearance import HIDDEN
from forms.paths import path_text
from forms.upgrade.decision import Key
from forms.upgrade.review import Review
from forms.upgrade.rows import Row
from forms.upgrade.status import Status

_FORMAT = 1
_UNCHANGED = (Status.SAME, Status.CUSTOM, Status.SECRET)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a review does not know.

    deployment: its name; empty for a configuration in a file. written, applied: times in UTC;
    applied is None as long as the upgrade was not carried out.
    """

    written: datetime
    deployment: str = ""
    applied: datetime | None = None


def report_data(review: Review, facts: Facts) -> dict[str, Any]:
    """The report as JSON values; `forms.upgrade.report_text` and `report_html` show it."""
    rows = list(review.rows())
    decided = [row for row in rows if row.decided]
    yours = [row for row in rows if row.yours and not row.decided and not row.asks]
    return {
        "format": _FORMAT,
        "application": review.application,
        "from": review.releases[0].version,
        "to": review.releases[-1].version,
        "deployment": facts.deployment,
        "written": _time(facts.written),
        "applied": _time(facts.applied),
        "ready": review.ready,
        "counts": {status.value: n for status, n in review.counts().items() if n},
        "open": [_entry(review, row) for row in rows if row.asks],
        "decisions": [_entry(review, row) for row in decided],
        "carried": [_entry(review, row) for row in yours if row.status not in _UNCHANGED],
        "unchanged": [row.path for row in yours if row.status in _UNCHANGED],
        "archived": [
            {
                "option": path_text(one.place),
                "value": review.redacted(_kept(review, one.place)),
                "why": review.redacted(one.why),
            }
            for one in review.archive()
        ],
        "defaults": [
            {
                "option": row.path,
                "was": review.redacted(row.old_default),
                "is": review.redacted(row.new_default),
            }
            for row in _followed(rows)
        ],
        "new": [
            {"option": row.path, "default": review.redacted(row.new_default)} for row in _new(rows)
        ],
        "releases": [
            {"version": release.version, "notes": list(release.notes)}
            for release in review.releases[1:]
        ],
    }


def _followed(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.status is Status.DEFAULT and not row.decided]


def _new(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.status is Status.NEW and not row.decided and not row.asks]


def _entry(review: Review, row: Row) -> dict[str, Any]:
    """One option of the user's, or one that was decided. Empty entries are left out."""
    said = review.said(row.key)
    reasons = review.detail(row.key).why if row.asks or row.decided else ()
    found: dict[str, Any] = {
        "option": row.path,
        "was": row.old_path if row.old_path != row.path else "",
        "status": row.status.value,
        "before": review.redacted(row.yours or row.old_default),
        "after": review.redacted(row.text),
        "decision": said.decision,
        "by": said.by,
        "at": said.at,
        "why": review.redacted(said.why),
        "problem": review.redacted(row.problem),
        "reasons": [review.redacted(reason) for reason in reasons],
    }
    return {name: value for name, value in found.items() if value}


def _kept(review: Review, place: tuple[str | int, ...]) -> str:
    try:
        return review.row(Key("old", place)).yours
    except KeyError:
        return HIDDEN


def _time(when: datetime | None) -> str:
    return "" if when is None else when.isoformat(timespec="seconds")
