"""`homeport doctor`: what on this machine or in this installation could go wrong; with
`--provider`, a report on one provider that can go into a ticket as it is."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from engine.cli import output
from engine.cli.checks import emit_checks, has_failed, print_checks
from engine.errors import HomeportError
from engine.homeport import Homeport
from engine.model.provider import Check, CheckStatus
from engine.paths import Paths
from engine.provider_report import report_text, report_values
from engine.report_file import ReportFile

_SPACE_WANTED = 2 * 1024**3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--providers", action="store_true", help="check every provider, too")
    which.add_argument(
        "--provider", metavar="NAME", help="check this one, try out what can be, and report"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write the report there (with --provider)"
    )


def run(options: argparse.Namespace) -> int:
    if options.provider:
        return report(options)
    checks = machine_checks(Paths.from_environment())
    checks += installation_checks(providers=options.providers)
    if options.json:
        emit_checks(checks)
    else:
        print_checks(checks)
    return 1 if has_failed(checks) else 0


def report(options: argparse.Namespace) -> int:
    """Versions, settings and findings. Settings hold references in place of secrets."""
    file = ReportFile(options.output) if options.output else None
    with Homeport.open() as homeport:
        profile = homeport.provider(options.provider)
        checks = homeport.try_provider(options.provider)
    if file is not None:
        path, kept = file.write(report_text(profile, checks))
        output.line(f"wrote {path}" + (f"; what was there before is {kept}" if kept else ""))
    elif options.json:
        output.emit_json(report_values(profile, checks))
    else:
        output.line(report_text(profile, checks).rstrip())
    return 1 if has_failed(checks) else 0


def machine_checks(paths: Paths) -> list[Check]:
    """Space, permissions and terminal, as far as they matter to us."""
    return [_space(paths), *_permissions(paths), _terminal()]


def _check(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service="machine", title=title, status=status, found=found, do=do)


def _space(paths: Paths) -> Check:
    place = paths.state
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free // 1024**2} MiB free at {place}"
    if free >= _SPACE_WANTED:
        return _check("disk space", CheckStatus.PASS, found)
    return _check(
        "disk space", CheckStatus.WARN, found, "The lab's guests want 2 GiB; free some space."
    )


def _permissions(paths: Paths) -> list[Check]:
    checks = []
    for title, directory in (("state", paths.state), ("configuration", paths.config)):
        name = f"{title} directory"
        if not directory.exists():
            checks.append(_check(name, CheckStatus.PASS, f"{directory} will be made"))
            continue
        status = directory.stat()
        if status.st_uid != os.getuid():
            do = f"Run as its owner, or: chown -R {os.getuid()} {directory}"
            checks.append(_check(name, CheckStatus.FAIL, f"{directory} is not yours", do))
        elif status.st_mode & 0o077:
            do = f"chmod 700 {directory}"
            found = f"{directory} can be read by others"
            checks.append(_check(name, CheckStatus.FAIL, found, do))
        else:
            checks.append(_check(name, CheckStatus.PASS, str(directory)))
    return checks


def _terminal() -> Check:
    kind = os.environ.get("TERM", "")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        found = "none; commands work, the full-screen interface does not"
        return _check("terminal", CheckStatus.WARN, found, "Log in with a terminal: ssh -t")
    if kind in ("", "dumb"):
        return _check("terminal", CheckStatus.WARN, f"TERM={kind or 'unset'}", "Set TERM.")
    size = shutil.get_terminal_size()
    found = f"{kind}, {size.columns}x{size.lines}"
    if size.columns < 60 or size.lines < 16:
        return _check("terminal", CheckStatus.WARN, found, "Make it at least 60x16.")
    return _check("terminal", CheckStatus.PASS, found)


def installation_checks(*, providers: bool) -> list[Check]:
    """The inventory opens, and nothing is stuck in it."""
    checks: list[Check] = []
    try:
        with Homeport.open() as homeport:
            unfinished = [op for op in homeport.operations() if not op.status.is_final]
            names = [profile.name for profile in homeport.providers()]
            failed = [
                view.deployment.name
                for view in homeport.deployments()
                if view.deployment.status.value == "failed"
            ]
            if providers:
                for name in names:
                    checks += homeport.check_provider(name)
    except HomeportError as error:
        found = f"{error.what}: {error.why}"
        return [_installation("inventory", CheckStatus.FAIL, found, error.do)]
    checks.insert(0, _installation("inventory", CheckStatus.PASS, f"{len(names)} provider(s)"))
    for operation in unfinished:
        found = f"{operation.id} is {operation.status.value}"
        do = f"Watch it: homeport attach {operation.id}"
        checks.append(_installation("operation", CheckStatus.WARN, found, do))
    for name in failed:
        do = f"See why and go on: homeport operations {name}"
        checks.append(_installation("deployment", CheckStatus.WARN, f"{name} failed", do))
    return checks


def _installation(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service="installation", title=title, status=status, found=found, do=do)
