"""The review of an upgrade for a configuration in a file, without any deployment: where the values
come from, where they and the decisions go, and the draft in between.

The same for the interface and for the command line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Denied, InvalidInput, NotFound
from engine.files_explained import explained, not_there_yet, opened
from engine.private_files import read_private, write_private
from engine.upgrade_report import ReportFile
from forms.files import FileOnDisk, FileTrouble, Format, format_of, new_text, read, rewritten
from forms.upgrade import answers_text, read_answers_text
from forms.values import ABSENT

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from forms.upgrade import NotTaken, Review


@dataclass(frozen=True)
class Written:
    """What was written, and where to."""

    values: Path | None = None
    answers: Path | None = None
    report: Path | None = None
    kept_as: Path | None = None
    """The file of the values as it was, where there was one with something else in it."""
    report_kept_as: Path | None = None
    """What was in the report's file before."""


class ReviewDesk:
    """One configuration on its way from one release to another.

    values: its file. output: the file for the new values; answers: the file for decisions,
    which are taken up from it where it is there already; report: the file for what was decided,
    in words. All of these may be left out.
    """

    def __init__(
        self,
        homeport: Homeport,
        application: str,
        old: str,
        new: str,
        values: str,
        *,
        output: str = "",
        answers: str = "",
        report: str = "",
        drafts: Path | None = None,
    ) -> None:
        self._homeport = homeport
        self._about = (application, old, new)
        self._source = opened(values, "the values")
        if self._source.is_new:
            raise NotFound("the values are not there", on=values, do="Give the path of the file.")
        name, text = self._source.path.name, self._source.text
        self._format = format_of(name, text) or Format.YAML
        with explained("the values cannot be read", values):
            found = read(text, self._format)
        self._values = {} if found is ABSENT or found is None else found
        if not isinstance(self._values, dict):
            raise InvalidInput("the values are not a mapping of options", on=values)
        self._target = opened(output, "the file to write") if output else None
        self._answers = opened(answers, "the answers") if answers else None
        for file in (self._target, self._answers):
            if file is not None and (why := file.why_not_writable()):
                raise Denied(
                    "the file could not be written later",
                    on=str(file.path),
                    why=why,
                    left="nothing was changed",
                    do="Name another file, or have its permissions changed.",
                )
        self._answers_kept = False
        self._report = ReportFile(report) if report else None
        self._drafts = drafts

    @property
    def has_target(self) -> bool:
        return self._target is not None

    @property
    def has_answers(self) -> bool:
        return self._answers is not None

    def review(self) -> tuple[Review, Sequence[NotTaken]]:
        """A new review with the decisions of the answers file; those that did not apply."""
        application, old, new = self._about
        review = self._homeport.review_values(application, old, new, self._values)
        return review, load_answers(review, self._answers)

    # writing

    def name_target(self, name: str) -> None:
        """Write the values to that file from now on; Conflict where there is one already."""
        self._target = not_there_yet(name, "Name another, or name it on the command line with -o.")

    def text(self, review: Review) -> str:
        """The new values as they would be written: in the format of the old ones, with their
        comments as far as there is still something that they stand beside."""
        wanted = self._format
        if self._target is not None:
            wanted = format_of(self._target.path.name) or wanted
        document = review.document()
        with explained("the values cannot be written", wanted.upper()):
            if wanted is self._format and self._source.text:
                return rewritten(self._source.text, wanted, document).text
            return new_text(document, wanted)

    def write(self, review: Review, *, over: bool = False, decided: bool = True) -> Written:
        """Write the decisions, and the values where nothing is left to decide. What was in the
        files is kept beside them.

        decided: False where nobody decided anything, and answers stay as they were written.
        Conflict where somebody else wrote the file meanwhile, unless `over` it.
        """
        answers = self._write_answers(review) if decided else None
        report, old_report = self._report.write(review) if self._report else (None, None)
        if self._target is None or not review.ready:
            return Written(answers=answers, report=report, report_kept_as=old_report)
        target, text, kept_as = self._target, self.text(review), None
        with explained("the values were not written", str(target.path)):
            if target.is_changed() and over:
                now = FileOnDisk(target.path)
                kept_as = None if now.is_new else now.keep_as("theirs")
            elif not target.is_new and target.text != text:
                kept_as = target.keep_as("orig")
            target.write(text, private=review.form.holds_secrets(), over=over)
        self._homeport.remember_decisions(review)
        return Written(target.path, answers, report, kept_as, old_report)

    def _write_answers(self, review: Review) -> Path | None:
        if self._answers is None:
            return None
        file, text = self._answers, answers_text(review.dump())
        with explained("the answers were not written", str(file.path)):
            if not (file.is_new or self._answers_kept or file.text == text):
                file.keep_as("orig")
            self._answers_kept = True
            file.write(text, private=True)
        return file.path

    # drafts

    def _draft_file(self) -> Path | None:
        if self._drafts is None:
            return None
        named = (*self._about, str(self._source.path), self._source.text)
        key = hashlib.sha256("\0".join(named).encode()).hexdigest()[:24]
        return self._drafts / f"{key}.json"

    def draft(self) -> dict[str, Any] | None:
        """The decisions that were left the last time for just these values."""
        file = self._draft_file()
        content = read_private(file) if file is not None else None
        try:
            kept = json.loads(content) if content else None
        except ValueError:
            return None
        return kept if isinstance(kept, dict) else None

    def keep_draft(self, draft: Mapping[str, Any]) -> None:
        """Keep what `Review.dump` gave, for its owner's eyes only."""
        if (file := self._draft_file()) is not None:
            write_private(file, json.dumps(draft).encode())

    def drop_draft(self) -> None:
        if (file := self._draft_file()) is not None:
            file.unlink(missing_ok=True)


def load_answers(review: Review, file: FileOnDisk | None) -> Sequence[NotTaken]:
    """Take up the answers in a file, if there is one; those that did not apply."""
    if file is None or file.is_new:
        return ()
    try:
        return review.answer(read_answers_text(file.text))
    except (FileTrouble, ValueError) as error:
        raise InvalidInput(
            "the answers cannot be used",
            on=str(file.path),
            why=str(error),
            left="nothing was changed",
            do="Correct the file, or leave --answers out.",
        ) from error
