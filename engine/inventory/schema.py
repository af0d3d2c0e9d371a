"""The inventory's tables as SQLAlchemy sees them; `migrations` makes them.

Times are ISO 8601 text in UTC and documents are JSON text, so that rows read alike on
SQLite and PostgreSQL and in a support case. No column ever holds a secret.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()


def _table(name: str, *columns: sa.Column[object]) -> sa.Table:
    return sa.Table(name, metadata, *columns)


def _text(name: str, *, key: bool = False, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=null)


def _integer(name: str, *, key: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Integer, primary_key=key, nullable=False)


installation = _table("installation", _text("id", key=True), _text("created"))

providers = _table("providers", _text("name", key=True), _text("profile"), _text("changed"))

repositories = _table("repositories", _text("name", key=True), _text("profile"), _text("changed"))

deployments = _table(
    "deployments",
    _text("id", key=True),
    _text("name"),
    _text("application"),
    _text("release"),
    _text("provider"),
    _text("domain"),
    _text("values"),
    _text("records"),
    _text("status"),
    _text("created"),
    _text("changed"),
    _text("live_name", null=True),
    _text("live_domain", null=True),
)
"""live_name and live_domain are unique and null once a deployment is destroyed, so that
names can be used again while the history stays."""

resources = _table(
    "resources",
    _text("deployment", key=True),
    _text("provider", key=True),
    _text("kind", key=True),
    _text("key", key=True),
    _text("external_id"),
    _text("attributes"),
    _text("created"),
)

operations = _table(
    "operations",
    _text("id", key=True),
    _text("deployment"),
    _text("holds", null=True),
    _text("plan"),
    _text("plan_hash"),
    _text("status"),
    _integer("attempt"),
    _text("worker"),
    _text("status_before"),
    _text("error", null=True),
    _text("created"),
    _text("started", null=True),
    _text("ended", null=True),
)
"""holds: the deployment while the operation is unfinished, unique: one operation at a time.
status_before: the deployment's status to go back to if nothing was changed."""

finished_steps = _table(
    "finished_steps",
    _text("operation", key=True),
    _text("step", key=True),
    _integer("attempt"),
    _text("outcome"),
    _text("output"),
    _text("ended"),
)

events = _table("events", _text("operation", key=True), _integer("seq", key=True), _text("event"))

leases = _table(
    "leases",
    _text("pool", key=True),
    _text("item", key=True),
    _text("owner", null=True),
    _text("since"),
)
"""owner is null for an item that somebody outside Homeport was seen to hold."""

drafts = _table("drafts", _text("key", key=True), _text("document"), _text("changed"))

health = _table(
    "health", _text("deployment", key=True), _text("health"), _text("at"), _text("detail")
)

audit = _table(
    "audit", _integer("id", key=True), _text("at"), _text("who"), _text("what"), _text("detail")
)

archived_values = _table(
    "archived_values",
    _text("operation", key=True),
    _text("path", key=True),
    _text("deployment"),
    _text("value"),
    _text("old_release"),
    _text("new_release"),
    _text("at"),
)
"""What left a deployment's configuration in an upgrade: JSON by the dotted path it had."""

identities = _table("identities", _integer("id", key=True), _text("application"), _text("record"))
"""The ledger: which option of a release is which of another, as people said, in its order."""

moves = _table(
    "moves",
    _text("deployment", key=True),
    _text("source"),
    _text("target"),
    _text("operation"),
    _text("phase"),
    _text("writer"),
    _text("began"),
    _text("changed"),
    _text("frozen", null=True),
    _text("served", null=True),
    _text("held", null=True),
    _text("released", null=True),
)
"""The last move of each deployment to another provider."""

names_moves = _table(
    "names_moves",
    _text("deployment", key=True),
    _text("source"),
    _text("target"),
    _text("at"),
    _text("began"),
)
"""Names that two providers' name servers have, until their move is finished or taken back."""

schedules = _table(
    "schedules",
    _text("deployment", key=True),
    _text("repository"),
    _text("calendar"),
    _text("since"),
    _text("due", null=True),
    _text("operation"),
    _text("trouble"),
    _text("tried", null=True),
)
"""When backups of a deployment are made."""

step_durations = _table(
    "step_durations",
    _integer("id", key=True),
    _text("kind"),
    _text("application"),
    sa.Column("seconds", sa.Float, nullable=False),
)
