"""`homeport review APPLICATION FROM TO VALUES`: what an upgrade makes of a configuration in a file.

Full screen where there is a terminal for that. Elsewhere, and with --plain, what needs nobody is
done, answers are taken from a file, and what is left to decide is named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.cli import output
from engine.cli.upgrade import say_refused, show_review
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.paths import Paths

if TYPE_CHECKING:
    from engine.review_desk import ReviewDesk

open_screen: Callable[[argparse.Namespace], int] | None = None
"""Reviews full screen; set by the console script, where there is a terminal for it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", help="as `homeport catalog` has it")
    parser.add_argument("old", metavar="FROM", help="the release that the values are for")
    parser.add_argument("new", metavar="TO", help="the release that they shall be for")
    parser.add_argument("values", metavar="VALUES", help="the configuration: YAML, JSON or TOML")
    parser.add_argument("-o", "--output", metavar="FILE", default="", help="write the new values")
    parser.add_argument(
        "--answers",
        metavar="FILE",
        default="",
        help="decisions: taken up from there if it is there, and written there",
    )
    parser.add_argument(
        "--report", metavar="FILE", default="", help="write what was decided: text, .html or .json"
    )
    parser.add_argument("--plain", action="store_true", help="line by line, asking nothing")


def run(options: argparse.Namespace) -> int:
    if options.plain or options.json or open_screen is None:
        return _without_a_person(options)
    return open_screen(options)


def open_desk(homeport: Homeport, options: argparse.Namespace) -> ReviewDesk:
    """The review that the command line asks for. HomeportError where there cannot be one."""
    from engine.review_desk import ReviewDesk

    return ReviewDesk(
        homeport,
        options.application,
        options.old,
        options.new,
        options.values,
        output=options.output,
        answers=options.answers,
        report=options.report,
        drafts=Paths.from_environment().state / "reviews",
    )


def _without_a_person(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        desk = open_desk(homeport, options)
        review, refused = desk.review()
        written = desk.write(review, decided=False)
        if written.report_kept_as is not None:
            said = f"homeport: what was in the report's file is kept as {written.report_kept_as}"
            print(output.printable(said), file=sys.stderr)
        text = desk.text(review) if review.ready else ""
    rows = [review.row(key) for key in review.queue]
    if options.json:
        output.emit_json(
            {
                "from": review.releases[0].version,
                "to": review.releases[-1].version,
                "undecided": [{"option": row.path, "why": row.problem or row.note} for row in rows],
                "refused": [{"option": one.option, "why": one.why} for one in refused],
                "counts": {status.value: count for status, count in review.counts().items()},
                "written": str(written.values or ""),
            }
        )
    elif desk.has_target or not review.ready:
        show_review(review)
        say_refused(refused)
        if written.values is not None:
            output.line(f"Written to {written.values}.")
            if written.kept_as is not None:
                output.line(f"What was there before is {written.kept_as}.")
    else:
        say_refused(refused)
        sys.stdout.write(text)
    if not rows:
        return InvalidInput.exit_status if refused else 0
    if not options.json:
        print(f"homeport: {len(rows)} to decide; nothing was written:", file=sys.stderr)
        for row in rows:
            said = output.printable(f"  {row.mark} {row.path}: {row.problem or row.note}")
            print(said, file=sys.stderr)
        print("  Decide them full screen, or in a file: --answers FILE", file=sys.stderr)
    return InvalidInput.exit_status
