"""What a review says of its rows: one line of each, and all that is known of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forms.migrations.places import get
from forms.model.appearance import HIDDEN
from forms.model.row import Problem
from forms.paths import path_text
from forms.upgrade.actions import Actions
from forms.upgrade.decision import Choice, Key, Verb
from forms.upgrade.reasons import Reasons, problem_text
from forms.upgrade.rows import Action, Detail, Filter, Row, Rows, Said, shown
from forms.upgrade.secrecy import Secrets, secret_values
from forms.upgrade.sheet import Item
from forms.upgrade.state import State
from forms.upgrade.status import Status
from forms.values import ABSENT


class Telling:
    """Rows are kept until something changes: a view asks for the same ones again and again."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._reasons = Reasons(state, self.text)
        self._rows: dict[Key, Row] = {}
        self._revision = state.revision

    def rows(self, filter: Filter) -> Rows:  # noqa: A002
        """The rows that `filter` shows, in the order of the new form."""
        words = filter.text.casefold().split()
        keys = [
            item.key
            for item in self._state.standing.sheet
            if self._passes(item, filter) and self._speaks_of(item, words)
        ]
        return Rows(keys, self.row)

    def _passes(self, item: Item, wanted: Filter) -> bool:
        if wanted.mine and item.traveller is None:
            return False
        if wanted.section and item.path[: len(wanted.section)] != wanted.section:
            return False
        if wanted.statuses and self._state.standing.statuses[item.key] not in wanted.statuses:
            return False
        return not wanted.asks or self._state.ever_asked(item.key)

    def _speaks_of(self, item: Item, words: Sequence[str]) -> bool:
        if not words:
            return True
        row, option = self.row(item.key), item.option
        help_ = f"{option.title} {option.description} {option.type_text}" if option else ""
        text = f"{row.old_path} {row.new_path} {row.text} {row.yours} {help_}".casefold()
        return all(word in text for word in words)

    def row(self, key: Key) -> Row:
        """One row, shown or not."""
        if self._revision != self._state.revision:
            self._rows, self._revision = {}, self._state.revision
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self._row(self._state.item(key))
        return found

    def _row(self, item: Item) -> Row:
        status = self._state.standing.statuses[item.key]
        problem = self._state.problems.get(item.key)
        value = ABSENT if item.new_place is None else get(self._state.document, item.new_place)
        if value is ABSENT:
            value = item.new_default if item.new_place is not None else ABSENT
        yours = ABSENT if item.traveller is None else item.traveller.value
        return Row(
            key=item.key,
            path=path_text(item.path),
            old_path="" if item.old_place is None else path_text(item.old_place),
            new_path="" if item.new_place is None else path_text(item.new_place),
            status=status,
            mark=status.mark,
            text=self.text(item.key, value),
            yours=self.text(item.key, yours),
            old_default=self.text(item.key, item.old_default),
            new_default=self.text(item.key, item.new_default),
            note=self._note(item, status, problem),
            asks=self._state.is_open(item.key),
            decided=self._state.decided_of(item) is not None,
            secret=self._state.standing.is_secret(item),
            problem="" if problem is None else problem_text(problem, item.new_place),
        )

    def text(self, key: Key, value: Any) -> str:
        """A value of a row on one line, its secrets hidden; empty for none."""
        item = self._state.item(key)
        if value is ABSENT:
            return ""
        if self._state.standing.is_secret(item):
            return HIDDEN
        for options, place in (
            (self._state.hops[0].old, item.old_place),
            (self._state.hops[-1].new, item.new_place),
        ):
            if place is not None:
                value = options.masked(place, value)
        return shown(value)

    def _note(self, item: Item, status: Status, problem: Problem | None) -> str:
        choice = self._state.decisions.choice(item.key)
        if self._state.is_open(item.key):
            if status in (Status.CONFLICT, Status.REMOVED):
                return "undecided"
            missing = (
                item.new_place is not None and get(self._state.document, item.new_place) is ABSENT
            )
            return "needs a value" if problem is not None and missing else status.value
        if choice is not None:
            return {
                Verb.KEEP: "you keep yours",
                Verb.DEFAULT: "new default",
                Verb.SET: "set",
                Verb.OUT: "taken out",
                Verb.SAME: "",
            }[choice.verb]
        if status is Status.MOVED and item.new_place is not None:
            return f"was {path_text(item.old_place or ())}"
        if status is Status.DEFAULT:
            was = self.text(item.key, item.old_default) or "none"
            return f"default was {was}"
        return "" if status is Status.SAME else status.value

    def detail(self, key: Key) -> Detail:
        """All that is known of one row, and what can be decided."""
        item = self._state.item(key)
        option, old = item.option, item.old
        kind = "" if option is None else option.type_text
        if item.old and item.new and item.old.type_text != item.new.type_text:
            kind = f"{item.new.type_text}, was {item.old.type_text}"
        description = "" if option is None else option.description
        if not description and old is not None:
            description = old.description
        actions, suggested = self.actions(key)
        why = tuple(dict.fromkeys(self._reasons.of(item)))
        return Detail(self.row(key), kind, description, why, actions, suggested)

    def actions(self, key: Key) -> tuple[tuple[Action, ...], bool]:
        """What can be decided of a row, and whether the first of it is to be suggested."""
        state = self._state
        found = Actions(
            state.standing,
            state.checker,
            state.candidates,
            state.document,
            state.problems,
            self.text,
            state.is_taken,
        )
        return found.of(state.item(key))

    def said(self, key: Key) -> Said:
        """Who decided what of a row in this review."""
        decided = self._state.decided_of(self._state.item(key))
        if decided is None:
            return Said()
        if isinstance(decided, Choice):
            decision = decided.verb.value
        else:
            decision = f"{Verb.SAME.value} {path_text(decided.new)}"
        return Said(decision, decided.by, decided.at, decided.why)

    def secrets(self) -> Secrets:
        """All secrets that the upgrade has to do with."""
        state = self._state
        chosen = [c.value for k, c in state.choices().items() if state.holds_secret(k, c.value)]
        brought = [
            item.traveller.value
            for item in state.standing.sheet
            if item.traveller is not None and state.standing.is_secret(item)
        ]
        old = secret_values(state.hops[0].old, state.values)
        new = secret_values(state.hops[-1].new, state.document)
        return Secrets([*chosen, *brought, *old, *new])
