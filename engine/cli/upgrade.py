"""`homeport upgrade NAME [--to RELEASE]`: what needs no person is done and listed; what does is
named, unless a file answers it; then plan, approval, operation."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.homeport import Homeport

if TYPE_CHECKING:
    from forms.upgrade import Review


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--to", metavar="RELEASE", help="by default the newest in the catalog")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        review = homeport.review_upgrade(options.name, options.to)
        if not options.json:
            show_review(review)
        plan = homeport.plan_reviewed(options.name, review)
        homeport.remember_decisions(review)
        return settle(homeport, plan, options)


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
