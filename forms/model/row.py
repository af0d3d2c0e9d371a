"""What a form looks like from outside: rows, filters, help, messages.

These are values. A row says everything that a view needs to draw one line, and two equal
rows are drawn alike, so a view may use the row itself as the key of its cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from forms.paths import Path
from forms.schema.shape import Kind


class Origin(StrEnum):
    """Where the value on a row comes from. The four absences are four different things."""

    UNSET = "unset"
    """Neither the user nor the schema says anything."""
    DEFAULT = "default"
    """The user says nothing; the row shows the default."""
    NULL = "null"
    """The user set it to null."""
    EMPTY = "empty"
    """The user set it to an empty text, list or map."""
    SET = "set"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the form."""

    id: int
    """Stays the same for as long as the form is open, wherever the row moves."""
    path: Path
    """Where the value is in the document. That of a heading ends in a `Heading`."""
    depth: int
    kind: Kind
    label: str
    text: str
    """The value as shown: one line, no control characters, never a secret."""
    origin: Origin
    mark: str
    """One ASCII character: `x` invalid, `*` needs a value, `~` changed since the form's base,
    `=` set by the user, `#` not to be edited, or a space."""
    heading: bool = False
    """A group or fold: it has no value; every command but folding refuses it."""
    unit: str = ""
    required: bool = False
    missing: bool = False
    """Required, and has neither a value nor a default."""
    secret: bool = False
    deprecated: bool = False
    readonly: bool = False
    managed: bool = False
    """Homeport decides this one (`x-managed`); always readonly too."""
    advanced: bool = False
    changed: bool = False
    """Differs from the form's base; for what folds: something within differs."""
    unknown: bool = False
    """In the document, but not in the schema."""
    nullable: bool = False
    foldable: bool = False
    folded: bool = False
    count: int = 0
    """Entries of a list or map."""
    inline: bool = False
    """A list that can also be edited as one line of text."""
    multiline: bool = False
    """The text to edit has line breaks (or may have them)."""
    branches: tuple[str, ...] = ()
    """Titles of the forms this option can take, where there is a choice."""
    branch: int = 0
    can_add: bool = False
    """`add_item` works here."""
    is_item: bool = False
    """An entry of a list: can be moved, duplicated, removed."""
    is_entry: bool = False
    """An entry of a map: can be renamed, duplicated, removed."""
    problem: str = ""
    hint: str = ""
    problems: int = 0
    """Problems on this row and below it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to show. The parts narrow each other; the empty filter shows all."""

    text: str = ""
    """Words, all of which must occur in path, label, help, value or choices."""
    changed: bool = False
    """Only what differs from the form's base."""
    mine: bool = False
    """Only what the user set."""
    invalid: bool = False
    """Only what has a problem or needs a value."""
    advanced: bool = False
    """Only what most people never touch (`x-advanced`), and what is deprecated."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the value at `path`, in words that say what is wanted."""

    path: Path
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What typed text means: a value, or the problem with it.

    `value` is meaningless where `ok` is False; where `ok` is True a `problem` may still say
    that the value breaks a bound.
    """

    ok: bool
    value: Any = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a command did, for the view: where to put the cursor and what to draw again."""

    path: Path
    """The option that changed; the section it was in, if it is gone."""
    structural: bool
    """Rows came, went or moved. Otherwise only the row and the sections around it changed."""
    label: str = ""
    """What was done, to be shown with undo: "set server.port"."""


@dataclass(frozen=True, slots=True)
class Help:
    """All that is known of one option."""

    path: str
    label: str
    type: str
    """In words, bounds included: "whole number, 1 to 65535"."""
    description: str = ""
    value: str = ""
    default: str = ""
    """The default as shown; empty if there is none."""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """Allowed values, each with its title or an empty text."""
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """Plain sentences: needs a restart, deprecated, secret, set by Homeport, since when."""
    problem: str = ""
    hint: str = ""
