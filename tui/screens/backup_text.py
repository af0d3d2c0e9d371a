"""How backups and repositories read: a table of them, one of them in full, or what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tui.backups import checked_said, drill_said, keep_said, kept_said, size_said, verified_said
from tui.screens.progress_text import error_lines
from tui.text import BLANK, Cell, Line, Span, column_widths, columns, labelled, wrapped
from tui.widgets.rows import Row
from tui.words import ago, moment

if TYPE_CHECKING:
    from engine.backup.standing import Standing
    from engine.model.repository import RepositoryProfile
    from tui.screens.deployment_facts import Listed

NO_REPOSITORY = """There is no repository yet for backups to lie in: a directory on this machine, \
or better a bucket somewhere else."""
NO_BACKUP = """There is no backup of this deployment yet. A backup takes all of its state at one \
moment, its configuration and its secrets; the application is away only while that is captured."""
READING = "Asking the repositories..."
HEADING = ("TAKEN", "SIZE", "VERIFIED", "KEPT BY", "IN")
_LEAST = (12, 7, 9, 9, 6)
_NOTE = """V2: all of it was read back and compared. V1: its structure was checked. drill: it was \
started. Kept by: the repository's rules that keep it when the next one is made."""


def backup_rows(
    repositories: Sequence[RepositoryProfile],
    listed: Listed | None,
    width: int,
    now: datetime,
) -> list[Row]:
    """The section of the deployment's page. listed: None while the repositories are asked."""
    rows = [Row(BLANK)]
    if not repositories:
        rows += [Row(content) for content in wrapped(NO_REPOSITORY, width)]
        add = Row((Span("g: the repositories; a there adds one", "accent"),), ("repositories", ""))
        return [*rows, Row(BLANK), add]
    if listed is None:
        return [*rows, Row((Span(READING, "muted"),))]
    found, problems = listed
    if found:
        rows = table_rows(found, width, now)
    elif not problems:
        rows += [Row(content) for content in wrapped(NO_BACKUP, width)]
    for problem in problems:
        rows += [Row(BLANK), *(Row(content) for content in error_lines(problem, width))]
    rows += [Row(BLANK), Row((Span("n: back it up now", "accent"),), ("back up", ""))]
    if found:
        rows += [Row(BLANK), *(Row(content) for content in wrapped(_NOTE, width, "muted"))]
    return rows


def table_rows(
    found: Sequence[Standing], width: int, now: datetime, *, named: bool = False
) -> list[Row]:
    """A heading and a line for each backup. named: it says of which deployment each is, in
    place of where it lies."""
    head = (*HEADING[:-1], "OF") if named else HEADING
    texts = [head, *(_texts(one, now, named) for one in found)]
    widths = column_widths(texts, _LEAST, width)
    drawn = []
    for row in texts:
        taken, size, checked, kept, last = (
            Cell(text, cells) for text, cells in zip(row, widths, strict=True)
        )
        drawn.append((taken, size._replace(right=True), checked, kept, last))
    rows = [Row(columns(cell._replace(role="muted") for cell in drawn[0]))]
    for one, (taken, size, checked, kept, last) in zip(found, drawn[1:], strict=True):
        proven = checked._replace(role="bad" if "failed" in checked.text else "plain")
        going = kept._replace(role="plain" if one.kept_by else "warn")
        cells = (taken._replace(role="strong"), size, proven, going, last._replace(role="muted"))
        rows.append(Row(columns(cells), ("backup", (one.backup.repository, one.backup.id))))
    return rows


def _texts(one: Standing, now: datetime, named: bool) -> tuple[str, ...]:
    backup = one.backup
    return (
        moment(backup.at, now),
        size_said(backup.bytes),
        checked_said(one),
        kept_said(one),
        f"{backup.name}  {backup.application} {backup.release}" if named else backup.repository,
    )


def backup_lines(one: Standing, width: int, now: datetime) -> list[Line]:
    """All that is known of one backup."""
    backup = one.backup
    taken = f"{backup.at:%Y-%m-%d %H:%M} UTC, {ago(backup.at, now)}"
    rules = ", ".join(one.kept_by)
    kept = (
        f"{rules} (rules of the repository)"
        if one.kept_by
        else "no rule: it goes when the next one is made"
    )
    lines: list[Line] = [BLANK]
    lines += labelled("taken", taken, width, role="strong")
    lines += labelled("of", f"{backup.name}: {backup.application} {backup.release}", width)
    lines += labelled("size", f"{size_said(backup.bytes)} of state, as it was captured", width)
    lines += labelled("in", backup.repository, width)
    lines += labelled("verified", verified_said(one, now), width)
    lines += labelled("started", drill_said(one, now), width)
    return lines + labelled("kept by", kept, width, role="plain" if one.kept_by else "warn")


def repository_line(profile: RepositoryProfile) -> Line:
    return columns(
        (
            Cell(profile.name, 16, "strong"),
            Cell(profile.kind.value, 10),
            Cell(profile.location, 48, "muted"),
        )
    )


def repository_lines(profile: RepositoryProfile, width: int) -> list[Line]:
    """Where it is, and what it keeps of each deployment."""
    lines = labelled("place", profile.location, width)
    if profile.access_key:
        lines += labelled("key", f"{profile.access_key}; its secret half is hidden", width)
    lines += labelled("keeps", f"{keep_said(profile.keep)}; of each deployment", width)
    sheet = "Without its password a backup is worth nothing. s: the recovery sheet; keep it "
    return lines + labelled("sheet", f"{sheet}elsewhere.", width)
