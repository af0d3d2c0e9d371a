"""`homeport upgrade NAME [--to RELEASE]`: what needs no person is done and listed; what does is
named, unless a file answers it; then plan, approval, operation."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport

if TYPE_CHECKING:
    from forms.upgrade import NotTaken, Review

open_screen: Callable[[str], int] | None = None
"""Opens a page of the interface ("watch:NAME"); set by the console script, where there is a
terminal for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--to", metavar="RELEASE", help="by default the newest in the catalog")
    parser.add_argument(
        "--answers", metavar="FILE", default="", help="take decisions that somebody prepared"
    )
    parser.add_argument(
        "--report", metavar="FILE", help="write what was decided: text, or .html, or .json"
    )
    full_screen = parser.add_mutually_exclusive_group()
    full_screen.add_argument("--review", action="store_true", help="decide full screen")
    full_screen.add_argument(
        "--watch", action="store_true", help="follow a colleague who decides, full screen"
    )
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    if options.review or options.watch:
        return _full_screen(options)
    with Homeport.open() as homeport:
        review = homeport.review_upgrade(options.name, options.to)
        refused = _answer(review, options.answers)
        if not options.json:
            show_review(review)
        say_refused(refused)
        report = _Report(options.report, review, homeport.deployment(options.name).deployment.name)
        report.write()
        plan = homeport.plan_reviewed(options.name, review)
        homeport.remember_decisions(review)
        status = settle(homeport, plan, options)
        if status == 0 and not (options.plan or options.detach or plan.is_empty):
            report.write(applied=datetime.now(UTC))
        return status


class _Report:
    """Written before the plan, for whoever must decide what is open, and again when it is done."""

    def __init__(self, file: str | None, review: Review, deployment: str) -> None:
        from engine.upgrade_report import ReportFile

        self._file = ReportFile(file) if file else None
        self._review = review
        self._deployment = deployment

    def write(self, applied: datetime | None = None) -> None:
        if self._file is None:
            return
        _, kept_as = self._file.write(self._review, deployment=self._deployment, applied=applied)
        if kept_as is not None:
            said = f"homeport: what was in the report's file is kept as {kept_as}"
            print(output.printable(said), file=sys.stderr)


def _answer(review: Review, name: str) -> Sequence[NotTaken]:
    if not name:
        return ()
    from engine.files_explained import opened
    from engine.review_desk import load_answers

    file = opened(name, "the answers")
    if file.is_new:
        raise InvalidInput("there are no answers", on=name, do="Give the path of the file.")
    return load_answers(review, file)


def _full_screen(options: argparse.Namespace) -> int:
    if open_screen is None:
        raise InvalidInput(
            "this needs a terminal, and there is none here",
            on=options.name,
            left="nothing was changed",
            do="Run it in one (over ssh: ssh -t), or give the decisions in a file: --answers FILE",
        )
    with Homeport.open() as homeport:
        name = homeport.deployment(options.name).deployment.name
    page = "watch" if options.watch else "upgrade"
    return open_screen(f"{page}:{name}" + (f"@{options.to}" if options.to else ""))


def say_refused(refused: Sequence[NotTaken]) -> None:
    """Name the answers that did not apply."""
    for one in refused:
        said = output.printable(f"homeport: not taken: {one.option}: {one.why}")
        print(said, file=sys.stderr)


def show_review(review: Review) -> None:
    """What happens to the user's own values, a line each; counts of all the rest."""
    from forms.upgrade import Filter, Status

    output.line(f"upgrade {review.title}")
    for row in review.rows(Filter(mine=True)):
        if row.status not in (Status.SAME, Status.CUSTOM, Status.SECRET) or row.asks:
            went = f" -> {row.text or '(not set)'}" if row.text != row.yours else ""
            note = f"  {row.note}" if row.note else ""
            output.line(f"  {row.mark} {row.path}: {row.yours or '(not set)'}{went}{note}")
    counts = {status.value: count for status, count in review.counts().items() if count}
    output.line("  options: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
