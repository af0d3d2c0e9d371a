"""`homeport catalog [APP]`, `homeport catalog check DIR`, `homeport catalog probe APP`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from engine.catalog.package import Package, Release, StateUnit
from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.methods.registry import methods


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", help="an application, `check` or `probe`")
    parser.add_argument(
        "subject", nargs="?", help="package directory to check, or application to probe"
    )
    parser.add_argument("--provider", default="", help="probe: where the throw-away guest is")
    parser.add_argument("--release", help="probe: by default the newest")
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    if options.what == "check":
        return _check(options)
    if options.what == "probe":
        return _probe(options)
    with Homeport.open() as homeport:
        if options.what:
            package = homeport.package(options.what)
            if options.json:
                output.emit_json(package.model_dump(mode="json"))
            else:
                _show(package)
            return 0
        packages = sorted(homeport.packages(installable=False), key=lambda package: package.id)
    if options.json:
        output.emit_json([package.model_dump(mode="json") for package in packages])
        return 0
    output.table(
        ("APPLICATION", "NEWEST", "WHAT IT IS"),
        ((package.id, package.releases[0].version, _in_a_line(package)) for package in packages),
    )
    return 0


def _in_a_line(package: Package) -> str:
    return package.summary + ("" if _is_installable(package) else f" ({_not_yet(package)})")


def _is_installable(package: Package) -> bool:
    return package.method in methods()


def _not_yet(package: Package) -> str:
    return f"not installable yet: needs method {package.method}"


def _show(package: Package) -> None:
    needs = package.needs
    fields = {
        "application": f"{package.id}  {package.name}",
        "what it is": package.summary,
        "home page": package.homepage,
        "licence": package.licence,
        "needs": f"{needs.cores} core(s), {needs.memory_mib} MiB memory, {needs.disk_gib} GiB disk"
        + "".join(f", {component}" for component in needs.components),
        "releases": "\n".join(map(_release, package.releases)),
    }
    if not _is_installable(package):
        fields["method"] = _not_yet(package)
    if package.service.units:
        fields["units that write"] = "\n".join(package.service.units)
    if package.service.timers:
        fields["regular work"] = "\n".join(
            f"{name}  {timer.calendar}" for name, timer in package.service.timers.items()
        )
    output.fields(fields)
    _show_state(package)
    for release in package.releases:
        for note in release.notes:
            output.line(f"  {release.version} {note.kind}: {note.text}")


def _release(release: Release) -> str:
    return f"{release.version}  {release.date}".rstrip()


def _show_state(package: Package) -> None:
    """What moves, what is made anew, and how writing stops."""
    output.line("")
    output.table(
        ("STATE", "KIND", "CLASS", "GROUP", "WHERE", "NOT CARRIED"),
        (
            (unit.id, unit.kind, unit.klass, unit.group, unit.locator, _left_out(unit))
            for unit in package.state
        ),
    )
    for line in (*_reasons(package), *_moments(package)):
        output.line(line)


def _left_out(unit: StateUnit) -> str:
    if unit.is_made_anew:
        return "all of it: it is made anew"
    return ", ".join(unit.exclude)


def _reasons(package: Package) -> Iterator[str]:
    for unit in package.state:
        if unit.after:
            yield f"  {unit.id}: {unit.after}"
    for name, why in package.ignored.items():
        yield f"  {name} is nobody's state: {why}"
    if package.quiesce.note:
        yield f"  while it is stopped: {package.quiesce.note}"


def _moments(package: Package) -> Iterator[str]:
    for script in package.scripts:
        versions = f" (releases {script.releases})" if script.releases else ""
        when = f"{script.phase} in {', '.join(script.operations)}{versions}"
        yield f"  script {script.id}, {when}: {script.title}"


def _probe(options: argparse.Namespace) -> int:
    if not options.subject:
        raise InvalidInput("no application to probe", do="Give one: homeport catalog probe APP")
    with Homeport.open() as homeport:
        plan = homeport.plan_probe(options.subject, options.provider, options.release)
        return settle(homeport, plan, options)


def _check(options: argparse.Namespace) -> int:
    if not options.subject:
        raise InvalidInput("no directory to check", do="Give one: homeport catalog check DIR")
    from engine.catalog.check import check_package

    findings = check_package(Path(options.subject))
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
