"""What is said of one pair of options: its types, words, values, bounds, and what lies in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from forms.diff import arrivals, enumerations, kinds, pairing, rules, words
from forms.diff.children import children_of
from forms.diff.difference import Kind
from forms.diff.lockstep import Pair
from forms.diff.meaning import Meaning
from forms.diff.overlap import EXCLUSIVE
from forms.diff.retyping import enumerated
from forms.diff.work import Work


@dataclass(slots=True)
class Pairwise:
    """Compares one pair after the other; adds pairs of what lies in them to the walk."""

    work: Work
    _unclear: list[tuple[Pair, Kind]] = field(default_factory=list)
    """Where a value may fit several forms, though it must fit one, and the forms changed."""

    def compare(self, pair: Pair) -> None:
        """Note how the two differ."""
        old, new = self.work.old.meaning(pair.old), self.work.new.meaning(pair.new)
        if old.plain and new.plain and old.alternatives is new.alternatives:
            if not pair.added:
                words.note_words(self.work, pair, old, new)
            return
        if not pair.added:
            pair.old_keys = frozenset(children_of(self.work.old, old))
            pair.new_keys = frozenset(children_of(self.work.new, new))
        words.note_types(self.work, pair, old, new)
        if not pair.added:
            words.note_words(self.work, pair, old, new)
        rules.compare_rules(self.work, pair, old.rules, new.rules)
        rules.compare_conditions(self.work, pair, old.conditions, new.conditions)
        exclusive = self._exclusive(pair, old, new)
        listed = enumerated(old) and enumerated(new)
        for name in {one.kind: None for one in (*old.alternatives, *new.alternatives)}:
            before = [one for one in old.alternatives if one.kind == name]
            after = [one for one in new.alternatives if one.kind == name]
            if before and after:
                kinds.compare_forms(self.work, pair, before, after, exclusive)
            elif listed:
                enumerations.compare_values(
                    self.work,
                    pair,
                    enumerations.all_listed(name, before),
                    enumerations.all_listed(name, after),
                )
        if not pair.added:
            arrivals.come_and_gone(self.work, pair, old, new)

    def close(self) -> None:
        """Note what could only be seen when all pairs had been compared.

        If no value may fit two of several forms, a looser form may forbid what was valid. What
        was said of the forms themselves is enough where it promises nothing about that.
        """
        for pair, kind in self._unclear:
            fit = all(map(self.work.fits(pair.new), (value for _, value in pair.hits)))
            if not (fit and self.work.findings.leave_open(pair.old_path, pair.new_path)):
                self.work.constraint(pair, kind, EXCLUSIVE)

    def _exclusive(self, pair: Pair, old: Meaning, new: Meaning) -> bool:
        """Note if what oneOf asks beyond anyOf changed; does it ask anything?"""
        before = self.work.overlaps.rules(self.work.old, old)
        after = self.work.overlaps.rules(self.work.new, new)
        met, gone, come = pairing.paired(before, after, self.work.validity.rules_alike)
        _, *left = pairing.paired(
            self.work.overlaps.hidden(self.work.old, old),
            self.work.overlaps.hidden(self.work.new, new),
            self.work.validity.alternatives_alike,
        )
        if (met or gone) and (met or come) and (gone or come or any(left)):
            self._unclear.append((pair, Kind.CHANGED))
        elif gone or come:
            self._unclear.append((pair, Kind.TIGHTENED if come else Kind.LOOSENED))
        return bool(before or after)
