"""The review of an upgrade: what becomes of every option, and what a person must decide.

This is the face of the package for views. Everything certain is done already when a review is
opened; nothing that a person decides is ever asked again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from forms.migrations import Migrations, Runner
from forms.migrations.places import get
from forms.model.appearance import HIDDEN
from forms.model.form import FormModel
from forms.model.row import Help, Parsed, Problem
from forms.paths import Path, path_text
from forms.upgrade.actions import Actions
from forms.upgrade.candidates import Candidates
from forms.upgrade.checker import Checker
from forms.upgrade.decision import Became, Choice, Decided, Decisions, Gone, Key, Subject, Verb
from forms.upgrade.hop import Hop
from forms.upgrade.ledger import Identity, Ledger
from forms.upgrade.options import Options, Release
from forms.upgrade.rows import Action, Detail, Filter, Row, Rows, Said, shown
from forms.upgrade.saving import Answer, NotTaken, choices_in, read_saved, saved
from forms.upgrade.sheet import Item
from forms.upgrade.standing import Archived, Standing, set_at
from forms.upgrade.status import Status
from forms.values import ABSENT, identical

_ALL = Filter()


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Bulk:
    """The same decision for several rows: to be shown with its count before it is made."""

    label: str
    """An imperative sentence that names the count."""
    decisions: tuple[tuple[Key, Action], ...]

    @property
    def count(self) -> int:
        return len(self.decisions)


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
        self._values = copy.deepcopy(dict(values))
        self._held = frozenset(held)
        self._runner = runner
        self._hops = _hops(self.releases, application, migrations or Migrations(), ledger)
        self._checker = Checker(self.releases[-1].schema)
        self._candidates = Candidates(self._hops)
        self._decisions = Decisions()
        self.revision = 0
        """Grows with everything that changes what rows say."""
        self._travel()

    # what follows from what is decided

    def _travel(self) -> None:
        self._standing = Standing(
            self._hops,
            self._checker,
            self._values,
            self._held,
            self._decisions.became(),
            self._runner,
        )
        self._refresh()

    def _refresh(self) -> None:
        choices = self._choices()
        self._document, homeless = self._standing.document(choices)
        self._problems = self._standing.problems(self._document)
        for key in homeless:
            place = self._standing.sheet.items[key].new_place or ()
            self._problems[key] = Problem(place, "something else is set where this belongs")
        self._open = [item.key for item in self._standing.sheet if self._is_open(item.key)]
        self._rows: dict[Key, Row] = {}
        self._form: FormModel | None = None
        self.revision += 1

    def _choices(self) -> dict[Key, Choice]:
        return dict(choices_in(self._decisions.made))

    def _is_open(self, key: Key) -> bool:
        if key in self._problems:
            return True
        return key in self._standing.asks and self._decisions.choice(key) is None

    def _item(self, key: Key) -> Item:
        return self._standing.sheet.items[key]

    # what there is

    def rows(self, filter: Filter = _ALL) -> Rows:  # noqa: A002
        """The rows that `filter` shows, in the order of the new form."""
        words = filter.text.casefold().split()
        keys = [
            item.key
            for item in self._standing.sheet
            if self._passes(item, filter) and self._speaks_of(item, words)
        ]
        return Rows(keys, self.row)

    def _passes(self, item: Item, wanted: Filter) -> bool:
        if wanted.mine and item.traveller is None:
            return False
        if wanted.section and item.path[: len(wanted.section)] != wanted.section:
            return False
        if wanted.statuses and self._standing.statuses[item.key] not in wanted.statuses:
            return False
        return not wanted.asks or self._ever_asked(item.key)

    def _ever_asked(self, key: Key) -> bool:
        item = self._item(key)
        return (
            key in self._problems
            or key in self._standing.asks
            or self._standing.base_problem(item) is not None
        )

    def _speaks_of(self, item: Item, words: Sequence[str]) -> bool:
        if not words:
            return True
        row, option = self.row(item.key), item.option
        help_ = f"{option.title} {option.description} {option.type_text}" if option else ""
        text = f"{row.old_path} {row.new_path} {row.text} {row.yours} {help_}".casefold()
        return all(word in text for word in words)

    def row(self, key: Key) -> Row:
        """One row, shown or not."""
        found = self._rows.get(key)
        if found is None:
            found = self._rows[key] = self._row(self._item(key))
        return found

    def _row(self, item: Item) -> Row:
        status = self._standing.statuses[item.key]
        problem = self._problems.get(item.key)
        value = ABSENT if item.new_place is None else get(self._document, item.new_place)
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
            asks=self._is_open(item.key),
            decided=self._decided_of(item) is not None,
            secret=self._standing.is_secret(item),
            problem="" if problem is None else _said(problem, item.new_place),
        )

    def text(self, key: Key, value: Any) -> str:
        """A value of a row on one line, its secrets hidden; empty for none."""
        item = self._item(key)
        if value is ABSENT:
            return ""
        if self._standing.is_secret(item):
            return HIDDEN
        for options, place in (
            (self._hops[0].old, item.old_place),
            (self._hops[-1].new, item.new_place),
        ):
            if place is not None:
                value = options.masked(place, value)
        return shown(value)

    def _note(self, item: Item, status: Status, problem: Problem | None) -> str:
        choice = self._decisions.choice(item.key)
        if self._is_open(item.key):
            if status in (Status.CONFLICT, Status.REMOVED):
                return "undecided"
            missing = item.new_place is not None and get(self._document, item.new_place) is ABSENT
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
        item = self._item(key)
        option, old = item.option, item.old
        kind = "" if option is None else option.type_text
        if item.old and item.new and item.old.type_text != item.new.type_text:
            kind = f"{item.new.type_text}, was {item.old.type_text}"
        description = "" if option is None else option.description
        if not description and old is not None:
            description = old.description
        actions, suggested = self._actions.of(item)
        why = tuple(dict.fromkeys(self._why(item)))
        return Detail(self.row(key), kind, description, why, actions, suggested)

    @property
    def _actions(self) -> Actions:
        return Actions(
            self._standing,
            self._checker,
            self._candidates,
            self._document,
            self._problems,
            self.text,
            self._is_taken,
        )

    def _why(self, item: Item) -> Iterator[str]:
        problem = self._problems.get(item.key)
        if problem is not None:
            yield _sentence(_said(problem, item.new_place))
            if problem.hint:
                yield _sentence(problem.hint)
        one = item.traveller
        for number, effect in one.effects if one is not None else ():
            if number >= 0:
                yield f"{self.releases[number + 1].version}: {_sentence(str(effect.change))}"
            if effect.why:
                yield _sentence(effect.why)
            if number >= 0:
                yield from self._said_of(number, effect.change)
        if one is not None and one.parked is not None and one.parked.why:
            yield _sentence(one.parked.why)
        if self._standing.is_conflict(item) or self._standing.statuses[item.key] is Status.DEFAULT:
            was, now = (self.text(item.key, v) for v in (item.old_default, item.new_default))
            yield f"The default was {was or 'none'}, and is {now or 'none'}."
        yield from self._said_by(item)
        yield from self._release_notes(item)

    def said(self, key: Key) -> Said:
        """Who decided what of a row in this review."""
        decided = self._decided_of(self._item(key))
        if decided is None:
            return Said()
        if isinstance(decided, Choice):
            decision = decided.verb.value
        else:
            decision = f"{Verb.SAME.value} {path_text(decided.new)}"
        return Said(decision, decided.by, decided.at, decided.why)

    def _said_of(self, number: int, change: Any) -> Iterator[str]:
        for migration in self._hops[number].declared:
            if any(each.change is change for each in migration.changes):
                yield from (text for text in (migration.note, migration.reference) if text)

    def _said_by(self, item: Item) -> Iterator[str]:
        """Who confirmed that an option is the one that it is taken for."""
        decided = self._decided_of(item)
        if decided is not None and decided.by:
            yield f"Decided by {decided.by}{f' on {decided.at}' if decided.at else ''}."
        if decided is not None and decided.why:
            yield _sentence(decided.why)
        place = item.old.path if item.old is not None else None
        for hop in self._hops:
            known = hop.confirmed.get(place) if place is not None else None
            if known is not None:
                by = f" by {known.by}" if known.by else ""
                yield f"Confirmed before{by}: it is now {path_text(known.new)}."
                place = known.new

    def _release_notes(self, item: Item) -> Iterator[str]:
        """What the notes of the releases say of an option by its name."""
        names = {str(p[-1]) for p in (item.old_place, item.new_place) if p}
        for release in self.releases[1:]:
            for note in release.notes:
                if any(len(name) > 3 and name in note for name in names):
                    yield f"{release.version}: {note}"

    def _decided_of(self, item: Item) -> Decided | None:
        choice = self._decisions.choice(item.key)
        if choice is not None or item.traveller is None:
            return choice
        return next((one for gone, one in self._links_of(item) if gone), None)

    def _links_of(self, item: Item) -> list[tuple[Gone, Became]]:
        """The decided identities by which a value came to its place."""
        found: list[tuple[Gone, Became]] = []
        place = self._hops[0].old.find(item.old_place or ())
        paths = [place.path] if place is not None else []
        for number, hop in enumerate(self._hops):
            after: list[Path] = []
            for path in paths:
                for length in range(len(path), 0, -1):
                    gone = Gone(number, path[:length])
                    made = self._decisions.made.get(gone)
                    if isinstance(made, Became):
                        found.append((gone, made))
                        after.append((*made.new, *path[length:]))
                        break
                else:
                    after += hop.carried(path, {})
            paths = after
        return found

    # numbers

    def counts(self) -> dict[Status, int]:
        """How many rows there are of each status."""
        found = dict.fromkeys(Status, 0)
        for item in self._standing.sheet:
            found[self._standing.statuses[item.key]] += 1
        return found

    @property
    def queue(self) -> tuple[Key, ...]:
        """What a person must still decide, in the order of the rows."""
        return tuple(self._open)

    def next(self, key: Key | None = None, *, back: bool = False) -> Key | None:
        """The next row to decide after (or before) a row; wraps. None if there is none."""
        if not self._open:
            return None
        order = {item.key: i for i, item in enumerate(self._standing.sheet)}
        here = order.get(key, -1) if key is not None else -1
        if back:
            before = [one for one in self._open if order[one] < here]
            return before[-1] if before else self._open[-1]
        return next((one for one in self._open if order[one] > here), self._open[0])

    @property
    def ready(self) -> bool:
        """Is everything decided, and the new document valid?"""
        return not self._open

    # what comes of it

    def document(self) -> Any:
        """A copy of the new document, as it stands; valid if the review is ready."""
        return copy.deepcopy(self._document)

    def archive(self) -> tuple[Archived, ...]:
        """What you had set and is not in the new document as you set it. These hold secrets as
        they are: keep them where secrets are kept."""
        return self._standing.archive(self._document, self._choices())

    def held(self) -> frozenset[Path]:
        """Where the held secrets are in the new document."""
        return self._standing.held

    def identities(self) -> tuple[Identity, ...]:
        """What was confirmed and refused in this review, for the ledger."""
        found = [
            self._identity(gone, one.new, one, end=one.end)
            for gone, one in self._decisions.became().items()
        ]
        for key, choice in self._choices().items():
            item = self._standing.sheet.items.get(key)
            parked = item.traveller.parked if item and item.traveller else None
            if choice.verb is Verb.OUT and parked is not None:
                gone = Gone(parked.hop, parked.option)
                for candidate in self._candidates.of(gone):
                    first, new = candidate.links[0]
                    found.append(self._identity(first, new, choice, is_same=False))
        return tuple(dict.fromkeys(found))

    def _identity(
        self, gone: Gone, new: Path, said: Decided, *, end: int = 0, is_same: bool = True
    ) -> Identity:
        end = end or gone.hop + 1
        return Identity(
            self.application,
            self.releases[gone.hop].version,
            self.releases[end].version,
            gone.option,
            new,
            is_same,
            said.by,
            said.at,
            said.why,
        )

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
        item = self._item(key)
        after = self._decision(
            item,
            verb,
            value,
            target,
            _Said(
                self.who if by is None else by,
                self._clock().isoformat(timespec="seconds") if at is None else at,
                why,
            ),
        )
        self._make(f"{verb.value}: {path_text(item.path)}", key, after)

    def do(self, key: Key, action: Action, *, why: str = "") -> None:
        """Decide one row by an action of its detail."""
        self.decide(key, action.verb, value=action.value, target=action.target, why=why)

    def undecide(self, key: Key) -> None:
        """Take a row's decision back, whenever it was made."""
        item = self._item(key)
        after: dict[Subject, Decided | None] = dict.fromkeys(
            gone for gone, _ in self._links_of(item)
        )
        if self._decisions.choice(key) is not None:
            after[key] = None
        if after:
            self._make(f"undecided: {path_text(item.path)}", key, after)

    def _make(self, label: str, key: Key | None, after: Mapping[Subject, Decided | None]) -> None:
        self._decisions.make(label, key, after)
        self._follow(after)

    def _follow(self, changed: Iterable[Subject]) -> None:
        if any(isinstance(subject, Gone) for subject in changed):
            self._travel()
        else:
            self._refresh()

    def _decision(
        self, item: Item, verb: Verb, value: Any, target: Path | None, said: _Said
    ) -> dict[Subject, Decided | None]:
        if verb is Verb.SAME:
            return self._same(item, target, said)
        name = path_text(item.path)
        if item.new_place is None:
            if item.traveller is None or verb is not Verb.OUT:
                raise ValueError(f"{name} has no place in the new release")
        elif verb is Verb.SET:
            if value is ABSENT:
                raise ValueError(f"there is no value to set for {name}")
            if not set_at(self.document(), item.new_place, copy.deepcopy(value)):
                raise ValueError(f"something else is set where {name} belongs")
        elif verb is Verb.KEEP and self._standing.carried(item) is ABSENT:
            raise ValueError(f"{name} has no value of yours to keep")
        elif item.new_place == ():
            raise ValueError("the whole document cannot be taken out")
        kept = copy.deepcopy(value) if verb is Verb.SET else ABSENT
        return {item.key: Choice(verb, kept, said.by, said.at, said.why)}

    def _same(self, item: Item, target: Path | None, said: _Said) -> dict[Subject, Decided | None]:
        parked = item.traveller.parked if item.traveller is not None else None
        name = path_text(item.path)
        if parked is None:
            raise ValueError(f"{name} is not gone: it need not be looked for")
        if target is None:
            raise ValueError(f"it is not said which option {name} is now")
        gone = Gone(parked.hop, parked.option)
        links = self._links(gone, target)
        if self._is_taken(target):
            raise ValueError(f"{path_text(target)} is set already")
        after: dict[Subject, Decided | None] = {
            one: Became(end, new, said.by, said.at, said.why) for one, end, new in links
        }
        if self._decisions.choice(item.key) is not None:
            after[item.key] = None
        return after

    def _is_taken(self, place: Path) -> bool:
        """Is something there already, or decided, so that nothing else can become it?"""
        decided = self._decisions.choice(Key("new", place)) is not None
        return decided or get(self._standing.arrived.document, place) is not ABSENT

    def _links(self, gone: Gone, target: Path) -> list[tuple[Gone, int, Path]]:
        """What has to be identical for a gone option to be the one at `target`, with stars."""
        found = next((c for c in self._candidates.of(gone) if c.path == target), None)
        if found is not None:
            return [(one, one.hop + 1, new) for one, new in found.links]
        for end in range(gone.hop + 1, len(self.releases)):
            options = self._hops[end - 1].new
            for path in (target, *self._ancestry(target, end)):
                if path in options and self._forward(path, end) == target:
                    return [(gone, end, path)]
        raise ValueError(f"the new release has no option {path_text(target)}")

    def _ancestry(self, target: Path, end: int) -> list[Path]:
        """Options of a release that are known to become the one at `target`."""
        paths = [target]
        for hop in reversed(self._hops[end:]):
            paths = [
                old for old, ends in hop.became.items() if any(one in paths for one in ends)
            ] + paths
        return paths

    def _forward(self, path: Path, start: int) -> Path | None:
        for hop in self._hops[start:]:
            carried = hop.carried(path, {})
            if len(carried) != 1:
                return None
            path = carried[0]
        return path

    def undo(self) -> Key | None:
        """Take back the last command; the row that it was about, if that was one. KeyError
        (there is nothing to undo)."""
        step = self._decisions.back()
        if step is None:
            raise KeyError("nothing to undo")
        self._follow(step.before)
        return step.key

    def redo(self) -> Key | None:
        step = self._decisions.forward()
        if step is None:
            raise KeyError("nothing to redo")
        self._follow(step.after)
        return step.key

    @property
    def undoable(self) -> int:
        """How many commands can be undone."""
        return self._decisions.undoable

    # several at once

    def bulks(self, section: Path = ()) -> list[Bulk]:
        """What can be decided at once of all that is open, in all or in one section."""
        verbs: dict[str, list[tuple[Key, Action]]] = {}
        for key in self._open:
            item = self._item(key)
            if item.path[: len(section)] != section:
                continue
            actions, suggested = self._actions.of(item)
            if suggested:
                verbs.setdefault("do what is suggested for", []).append((key, actions[0]))
            for action in actions:
                if action.verb in _BULK_WORDS and action.score is None:
                    verbs.setdefault(_BULK_WORDS[action.verb], []).append((key, action))
        where = f" in {path_text(section)}" if section else ""
        return [
            Bulk(f"{words} {len(several)} option{'s' * (len(several) > 1)}{where}", tuple(several))
            for words, several in verbs.items()
        ]

    def do_all(self, bulk: Bulk, *, why: str = "") -> None:
        """Make a bulk decision, as one step."""
        said = _Said(self.who, self._clock().isoformat(timespec="seconds"), why)
        after: dict[Subject, Decided | None] = {}
        for key, action in bulk.decisions:
            after |= self._decision(self._item(key), action.verb, action.value, action.target, said)
        self._make(bulk.label, None, after)

    # leaving and coming back, and answers of others

    @property
    def _head(self) -> dict[str, str]:
        first, last = self.releases[0].version, self.releases[-1].version
        return {"application": self.application, "from": first, "to": last}

    def dump(self) -> dict[str, Any]:
        """All decisions as JSON values, to come back to or to give to somebody. Secrets are left
        out; "left_out" says whose values must be set again."""
        secret = {
            key: self._holds_secret(key, choice.value)
            for key, choice in choices_in(self._decisions.made)
        }
        versions = tuple(release.version for release in self.releases)
        return saved(self._head, versions, self._decisions.made, secret)

    def _holds_secret(self, key: Key, value: Any) -> bool:
        item = self._standing.sheet.items.get(key)
        if item is None or value is ABSENT:
            return False
        place = item.new_place or ()
        masked = self._hops[-1].new.masked(place, value)
        return self._standing.is_secret(item) or not identical(masked, value)

    def load(self, data: Any) -> tuple[NotTaken, ...]:
        """Take up what `dump` gave, in place of all decisions; what could not be taken up. What
        was done before cannot be undone any more. ValueError if it is for another upgrade."""
        read_saved(data, self._head)
        self._decisions = Decisions()
        self._travel()
        refused = self.answer(data)
        self._decisions.forget_steps()
        return refused

    def answer(self, data: Any) -> tuple[NotTaken, ...]:
        """Decide by answers that somebody prepared (`forms.upgrade.saving` says how they look),
        as one step; those that did not apply, or left their option undecided, and why.
        ValueError if they are for another upgrade."""
        answers, refused = read_saved(data, self._head)
        since = self._decisions.undoable
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
                self._make("answers", None, after)
        self._decisions.join(since, "answers")
        for answer, at in taken:
            if at is not None and at in self._problems:
                refused.append(NotTaken(path_text(answer.option), self._problems[at].message))
        return tuple(refused)

    def _by_answer(self, one: Answer) -> tuple[Key | None, dict[Subject, Decided | None]]:
        said = _Said(one.by, one.at, one.why)
        if one.releases is not None and one.target is not None:
            versions = {release.version: i for i, release in enumerate(self.releases)}
            if not versions.keys() >= set(one.releases):
                raise ValueError(f"it is about releases {' and '.join(one.releases)}")
            start, end = (versions[version] for version in one.releases)
            gone = Gone(start, one.option)
            if one.target not in self._hops[end - 1].new or start >= end:
                raise KeyError(one.target)
            return None, {gone: Became(end, one.target, said.by, said.at, said.why)}
        key = self._key_of(one)
        decided = self._decision(self._item(key), one.verb, one.value, one.target, said)
        return key, decided

    def _key_of(self, one: Answer) -> Key:
        items = self._standing.sheet.items
        if one.side:
            return Key("old" if one.side == "old" else "new", one.option)
        if Key("old", one.option) in items:
            return Key("old", one.option)
        by_place = (item.key for item in items.values() if item.new_place == one.option)
        return next(by_place, Key("new", one.option))

    # typing values

    @property
    def form(self) -> FormModel:
        """The new document as a form, for looking things up and reading typed text. It is made
        anew after every decision; set values by `set_text`, not in it."""
        if self._form is None:
            schema = self.releases[-1].schema
            self._form = FormModel(schema, self._document, held=self._standing.held)
        return self._form

    def _form_place(self, key: Key) -> Path:
        place = self._item(key).new_place
        if place is None or not self.form.has(place):
            raise ValueError(f"{path_text(self._item(key).path)} has no place in the new release")
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

    @cached_property
    def title(self) -> str:
        name = f"{self.application} " if self.application else ""
        return f"{name}{self.releases[0].version} -> {self.releases[-1].version}"


@dataclass(frozen=True, slots=True)
class _Said:
    by: str
    at: str
    why: str


_BULK_WORDS = {
    Verb.KEEP: "keep your value of",
    Verb.DEFAULT: "take the new default of",
    Verb.OUT: "take out",
}


def _hops(
    releases: Sequence[Release], application: str, migrations: Migrations, ledger: Ledger | None
) -> list[Hop]:
    options = [Options(release) for release in releases]
    return [
        Hop(
            old,
            new,
            migrations.between(old.release.version, new.release.version) if migrations.all else (),
            ()
            if ledger is None
            else ledger.about(
                application,
                (old.release.version, old.listing),
                (new.release.version, new.listing),
            ),
        )
        for old, new in pairwise(options)
    ]


def _said(problem: Problem, place: Path | None) -> str:
    inside = problem.path[len(place) :] if place is not None else ()
    return f"{path_text(inside)} {problem.message}" if inside else problem.message


def _sentence(text: str) -> str:
    first = text.partition(" ")[0]
    if not set("._") & set(first.rstrip(".")):  # the path of an option stays as it is written
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
