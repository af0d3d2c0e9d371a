"""The sections of the deployment page as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from tui.backups import last_backups, schedule_lines
from tui.moving import move_standing
from tui.screens.operations import operation_lines
from tui.text import BLANK, Cell, Line, Span, column_widths, columns, labelled, wrapped
from tui.updates import update_said
from tui.widgets.rows import Row
from tui.words import ago, deployment_sign, health_words, timers_text, value_text

if TYPE_CHECKING:
    from engine.homeport import DeploymentView
    from engine.model.deployment import Resource
    from engine.model.outdated import Outdated
    from engine.model.plan import Operation
    from tui.screens.deployment_facts import Facts

_LONG = 40
"""Characters of an attribute, like a key or a certificate, that a table leaves out."""


def overview_rows(facts: Facts, update: Outdated | None, width: int, now: datetime) -> list[Row]:
    """Where it is, how it is, and how to use it."""
    view, deployment = facts.view, facts.view.deployment
    sign = deployment_sign(view)
    lines: list[Line] = [BLANK]
    lines += labelled("open", view.url or f"https://{deployment.domain}", width, role="accent")
    for resource in facts.resources:
        if resource.kind.value == "account" and resource.provider == deployment.provider:
            said = f"{resource.external_id}; its password is {resource.key}, under 2 Secrets"
            lines += labelled("account", said, width)
    state = f"{sign.mark} {health_words(view, now)}"
    lines += [BLANK, *labelled("state", state, width, role=sign.role)]
    if view.operation:
        said = f"{view.operation.plan.intent.value} is running; it is under 5 History"
        lines += labelled("now", said, width, role="accent")
    lines += move_lines(view, width, now)
    lines += labelled("release", f"{deployment.application} {deployment.release}", width)
    if update is not None and not view.operation:
        said = f"{update_said(update)}. u reviews it."
        lines += labelled("update", said, width, role="warn" if update.attention else "accent")
    upgrade = last_upgrade(facts.operations)
    if upgrade is not None and not view.operation:
        said = f"{ago(upgrade.ended or upgrade.created, now)}; b takes it back, with its data"
        lines += labelled("upgraded", said, width)
    lines += backup_lines(last_backups(facts.operations).get(deployment.id), width, now)
    lines += schedule_lines(view, width)
    if facts.timers:
        lines += labelled("timers", timers_text(facts.timers), width)
    lines += labelled("provider", deployment.provider, width)
    lines += labelled("address", view.address or "none yet", width)
    lines += labelled("domain", deployment.domain, width)
    lines += labelled("created", ago(deployment.created, now), width)
    lines += labelled("changed", ago(deployment.changed, now), width)
    return [Row(content) for content in lines]


def move_lines(view: DeploymentView, width: int, now: datetime) -> list[Line]:
    """Where its move stands, and the keys that do something about it."""
    standing = move_standing(view, now)
    if standing is None:
        return []
    return labelled("move", f"{standing.text}. {standing.do}.", width, role=standing.role)


def backup_lines(last: datetime | None, width: int, now: datetime) -> list[Line]:
    """When it was backed up last; that it never was is something to see to."""
    if last is None:
        return labelled("backup", "never; n backs it up", width, role="warn")
    return labelled("backup", f"{ago(last, now)}; they are under 6", width)


def last_upgrade(operations: Sequence[Operation]) -> Operation | None:
    """The upgrade that gave the deployment its present release; None where it never had one,
    or where it was taken back. operations: newest first."""
    for run in operations:
        if run.status.value == "succeeded" and run.plan.intent.value in (
            "upgrade",
            "rollback",
            "restore",
        ):
            return run if run.plan.intent.value == "upgrade" else None
    return None


def reach_rows(facts: Facts, root: str, width: int) -> list[Row]:
    """How to reach it where neither its name nor its certificate is known to the world.

    root: the file with the authority's certificate, once it has been saved.
    """
    endpoint, address = facts.endpoint, facts.view.address
    if endpoint is None or endpoint.trust_anchors is None or not address:
        return []
    said = "Its certificate comes from the provider's own authority"
    if endpoint.nameservers:
        said += ", and its name is known to the provider's name server only"
    said += ". In a shell it answers to:" if root else ". Press s to save the authority's root "
    said += "" if root else "certificate; then it answers in a shell to:"
    file = root or f"{facts.view.deployment.provider}-root.pem"
    lines = [BLANK, *wrapped(said, width, "muted")]
    lines += command_lines(
        (
            ("curl", "--cacert", file),
            ("--resolve", f"{endpoint.domain}:{endpoint.port}:{address}"),
            (endpoint.url + "/",),
        ),
        width,
    )
    if endpoint.nameservers:
        text = f"For a browser, add to /etc/hosts:  {address} {endpoint.domain}"
        lines += wrapped(text, width, "muted")
    return [Row(content) for content in lines]


def command_lines(parts: Sequence[Sequence[str]], width: int) -> list[Line]:
    """A shell command, quoted, in one line or broken between its parts by backslashes."""
    words = [" ".join(map(quote, part)) for part in parts]
    whole = f"  {' '.join(words)}"
    if len(whole) <= width:
        return [(Span(whole, "strong"),)]
    last = len(words) - 1
    return [
        (Span(f"  {'' if at == 0 else '  '}{word}{'' if at == last else ' ' + chr(92)}", "strong"),)
        for at, word in enumerate(words)
    ]


def secret_rows(secrets: Sequence[str], shown: tuple[str, str] | None, width: int) -> list[Row]:
    """Names; the value of one of them while it is shown."""
    if not secrets:
        return [Row(BLANK), Row((Span("This deployment has no secrets that are for you."),))]
    rows = [Row(BLANK)]
    for name in secrets:
        if shown and shown[0] == name:
            value = Cell(shown[1], max(20, width - 32), "strong")
        else:
            value = Cell("hidden; Enter shows it", max(20, width - 32), "muted")
        rows.append(Row(columns((Cell(name, 28), value)), ("secret", name)))
    text = "Whoever looks at a secret is recorded, the secret never is."
    return [*rows, Row(BLANK), *(Row(content) for content in wrapped(text, width, "muted"))]


def configuration_rows(values: Mapping[str, Any], width: int) -> list[Row]:
    """What the user set; everything else is as the application has it."""
    rows = [Row(BLANK)]
    for path, value in flattened(values):
        rows.append(
            Row(
                columns((Cell(path, max(24, width // 2)), Cell(value_text(value), width // 2 - 2))),
                ("configure", path),
            )
        )
    if len(rows) == 1:
        rows.append(Row((Span("Nothing is set; the application's own defaults apply."),)))
    return [
        *rows,
        Row(BLANK),
        Row((Span("e: change the configuration", "accent"),), ("configure", "")),
    ]


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Leaves of a document with their dotted paths."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found += flattened(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def resource_rows(resources: Sequence[Resource], width: int) -> list[Row]:
    """What the deployment owns; at which provider, where that is more than one."""
    if not resources:
        return [Row(BLANK), Row((Span("It owns nothing at its provider."),))]
    several = len({owned.provider for owned in resources}) > 1
    texts = [
        (owned.kind.value, *((owned.provider,) if several else ()), owned.key, _about(owned))
        for owned in resources
    ]
    least = (11, *((9,) if several else ()), 16, 16)
    widths = column_widths(texts, least, width)
    rows = [Row(BLANK)]
    for number, row in enumerate(texts):
        cells = [Cell(text, cells) for text, cells in zip(row, widths, strict=True)]
        cells[0] = cells[0]._replace(role="strong")
        cells[-1] = cells[-1]._replace(role="muted")
        rows.append(Row(columns(cells), ("resource", str(number))))
    return rows


def _about(resource: Resource) -> str:
    """How the provider calls it, and what is remembered of it in few words; of a record, what it
    says."""
    if isinstance(values := resource.attributes.get("values"), list):
        name = resource.external_id
        said = [", ".join(map(str, values)), f"ttl {resource.attributes.get('ttl')}"]
        return "  ".join([*([] if resource.key.startswith(name) else [name]), *said])
    said = [
        f"{key} {value_text(value)}"
        for key, value in resource.attributes.items()
        if len(value_text(value)) <= _LONG
    ]
    return "  ".join(part for part in (resource.external_id, ", ".join(said)) if part)


def history_rows(operations: Sequence[Operation], width: int, now: datetime) -> list[Row]:
    """Its operations, newest first."""
    lines = operation_lines(operations, width, now)
    runs = zip(lines, operations, strict=True)
    rows = [Row(content, ("operation", run.id)) for content, run in runs]
    return [Row(BLANK), *rows] if rows else [Row(BLANK), Row((Span("No operation yet."),))]
