"""Decisions that come and go as data: drafts, and answers that somebody prepared."""

from __future__ import annotations

from typing import Any

from forms.paths import path_text
from forms.upgrade.deciding import Deciding
from forms.upgrade.decision import Became, Decided, Gone, Key, Subject, Verb
from forms.upgrade.rows import Said
from forms.upgrade.saving import Answer, NotTaken, choices_in, read_saved, saved
from forms.upgrade.state import State


class Answering:
    def __init__(self, state: State, deciding: Deciding) -> None:
        self._state = state
        self._deciding = deciding

    @property
    def _head(self) -> dict[str, str]:
        first, last = self._state.releases[0].version, self._state.releases[-1].version
        return {"application": self._state.application, "from": first, "to": last}

    def dump(self) -> dict[str, Any]:
        """All decisions as JSON values, to come back to or to give to somebody. Secrets are left
        out; "left_out" says whose values must be set again."""
        secret = {
            key: self._state.holds_secret(key, choice.value)
            for key, choice in choices_in(self._state.decisions.made)
        }
        versions = tuple(release.version for release in self._state.releases)
        return saved(self._head, versions, self._state.decisions.made, secret)

    def load(self, data: Any) -> tuple[NotTaken, ...]:
        """Take up what `dump` gave, in place of all decisions; what could not be taken up. What
        was done before cannot be undone any more. ValueError if it is for another upgrade."""
        read_saved(data, self._head)
        self._state.forget()
        refused = self.answer(data)
        self._state.decisions.forget_steps()
        return refused

    def answer(self, data: Any) -> tuple[NotTaken, ...]:
        """Decide by answers that somebody prepared (`forms.upgrade.saving` says how they look),
        as one step; those that did not apply, or left their option undecided, and why.
        ValueError if they are for another upgrade."""
        answers, refused = read_saved(data, self._head)
        since = self._state.decisions.undoable
        links = [one for one in answers if one.verb is Verb.SAME]
        others = [one for one in answers if one.verb is not Verb.SAME]
        taken: list[tuple[Answer, Key | None]] = []
        for batch in (links, others):
            after: dict[Subject, Decided | None] = {}
            for one in batch:
                try:
                    key, decided = self._by_answer(one)
                except KeyError:
                    refused.append(NotTaken(path_text(one.option), "there is no such option"))
                except ValueError as error:
                    refused.append(NotTaken(path_text(one.option), str(error)))
                else:
                    after |= decided
                    taken.append((one, key))
            if after:
                self._state.make("answers", None, after)
        self._state.decisions.join(since, "answers")
        for answer, at in taken:
            if at is not None and at in self._state.problems:
                refused.append(NotTaken(path_text(answer.option), self._state.problems[at].message))
        return tuple(refused)

    def _by_answer(self, one: Answer) -> tuple[Key | None, dict[Subject, Decided | None]]:
        said = Said("", one.by, one.at, one.why)
        if one.releases is not None and one.target is not None:
            versions = {release.version: i for i, release in enumerate(self._state.releases)}
            if not versions.keys() >= set(one.releases):
                raise ValueError(f"it is about releases {' and '.join(one.releases)}")
            start, end = (versions[version] for version in one.releases)
            gone = Gone(start, one.option)
            if one.target not in self._state.hops[end - 1].new or start >= end:
                raise KeyError(one.target)
            return None, {gone: Became(end, one.target, said.by, said.at, said.why)}
        key = self._key_of(one)
        decided = self._deciding.decision(
            self._state.item(key), one.verb, one.value, one.target, said
        )
        return key, decided

    def _key_of(self, one: Answer) -> Key:
        items = self._state.standing.sheet.items
        if one.side:
            return Key("old" if one.side == "old" else "new", one.option)
        if Key("old", one.option) in items:
            return Key("old", one.option)
        by_place = (item.key for item in items.values() if item.new_place == one.option)
        return next(by_place, Key("new", one.option))
