"""The review of an upgrade: what becomes of every option, and what a person must decide.

This is the face of the package for views. Everything certain is done already when a review is
opened; nothing that a person decides is ever asked again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from forms.migrations import Migrations, Runner
from forms.model.form import FormModel
from forms.model.row import Help, Parsed
from forms.paths import Path, path_text
from forms.upgrade.answering import Answering
from forms.upgrade.bulk import Bulk, bulks
from forms.upgrade.deciding import Deciding
from forms.upgrade.decision import Decided, Key, Subject, Verb
from forms.upgrade.ledger import Identity, Ledger
from forms.upgrade.options import Release
from forms.upgrade.rows import Action, Detail, Filter, Row, Rows, Said
from forms.upgrade.saving import NotTaken
from forms.upgrade.secrecy import Secrets
from forms.upgrade.standing import Archived
from forms.upgrade.state import State
from forms.upgrade.status import Status
from forms.upgrade.telling import Telling
from forms.values import ABSENT

_ALL = Filter()


def _now() -> datetime:
    return datetime.now(UTC)


class Review:
    """An upgrade of one document over one or more releases.

    releases: the chain, oldest first: the one that the document is for, the one to go to, and
    those between them whose options are known.
    migrations: what the application's package declares of all its releases.
    ledger: identities that people confirmed or refused before.
    held: places of secrets for which the document holds a reference: they go along unchecked.
    runner: runs programs of migrations; without one they are asked about.
    who: the person whose decisions these are. clock: gives the time of a decision.

    Commands raise ValueError, in words for the user, for what cannot be decided of a row, and
    KeyError for a row that is not there. SchemaError if a schema is none.
    """

    def __init__(
        self,
        releases: Sequence[Release],
        values: Mapping[str, Any],
        *,
        application: str = "",
        migrations: Migrations | None = None,
        ledger: Ledger | None = None,
        held: Collection[Path] = (),
        runner: Runner | None = None,
        who: str = "",
        clock: Callable[[], datetime] = _now,
    ) -> None:
        if len(releases) < 2:
            raise ValueError("an upgrade leads from one release to another")
        self.application = application
        self.releases = tuple(releases)
        self.who = who
        self._clock = clock
        self._state = State(releases, values, application, migrations, ledger, held, runner)
        self._telling = Telling(self._state)
        self._deciding = Deciding(self._state)
        self._answering = Answering(self._state, self._deciding)
        self._form: tuple[int, FormModel] | None = None
        self._secrets: tuple[int, Secrets] | None = None

    @property
    def revision(self) -> int:
        """Grows with everything that changes what rows say."""
        return self._state.revision

    @property
    def title(self) -> str:
        name = f"{self.application} " if self.application else ""
        return f"{name}{self.releases[0].version} -> {self.releases[-1].version}"

    # what there is

    def rows(self, filter: Filter = _ALL) -> Rows:  # noqa: A002
        """The rows that `filter` shows, in the order of the new form."""
        return self._telling.rows(filter)

    def row(self, key: Key) -> Row:
        """One row, shown or not."""
        return self._telling.row(key)

    def text(self, key: Key, value: Any) -> str:
        """A value of a row on one line, its secrets hidden; empty for none."""
        return self._telling.text(key, value)

    def detail(self, key: Key) -> Detail:
        """All that is known of one row, and what can be decided."""
        return self._telling.detail(key)

    def said(self, key: Key) -> Said:
        """Who decided what of a row in this review."""
        return self._telling.said(key)

    def redacted(self, text: str) -> str:
        """A text with no secret of this upgrade in it, whoever wrote it there. Values of fewer
        than four characters cannot be told from ordinary words."""
        if self._secrets is None or self._secrets[0] != self.revision:
            self._secrets = self.revision, self._telling.secrets()
        return self._secrets[1].hidden_in(text)

    def counts(self) -> dict[Status, int]:
        """How many rows there are of each status."""
        found = dict.fromkeys(Status, 0)
        for item in self._state.standing.sheet:
            found[self._state.standing.statuses[item.key]] += 1
        return found

    def next(self, key: Key | None = None, *, back: bool = False) -> Key | None:
        """The next row to decide after (or before) a row; wraps. None if there is none."""
        if not self._state.open:
            return None
        order = {item.key: i for i, item in enumerate(self._state.standing.sheet)}
        here = order.get(key, -1) if key is not None else -1
        if back:
            before = [one for one in self._state.open if order[one] < here]
            return before[-1] if before else self._state.open[-1]
        return next((one for one in self._state.open if order[one] > here), self._state.open[0])

    @property
    def queue(self) -> tuple[Key, ...]:
        """What a person must still decide, in the order of the rows."""
        return tuple(self._state.open)

    @property
    def ready(self) -> bool:
        """Is everything decided, and the new document valid?"""
        return not self._state.open

    # what comes of it

    def document(self) -> Any:
        """A copy of the new document, as it stands; valid if the review is ready."""
        return copy.deepcopy(self._state.document)

    def archive(self) -> tuple[Archived, ...]:
        """What you had set and is not in the new document as you set it. These hold secrets as
        they are: keep them where secrets are kept."""
        return self._state.standing.archive(self._state.document, self._state.choices())

    def held(self) -> frozenset[Path]:
        """Where the held secrets are in the new document."""
        return self._state.standing.held

    def identities(self) -> tuple[Identity, ...]:
        """What was confirmed and refused in this review, for the ledger."""
        return self._deciding.identities()

    # commands

    def decide(
        self,
        key: Key,
        verb: Verb,
        *,
        value: Any = ABSENT,
        target: Path | None = None,
        why: str = "",
        by: str | None = None,
        at: str | None = None,
    ) -> None:
        """Decide one row. value: for `SET`. target: for `SAME`, a path of the last release."""
        item = self._state.item(key)
        after = self._deciding.decision(
            item,
            verb,
            value,
            target,
            Said(
                "",
                self.who if by is None else by,
                self._clock().isoformat(timespec="seconds") if at is None else at,
                why,
            ),
        )
        self._state.make(f"{verb.value}: {path_text(item.path)}", key, after)

    def do(self, key: Key, action: Action, *, why: str = "") -> None:
        """Decide one row by an action of its detail."""
        self.decide(key, action.verb, value=action.value, target=action.target, why=why)

    def undecide(self, key: Key) -> None:
        """Take a row's decision back, whenever it was made."""
        item = self._state.item(key)
        after: dict[Subject, Decided | None] = dict.fromkeys(
            gone for gone, _ in self._state.links_of(item)
        )
        if self._state.decisions.choice(key) is not None:
            after[key] = None
        if after:
            self._state.make(f"undecided: {path_text(item.path)}", key, after)

    def undo(self) -> Key | None:
        """Take back the last command; the row that it was about, if that was one. KeyError
        (there is nothing to undo)."""
        return self._state.back()

    def redo(self) -> Key | None:
        return self._state.forward()

    @property
    def undoable(self) -> int:
        """How many commands can be undone."""
        return self._state.decisions.undoable

    # several at once

    def bulks(self, section: Path = ()) -> list[Bulk]:
        """What can be decided at once of all that is open, in all or in one section."""
        return bulks(self._state, self._telling.actions, section)

    def do_all(self, bulk: Bulk, *, why: str = "") -> None:
        """Make a bulk decision, as one step."""
        said = Said("", self.who, self._clock().isoformat(timespec="seconds"), why)
        after: dict[Subject, Decided | None] = {}
        for key, action in bulk.decisions:
            after |= self._deciding.decision(
                self._state.item(key), action.verb, action.value, action.target, said
            )
        self._state.make(bulk.label, None, after)

    # leaving and coming back, and answers of others

    def dump(self) -> dict[str, Any]:
        """All decisions as JSON values, to come back to or to give to somebody. Secrets are left
        out; "left_out" says whose values must be set again."""
        return self._answering.dump()

    def load(self, data: Any) -> tuple[NotTaken, ...]:
        """Take up what `dump` gave, in place of all decisions; what could not be taken up. What
        was done before cannot be undone any more. ValueError if it is for another upgrade."""
        return self._answering.load(data)

    def answer(self, data: Any) -> tuple[NotTaken, ...]:
        """Decide by answers that somebody prepared (`forms.upgrade.saving` says how they look),
        as one step; those that did not apply, or left their option undecided, and why.
        ValueError if they are for another upgrade."""
        return self._answering.answer(data)

    # typing values

    @property
    def form(self) -> FormModel:
        """The new document as a form, for looking things up and reading typed text. It is made
        anew after every decision; set values by `set_text`, not in it."""
        if self._form is None or self._form[0] != self.revision:
            schema, state = self.releases[-1].schema, self._state
            made = FormModel(schema, state.document, held=state.standing.held)
            self._form = self.revision, made
        return self._form[1]

    def _form_place(self, key: Key) -> Path:
        place = self._state.item(key).new_place
        if place is None or not self.form.has(place):
            raise ValueError(
                f"{path_text(self._state.item(key).path)} has no place in the new release"
            )
        return place

    def parse(self, key: Key, text: str) -> Parsed:
        """What typed text would mean for a row; changes nothing. Cheap enough for every key."""
        return self.form.parse(self._form_place(key), text)

    def set_text(self, key: Key, text: str, *, why: str = "") -> Parsed:
        """Set a row from typed text. Nothing changes where the text cannot be read."""
        parsed = self.parse(key, text)
        if parsed.ok:
            self.decide(key, Verb.SET, value=parsed.value, why=why)
        return parsed

    def edit_text(self, key: Key) -> str:
        """What to put into the editor of a row."""
        return self.form.edit_text(self._form_place(key))

    def choices(self, key: Key) -> list[tuple[str, str]]:
        """Texts to choose among, each with a title."""
        return self.form.choices(self._form_place(key))

    def help(self, key: Key) -> Help:
        """All that the new schema says of a row's option."""
        return self.form.help(self._form_place(key))
