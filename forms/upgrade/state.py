"""What a review knows: the releases, what is decided, and what follows from that."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from forms.migrations import Migrations, Runner
from forms.migrations.places import get
from forms.model.row import Problem
from forms.paths import Path
from forms.upgrade.candidates import Candidates
from forms.upgrade.checker import Checker
from forms.upgrade.decision import Became, Choice, Decided, Decisions, Gone, Key, Subject
from forms.upgrade.hop import Hop
from forms.upgrade.ledger import Ledger
from forms.upgrade.options import Options, Release
from forms.upgrade.saving import choices_in
from forms.upgrade.sheet import Item
from forms.upgrade.standing import Standing
from forms.values import ABSENT, identical


class State:
    """Changed by `make`, and by `back` and `forward` over what was made; everything else is
    worked out anew then."""

    def __init__(
        self,
        releases: Sequence[Release],
        values: Mapping[str, Any],
        application: str,
        migrations: Migrations | None,
        ledger: Ledger | None,
        held: Collection[Path],
        runner: Runner | None,
    ) -> None:
        self.application = application
        self.releases = tuple(releases)
        self.values = copy.deepcopy(dict(values))
        self._held = frozenset(held)
        self._runner = runner
        self.hops = _hops(self.releases, application, migrations or Migrations(), ledger)
        self.checker = Checker(self.releases[-1].schema)
        self.candidates = Candidates(self.hops)
        self.decisions = Decisions()
        self.revision = 0
        self.travel()

    def travel(self) -> None:
        self.standing = Standing(
            self.hops,
            self.checker,
            self.values,
            self._held,
            self.decisions.became(),
            self._runner,
        )
        self.refresh()

    def refresh(self) -> None:
        choices = self.choices()
        self.document, homeless = self.standing.document(choices)
        self.problems = self.standing.problems(self.document)
        for key in homeless:
            place = self.standing.sheet.items[key].new_place or ()
            self.problems[key] = Problem(place, "something else is set where this belongs")
        self.open = [item.key for item in self.standing.sheet if self.is_open(item.key)]
        self.revision += 1

    # changing it

    def make(self, label: str, key: Key | None, after: Mapping[Subject, Decided | None]) -> None:
        self.decisions.make(label, key, after)
        self.follow(after)

    def back(self) -> Key | None:
        """Take back the last command; the row that it was about. KeyError if there is none."""
        step = self.decisions.back()
        if step is None:
            raise KeyError("nothing to undo")
        self.follow(step.before)
        return step.key

    def forward(self) -> Key | None:
        step = self.decisions.forward()
        if step is None:
            raise KeyError("nothing to redo")
        self.follow(step.after)
        return step.key

    def forget(self) -> None:
        """Decide nothing, as if nothing had ever been decided."""
        self.decisions = Decisions()
        self.travel()

    def follow(self, changed: Iterable[Subject]) -> None:
        if any(isinstance(subject, Gone) for subject in changed):
            self.travel()
        else:
            self.refresh()

    # asking it

    def choices(self) -> dict[Key, Choice]:
        return dict(choices_in(self.decisions.made))

    def is_open(self, key: Key) -> bool:
        if key in self.problems:
            return True
        return key in self.standing.asks and self.decisions.choice(key) is None

    def ever_asked(self, key: Key) -> bool:
        item = self.item(key)
        return (
            key in self.problems
            or key in self.standing.asks
            or self.standing.base_problem(item) is not None
        )

    def item(self, key: Key) -> Item:
        return self.standing.sheet.items[key]

    def decided_of(self, item: Item) -> Decided | None:
        choice = self.decisions.choice(item.key)
        if choice is not None or item.traveller is None:
            return choice
        return next((one for gone, one in self.links_of(item) if gone), None)

    def links_of(self, item: Item) -> list[tuple[Gone, Became]]:
        """The decided identities by which a value came to its place."""
        found: list[tuple[Gone, Became]] = []
        place = self.hops[0].old.find(item.old_place or ())
        paths = [place.path] if place is not None else []
        for number, hop in enumerate(self.hops):
            after: list[Path] = []
            for path in paths:
                for length in range(len(path), 0, -1):
                    gone = Gone(number, path[:length])
                    made = self.decisions.made.get(gone)
                    if isinstance(made, Became):
                        found.append((gone, made))
                        after.append((*made.new, *path[length:]))
                        break
                else:
                    after += hop.carried(path, {})
            paths = after
        return found

    def is_taken(self, place: Path) -> bool:
        """Is something there already, or decided, so that nothing else can become it?"""
        decided = self.decisions.choice(Key("new", place)) is not None
        return decided or get(self.standing.arrived.document, place) is not ABSENT

    def holds_secret(self, key: Key, value: Any) -> bool:
        item = self.standing.sheet.items.get(key)
        if item is None or value is ABSENT:
            return False
        place = item.new_place or ()
        masked = self.hops[-1].new.masked(place, value)
        return self.standing.is_secret(item) or not identical(masked, value)


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
