"""`homeport report OPERATION`: what a move did, as a text, a page or JSON to be handed on."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import Homeport
from engine.report_file import ReportFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", help="id of the operation, or its beginning")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="text, HTML or JSON, as its name ends"
    )


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if not options.output:
            ending = ".json" if options.json else ".txt"
            output.line(homeport.move_report(options.operation, ending).rstrip("\n"))
            return 0
        file = ReportFile(options.output)
        path, kept = file.write(homeport.move_report(options.operation, file.ending))
    if options.json:
        output.emit_json({"report": str(path), "kept": str(kept) if kept else None})
        return 0
    output.line(f"wrote {path}" + (f"; what was there before is {kept}" if kept else ""))
    return 0
