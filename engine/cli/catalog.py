"""`homeport catalog [APP]`, `homeport catalog check DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli import output
from engine.errors import InvalidInput
from engine.homeport import Homeport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", help="an application, or `check`")
    parser.add_argument("directory", nargs="?", help="package directory to check")


def run(options: argparse.Namespace) -> int:
    if options.what == "check":
        return _check(options)
    with Homeport.open() as homeport:
        if options.what:
            package = homeport.package(options.what)
            if options.json:
                output.emit_json(package.model_dump(mode="json"))
                return 0
            needs = package.needs
            output.fields(
                {
                    "application": f"{package.id}  {package.name}",
                    "what it is": package.summary,
                    "home page": package.homepage,
                    "licence": package.licence,
                    "needs": f"{needs.cores} core(s), {needs.memory_mib} MiB memory, "
                    f"{needs.disk_gib} GiB disk",
                    "releases": "\n".join(
                        f"{release.version}  {release.date}" for release in package.releases
                    ),
                }
            )
            for release in package.releases:
                for note in release.notes:
                    output.line(f"  {release.version} {note.kind}: {note.text}")
            return 0
        packages = homeport.packages()
    if options.json:
        output.emit_json([package.model_dump(mode="json") for package in packages])
        return 0
    output.table(
        ("APPLICATION", "NEWEST", "WHAT IT IS"),
        ((package.id, package.releases[0].version, package.summary) for package in packages),
    )
    return 0


def _check(options: argparse.Namespace) -> int:
    if not options.directory:
        raise InvalidInput("no directory to check", do="Give one: homeport catalog check DIR")
    from engine.catalog.check import check_package

    findings = check_package(Path(options.directory))
    if options.json:
        output.emit_json(
            [
                {
                    "file": str(finding.file),
                    "line": finding.line,
                    "column": finding.column,
                    "message": finding.message,
                    "hint": finding.hint,
                }
                for finding in findings
            ]
        )
    else:
        for finding in findings:
            output.line(f"{finding.file}:{finding.line}:{finding.column}: {finding.message}")
            if finding.hint:
                output.line(f"    {finding.hint}")
        output.line(f"{len(findings)} mistake(s)" if findings else "no mistakes found")
    return 1 if findings else 0
