"""Findings of a connection check, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.cli import output
from engine.model.provider import Check, CheckStatus

_MARKS = {CheckStatus.PASS: "ok  ", CheckStatus.WARN: "warn", CheckStatus.FAIL: "FAIL"}


def has_failed(checks: Sequence[Check]) -> bool:
    return any(check.status is CheckStatus.FAIL for check in checks)


def print_checks(checks: Sequence[Check]) -> None:
    for check in checks:
        output.line(f"{_MARKS[check.status]}  {check.service}: {check.title}  {check.found}")
        if check.do and check.status is not CheckStatus.PASS:
            for text in check.do.splitlines():
                output.line(f"      {text}")


def emit_checks(checks: Sequence[Check]) -> None:
    output.emit_json([check.model_dump(mode="json") for check in checks])
