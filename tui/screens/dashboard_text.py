"""How the dashboard reads: a table of deployments, one of them in detail, or what to do first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tui.backups import schedule_lines
from tui.last_seen import TableRow
from tui.moving import is_open, move_standing
from tui.text import Cell, Line, Span, column_widths, columns, labelled, wrapped
from tui.updates import update_said
from tui.widgets.rows import Row
from tui.words import ago, counted, deployment_sign, health_words

if TYPE_CHECKING:
    from engine.homeport import DeploymentView
    from engine.model.outdated import Outdated

OPENING = "Reading what is deployed..."
EMPTY = """Nothing is deployed yet.

Press d to deploy an application: pick it, pick a provider, give it a name, read the plan, \
and apply it. Nothing is changed before you approve the plan.

Press p first to see the providers and to check the connection to them, or c to read what \
the catalog has."""
NO_PROVIDER = """Nothing is deployed yet, and there is no provider to deploy to.

To try Homeport out, leave with q and run: homeport lab up
It gives you two providers on this machine. To add your own, press p and then a: you are asked \
for what it needs, step by step."""

HEADING = ("NAME", "STATE", "APPLICATION", "PROVIDER", "ADDRESS", "URL")
_LEAST = (8, 11, 12, 8, 15, 0)
_MARK = 2
"""Cells of a state's mark and the space behind it."""


def message_rows(text: str, width: int) -> list[Row]:
    """Sentences in place of the table."""
    return [Row(()), *(Row(content) for content in wrapped(text, width))]


def facts_said(views: Collection[DeploymentView], backups: Collection[str], updates: int) -> str:
    """What there is, and what needs somebody. backups: ids of deployments that have one."""
    facts = [counted(len(views), "deployment")]
    if running := sum(1 for view in views if view.operation):
        facts.append(f"{counted(running, 'operation')} running")
    if moves := sum(1 for view in views if is_open(view)):
        facts.append(f"{counted(moves, 'move')} to settle")
    if updates:
        facts.append(counted(updates, "update"))
    settled = [view.deployment for view in views if view.deployment.status.value == "running"]
    if never := sum(1 for one in settled if one.id not in backups):
        facts.append(f"{never} never backed up")
    if bad := sum(1 for view in views if view.schedule and not view.schedule.is_good):
        facts.append(f"{bad} missed or failed backups" if bad > 1 else "1 missed or failed backup")
    return ", ".join(facts)


def table_row(view: DeploymentView, update: Outdated | None = None) -> TableRow:
    """What the table shows of a deployment."""
    deployment, sign = view.deployment, deployment_sign(view)
    texts = (
        deployment.name,
        sign.word,
        f"{deployment.application} {deployment.release}"
        + (f" -> {update.release}" if update else ""),
        deployment.provider,
        view.address,
        view.url,
    )
    return TableRow(sign.mark, sign.role, texts)


def deployment_table(rows: Sequence[TableRow], width: int) -> list[Line]:
    """A heading, then a line for each deployment; the URL where there is room for it."""
    texts = [HEADING, *(row.texts for row in rows)]
    widths = column_widths(texts, _LEAST, width - _MARK)
    if widths[-1] < max(len(row[-1]) for row in texts):
        texts = [row[:-1] for row in texts]
        widths = column_widths(texts, _LEAST[:-1], width - _MARK)
    heading, *cells = (
        [Cell(text, size) for text, size in zip(row, widths, strict=True)] for row in texts
    )
    muted = (cell._replace(role="muted") for cell in heading)
    lines: list[Line] = [(Span(" " * _MARK), *columns(muted))]
    for row, (name, state, *rest) in zip(rows, cells, strict=True):
        drawn = (name._replace(role="strong"), state._replace(role=row.role), *rest)
        lines.append((Span(f"{row.mark} ", row.role), *columns(drawn)))
    return lines


def deployment_detail(
    view: DeploymentView,
    update: Outdated | None,
    backup: datetime | None,
    width: int,
    now: datetime,
) -> list[Line]:
    """What is known of one deployment, beside or below the list. backup: when its last one was
    made."""
    deployment = view.deployment
    lines: list[Line] = [(Span(deployment.name, "strong"),)]
    lines += labelled("open", view.url or deployment.domain, width)
    if view.operation:
        intent = view.operation.plan.intent.value
        if view.move is not None and view.move.waits:
            said = f"the {intent} waits before the freeze. Enter shows it, then n begins."
            lines += labelled("now", said, width, role="warn")
        else:
            lines += labelled("now", f"{intent} is running; Enter shows it", width, role="accent")
    elif view.health:
        sign = deployment_sign(view)
        lines += labelled("health", health_words(view, now), width, role=sign.role)
    if (standing := move_standing(view, now)) is not None:
        said = f"{standing.text}. Enter, then {standing.do}."
        lines += labelled("move", said, width, role=standing.role)
    if update is not None and not view.operation:
        said = f"{update_said(update)}. u reviews it."
        lines += labelled("update", said, width, role="warn" if update.attention else "accent")
    if backup is not None:
        lines += labelled("backup", ago(backup, now), width)
    elif deployment.status.value == "running":
        lines += labelled("backup", "never. Enter, then n backs it up.", width, role="warn")
    lines += schedule_lines(view, width)
    return lines + labelled("changed", ago(deployment.changed, now), width)
