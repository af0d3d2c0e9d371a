"""Findings of a connection check, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.cli import output
from engine.model.provider import Check, CheckStatus
from engine.provider_report import check_texts


def has_failed(checks: Sequence[Check]) -> bool:
    return any(check.status is CheckStatus.FAIL for check in checks)


def print_checks(checks: Sequence[Check]) -> None:
    for text in check_texts(checks):
        output.line(text)


def emit_checks(checks: Sequence[Check]) -> None:
    output.emit_json([check.model_dump(mode="json") for check in checks])
