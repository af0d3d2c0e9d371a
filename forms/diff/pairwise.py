"""What is said of one pair of options: its types, words, values, bounds, and what lies in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from forms.diff import constraints, judge, pairing
from forms.diff.alike import Likeness
from forms.diff.children import ANY, children_of, required_of
from forms.diff.difference import Kind
from forms.diff.findings import Findings
from forms.diff.judge import Set
from forms.diff.listing import listed
from forms.diff.lockstep import Pair, Walk, entries, inside, items
from forms.diff.meaning import Alternative, Condition, Meaning, Rule
from forms.diff.overlap import EXCLUSIVE, Overlaps
from forms.diff.reader import Reader
from forms.diff.retyping import enumerated, retyping
from forms.diff.wording import bound_word, brief, kind_word, type_text
from forms.paths import Path
from forms.schema.load import Schema
from forms.values import ABSENT, same

_MOST_INSIDE = 10_000
"""Options that are listed of a section that came or went."""
_STATES = {
    "readOnly": "is only read",
    "x-managed": "is decided by Homeport",
    "secret": "is a secret",
}


@dataclass(slots=True)
class Pairwise:
    """Compares one pair after the other; adds pairs of what lies in them to the walk."""

    old: Reader
    new: Reader
    likeness: Likeness
    validity: Likeness
    """The same without annotations: for what decides only whether a value is valid."""
    overlaps: Overlaps
    walk: Walk
    findings: Findings
    given: bool
    """Are there values of the user?"""
    _unclear: list[tuple[Pair, Kind]] = field(default_factory=list)
    """Where a value may fit several forms, though it must fit one, and the forms changed."""

    def compare(self, pair: Pair) -> None:
        """Note how the two differ."""
        old, new = self.old.meaning(pair.old), self.new.meaning(pair.new)
        if old.plain and new.plain and old.alternatives is new.alternatives:
            if not pair.added:
                self._words(pair, old, new)
            return
        if not pair.added:
            pair.old_keys = frozenset(children_of(self.old, old))
            pair.new_keys = frozenset(children_of(self.new, new))
        self._types(pair, old, new)
        if not pair.added:
            self._words(pair, old, new)
        self._rules(pair, old.rules, new.rules)
        self._conditions(pair, old.conditions, new.conditions)
        exclusive = self._exclusive(pair, old, new)
        listed = enumerated(old) and enumerated(new)
        for name in {one.kind: None for one in (*old.alternatives, *new.alternatives)}:
            before = [one for one in old.alternatives if one.kind == name]
            after = [one for one in new.alternatives if one.kind == name]
            if before and after:
                self._alternatives(pair, before, after, exclusive)
            elif listed:
                self._values(pair, _all_listed(name, before), _all_listed(name, after))
        if not pair.added:
            self._keys(pair, old, new)

    def close(self) -> None:
        """Note what could only be seen when all pairs had been compared.

        If no value may fit two of several forms, a looser form may forbid what was valid. What
        was said of the forms themselves is enough where it promises nothing about that.
        """
        for pair, kind in self._unclear:
            fit = all(map(self._fits(pair.new), (value for _, value in pair.hits)))
            if not (fit and self.findings.leave_open(pair.old_path, pair.new_path)):
                self._constraint(pair, kind, EXCLUSIVE)

    def _exclusive(self, pair: Pair, old: Meaning, new: Meaning) -> bool:
        """Note if what oneOf asks beyond anyOf changed; does it ask anything?"""
        before = self.overlaps.rules(self.old, old)
        after = self.overlaps.rules(self.new, new)
        met, gone, come = pairing.paired(before, after, self.validity.rules_alike)
        _, *left = pairing.paired(
            self.overlaps.hidden(self.old, old),
            self.overlaps.hidden(self.new, new),
            self.validity.alternatives_alike,
        )
        if (met or gone) and (met or come) and (gone or come or any(left)):
            self._unclear.append((pair, Kind.CHANGED))
        elif gone or come:
            self._unclear.append((pair, Kind.TIGHTENED if come else Kind.LOOSENED))
        return bool(before or after)

    def _note(
        self, pair: Pair, kind: Kind, verdict: judge.Verdict, text: str, **details: Any
    ) -> None:
        details = {"old_path": pair.old_path, "new_path": pair.new_path, **details}
        self.findings.add(kind, verdict, text, pair=pair, **details)

    def _fits(self, schema: Schema) -> Callable[[Any], bool]:
        return lambda value: self.new.validator.is_valid(schema, value)

    def _types(self, pair: Pair, old: Meaning, new: Meaning) -> None:
        changed = retyping(self.new, old, new)
        if changed is None:
            return
        fits = self._fits(pair.new)
        verdict = judge.of_retyped(self.given, pair.hits, fits, changed.superset, changed.lossless)
        text = f"was {changed.old}, is {changed.new}"
        if not changed.superset:
            text += ", without loss" if changed.lossless else ", which not every value becomes"
        self._note(
            pair,
            Kind.RETYPED,
            verdict,
            text,
            old=changed.old,
            new=changed.new,
            lossless=changed.lossless,
            hits=pair.hits,
        )

    def _words(self, pair: Pair, old: Meaning, new: Meaning) -> None:
        before, after = (it.words.get("default", ABSENT) for it in (old, new))
        if before is not after and (ABSENT in (before, after) or not same(before, after)):
            verdict = judge.of_default(self.given, pair.hits, before, after)
            text = f"default was {_shown(before)}, is {_shown(after)}"
            self._note(pair, Kind.DEFAULT, verdict, text, old=before, new=after, hits=pair.hits)
        deprecated = bool(new.words.get("deprecated"))
        if bool(old.words.get("deprecated")) != deprecated:
            self._deprecation(pair, deprecated, "is", pair.hits)
        for keyword, state in _STATES.items():
            if keyword == "secret":
                was, now = old.secret, new.secret
            else:
                was, now = bool(old.words.get(keyword)), bool(new.words.get(keyword))
            if was != now:
                text = f"now {state}" if now else f"no longer {state}"
                self._constraint(pair, Kind.CHANGED, keyword, text=text, old=was, new=now)

    def _deprecation(self, pair: Pair, deprecated: bool, subject: str, hits: Set) -> None:
        if deprecated:
            verdict = judge.of_deprecated(self.given, hits)
            self._note(pair, Kind.DEPRECATED, verdict, f"{subject} deprecated", hits=hits)
        else:
            text = f"{subject} no longer deprecated"
            self._note(pair, Kind.UNDEPRECATED, judge.NO_MATTER, text)

    def _constraint(
        self,
        pair: Pair,
        kind: Kind,
        keyword: str,
        *,
        old: Any = ABSENT,
        new: Any = ABSENT,
        text: str = "",
        probe: Schema | None = None,
    ) -> None:
        """A bound or rule that differs. probe: the schema that tells whether a value fits."""
        fits = self._fits(pair.new if probe is None else probe)
        verdict = judge.of_constraint(kind, self.given, pair.hits, fits)
        if not text:
            text = f"{bound_word(keyword)} {_turn(kind, old, new)}"
        self._note(pair, kind, verdict, text, keyword=keyword, old=old, new=new, hits=pair.hits)

    def _rules(self, pair: Pair, old: Iterable[Rule], new: Iterable[Rule]) -> None:
        _, gone, come = pairing.paired(old, new, self.likeness.rules_alike)
        both, gone, come = pairing.paired(gone, come, lambda a, b: a.keyword == b.keyword)
        for one, other in both:
            if one.keyword not in ("anyOf", "oneOf"):
                self._constraint(pair, Kind.CHANGED, one.keyword)
                continue
            met, lost, found = pairing.branches(self.likeness, one, other, (self.old, self.new))
            for before, after in met:
                self._add_to(pair, before, after, "in one of many forms")
            if lost or found:
                text = f"{len(found)} forms came and {len(lost)} went, of {len(other.schemas)}"
                kind = Kind.CHANGED if lost and found else Kind.TIGHTENED if lost else Kind.LOOSENED
                if one.keyword == "oneOf":
                    kind = Kind.CHANGED
                self._constraint(pair, kind, one.keyword, text=text)
        for one in gone:
            self._constraint(pair, Kind.LOOSENED, one.keyword)
        for one in come:
            self._constraint(pair, Kind.TIGHTENED, one.keyword)

    def _conditions(self, pair: Pair, old: Iterable[Condition], new: Iterable[Condition]) -> None:
        met, gone, come = pairing.conditions(self.likeness, old, new)
        for one, other in met:
            where = f"where {one.key} is set" if one.key else "under a condition"
            self._add_to(pair, one.then, other.then, where)
            otherwise = "unless a condition holds"
            self._add_to(pair, one.otherwise, other.otherwise, otherwise)
        while gone and come:
            gone.pop()
            come.pop()
            self._constraint(pair, Kind.CHANGED, "if")
        for _ in gone:
            self._constraint(pair, Kind.LOOSENED, "if")
        for _ in come:
            self._constraint(pair, Kind.TIGHTENED, "if")

    def _add_to(self, pair: Pair, old: Schema, new: Schema, where: str) -> None:
        """Compare schemas that add to those of a pair, where they hold."""
        self.walk.add(
            Pair(
                pair.old_path,
                pair.new_path,
                old,
                new,
                pair.hits,
                pair,
                where,
                pair.old_keys,
                pair.new_keys,
                added=True,
            )
        )

    def _alternatives(
        self, pair: Pair, old: list[Alternative], new: list[Alternative], exclusive: bool
    ) -> None:
        """exclusive: may a value fit but one form? A form more may forbid values then."""
        met, gone, come = pairing.forms(self.likeness, old, new)
        several = len(old) > 1 or len(new) > 1
        for one, other in met:
            hits = pair.hits
            mark = self.old.mark(one) if several else None
            if mark is not None:
                hits = tuple(hit for hit in hits if _marked(hit[1], *mark))
            self._values(pair, one, other)
            if one.deprecated != other.deprecated:
                name = _name(self.new, other) or kind_word(other.kind, other.whole)
                self._deprecation(pair, other.deprecated, f"its form {name} is", hits)
            if one.values is None and other.values is None:
                for change in constraints.changes(one, other):
                    self._change(pair, change)
                self._rules(pair, one.rules, other.rules)
                self._conditions(pair, one.conditions, other.conditions)
                self._section(pair, one, other, hits)
                self._map(pair, one, other, hits)
                self._list(pair, one, other, hits)
        for one in gone:
            name = _name(self.old, one)
            text = f"one form {'(' + name + ') ' if name else ''}is no longer allowed"
            kind = Kind.CHANGED if exclusive else Kind.TIGHTENED
            self._constraint(pair, kind, "form", old=name or one.kind, text=text)
        for one in come:
            name = _name(self.new, one)
            text = f"one more form {'(' + name + ') ' if name else ''}is allowed"
            kind = Kind.CHANGED if exclusive else Kind.LOOSENED
            self._constraint(pair, kind, "form", new=name or one.kind, text=text)

    def _change(self, pair: Pair, change: constraints.Change) -> None:
        keyword = change.keyword
        probe: Schema | None = None
        if keyword != "together" and change.new is not ABSENT and not isinstance(change.new, list):
            probe = {keyword: change.new}
        self._constraint(pair, change.kind, keyword, old=change.old, new=change.new, probe=probe)

    def _values(self, pair: Pair, old: Alternative, new: Alternative) -> None:
        if old.values is None and new.values is None:
            return
        if old.values is None or new.values is None:
            listed_values = old.values or new.values or ()
            other = self.new if new.values is None else self.old
            schema = pair.new if new.values is None else pair.old
            kind = Kind.CHANGED
            if old.kind == "boolean" or all(
                other.validator.is_valid(schema, value) for value in listed_values
            ):
                kind = Kind.LOOSENED if new.values is None else Kind.TIGHTENED
            shown = ", ".join(map(brief, listed_values[:6]))
            text = (
                f"any value is allowed, no longer {shown} only"
                if new.values is None
                else f"only {shown} is allowed"
                if len(listed_values) == 1
                else f"only some values are allowed: {shown}{', ...' * (len(listed_values) > 6)}"
            )
            self._constraint(
                pair, kind, "enum", old=_list(old.values), new=_list(new.values), text=text
            )
            return
        marked = self.new.meaning(pair.new).words.get("x-renamed-values")
        changed = constraints.values(old, new, marked if isinstance(marked, dict) else {})
        for was, now, declared in changed.renamed:
            verdict = judge.of_value(Kind.VALUE_RENAMED, self.given, pair.hits, was, declared)
            verb = "is" if declared else "is probably"
            text = f"the value {brief(was)} {verb} now called {brief(now)}"
            self._note(
                pair, Kind.VALUE_RENAMED, verdict, text, old=was, new=now, hits=_using(pair, was)
            )
        for was in changed.dropped:
            verdict = judge.of_value(Kind.VALUE_DROPPED, self.given, pair.hits, was)
            text = f"the value {brief(was)} is no longer allowed"
            self._note(pair, Kind.VALUE_DROPPED, verdict, text, old=was, hits=_using(pair, was))
        for now in changed.added:
            verdict = judge.of_value(Kind.VALUE_ADDED, self.given, pair.hits, now)
            text = f"the value {brief(now)} is allowed too"
            self._note(pair, Kind.VALUE_ADDED, verdict, text, new=now)

    def _section(self, pair: Pair, old: Alternative, new: Alternative, hits: Set) -> None:
        for key in dict.fromkeys((*old.properties, *new.properties)):
            before, after = old.properties.get(key), new.properties.get(key)
            old_at, new_at = (*pair.old_path, key), (*pair.new_path, key)
            if before is not None and after is not None:
                if self.walk.settled(old_at, new_at, before, after):
                    continue
                if not (self.walk.leaves(old_at) or self.walk.comes(new_at)):
                    self._child(pair, key, before, after, inside(hits, key))
            elif self.walk.leaves(old_at) or self.walk.comes(new_at):
                continue
            elif key in new.properties and key in pair.old_keys:
                kind = Kind.LOOSENED if old.additional is False else Kind.TIGHTENED
                self._sometimes(pair, key, kind, hits)
            elif key in old.properties and key in pair.new_keys:
                kind = Kind.TIGHTENED if new.additional is False else Kind.LOOSENED
                self._sometimes(pair, key, kind, hits)
        for key in sorted(old.required ^ new.required):
            known = key in pair.old_keys, key in pair.new_keys
            moved = self.walk.leaves((*pair.old_path, key)) or self.walk.comes(
                (*pair.new_path, key)
            )
            if not moved and (known == (True, True) or known == (False, False)):
                self._required(pair, key, new, hits)

    def _sometimes(self, pair: Pair, key: str, kind: Kind, hits: Set) -> None:
        """A key that came into or went from one of several forms that its section takes."""
        at = Pair(
            (*pair.old_path, key), (*pair.new_path, key), pair.old, True, inside(hits, key), pair
        )
        at.where = pair.where or "in one of several forms"
        word = "less" if kind is Kind.LOOSENED else "more"
        self._constraint(at, kind, "form", text=f"{word} is asked of it")

    def _required(self, pair: Pair, key: str, new: Alternative, hits: Set) -> None:
        at = (*pair.old_path, key), (*pair.new_path, key)
        if key not in new.required:
            self._note(
                pair,
                Kind.OPTIONAL,
                judge.NO_MATTER,
                "need no longer be set",
                old_path=at[0],
                new_path=at[1],
            )
            return
        default = ABSENT
        if key in new.properties:
            default = self.new.meaning(new.properties[key]).words.get("default", ABSENT)
        missing = [
            (*where, key) for where, value in hits if isinstance(value, dict) and key not in value
        ]
        verdict = judge.of_required(self.given, missing, default is not ABSENT)
        self._note(
            pair,
            Kind.REQUIRED,
            verdict,
            "must be set",
            old_path=at[0],
            new_path=at[1],
            hits=tuple((path, None) for path in missing),
        )

    def _map(self, pair: Pair, old: Alternative, new: Alternative, hits: Set) -> None:
        if old.kind != "object":
            return
        met, gone, come = pairing.paired(old.patterns, new.patterns, lambda a, b: a == b)
        for pattern, _ in met:
            found = entries(hits, old, pattern)
            self._child(pair, ANY, old.patterns[pattern], new.patterns[pattern], found)
        if gone and come:
            self._constraint(pair, Kind.CHANGED, "patternProperties", old=gone, new=come)
            for one, other in zip(gone, come, strict=False):
                found = entries(hits, old, one)
                self._child(pair, ANY, old.patterns[one], new.patterns[other], found)
        elif gone or come:
            told = "no longer told apart" if gone else "told apart"
            text = f"entries named like {brief((gone or come)[0])} are {told}"
            self._constraint(pair, Kind.CHANGED, "patternProperties", old=gone, new=come, text=text)
        found = entries(hits, old)
        if (old.additional is False) != (new.additional is False):
            closed = new.additional is False
            text = f"other entries are {'no longer' if closed else 'now'} allowed"
            kind = Kind.TIGHTENED if closed else Kind.LOOSENED
            known = dict.fromkeys(new.properties, True)
            probe: Schema = {
                "properties": known,
                "patternProperties": dict.fromkeys(new.patterns, True),
                "additionalProperties": False,
            }
            self._constraint(
                pair,
                kind,
                "additionalProperties",
                text=text,
                old=not closed,
                new=closed,
                probe=probe if closed else True,
            )
        elif not (isinstance(old.additional, bool) and isinstance(new.additional, bool)):
            self._child(pair, ANY, old.additional, new.additional, found)

    def _list(self, pair: Pair, old: Alternative, new: Alternative, hits: Set) -> None:
        if old.kind != "array":
            return
        for i in range(max(len(old.prefix), len(new.prefix))):
            before = old.prefix[i] if i < len(old.prefix) else old.items
            after = new.prefix[i] if i < len(new.prefix) else new.items
            self._child(pair, i, before, after, inside(hits, i))
        if not (isinstance(old.items, bool) and old.items is new.items):
            start = max(len(old.prefix), len(new.prefix))
            self._child(pair, ANY, old.items, new.items, items(hits, start))

    def _child(self, pair: Pair, part: str | int, old: Schema, new: Schema, hits: Set) -> None:
        self.walk.add(
            Pair(
                (*pair.old_path, part),
                (*pair.new_path, part),
                old,
                new,
                hits,
                pair,
                pair.where,
            )
        )

    def _keys(self, pair: Pair, old: Meaning, new: Meaning) -> None:
        """What came and went, in whichever form or under whichever condition."""
        if not ("object" in old.kinds() and "object" in new.kinds()):
            return
        before, after = children_of(self.old, old), children_of(self.new, new)
        for key, schemas in before.items():
            at = (*pair.old_path, key)
            if isinstance(key, int) or key == ANY or self.walk.leaves(at):
                continue
            if key not in after or self.walk.comes((*pair.new_path, key)):
                self._removed(at, schemas[0], inside(pair.hits, key), pair)
        needed = required_of(new)
        for key, schemas in after.items():
            at = (*pair.new_path, key)
            if isinstance(key, int) or key == ANY or self.walk.comes(at):
                continue
            if key not in before or self.walk.leaves((*pair.old_path, key)):
                self._added(at, schemas[0], pair, key in needed)

    def _removed(self, at: Path, schema: Schema, hits: Set, pair: Pair) -> None:
        """Note that an option is gone, with all that lies in it and is not known elsewhere."""
        all_below = list(listed(self.old, schema, at, most=_MOST_INSIDE))
        below = [path for path in all_below if not _on_way(path, at, self.walk.leaves)]
        if len(below) < len(all_below):
            ends = [path for path in below if not self.walk.holds_leaving(path)]
            if not ends:
                return
            hits = tuple(hit for path in ends for hit in self.walk.hits(path))
        default = self.old.meaning(schema).words.get("default", ABSENT)
        self.findings.add(
            Kind.REMOVED,
            judge.of_removed(self.given, hits, default),
            f"is gone{_with(below)}",
            old_path=at,
            new_path=None,
            pair=pair,
            hits=hits,
            inside=tuple(below),
            old=default,
        )

    def _added(self, at: Path, schema: Schema, pair: Pair, needed: bool) -> None:
        """Note that an option is new, with all that lies in it and was nowhere before."""
        meaning = self.new.meaning(schema)
        all_below = list(listed(self.new, schema, at, most=_MOST_INSIDE))
        below = [path for path in all_below if not _on_way(path, at, self.walk.comes)]
        default = meaning.words.get("default", ABSENT)
        needed = needed and default is ABSENT
        if len(below) < len(all_below):
            needed = False
            if all(self.walk.holds_coming(path) for path in below):
                return
        hits = inside(pair.hits, at[-1])
        fits = all(map(self._fits(schema), (value for _, value in hits)))
        text = f"is new: {type_text(meaning)}{_with(below)}"
        if default is not ABSENT:
            text += f", by default {brief(default)}"
        elif needed:
            text += ", must be set"
        self.findings.add(
            Kind.ADDED,
            judge.of_added(self.given, pair.hits, hits, needed, fits),
            text,
            old_path=None,
            new_path=at,
            pair=pair,
            hits=hits,
            inside=tuple(below),
            new=default,
            required=needed,
        )


def _on_way(path: Path, top: Path, moved: Callable[[Path], bool]) -> bool:
    """Is an option, or a section that it lies in below `top`, known to be elsewhere?"""
    return any(moved(path[:i]) for i in range(len(top) + 1, len(path) + 1))


def _with(below: list[Path]) -> str:
    if not below:
        return ""
    return f" with {len(below)} option{'s' * (len(below) > 1)} in it"


def _all_listed(kind: str, some: Iterable[Alternative]) -> Alternative:
    """The listed values of one kind; none where there is nothing of the kind."""
    values = [value for one in some for value in ((None,) if kind == "null" else one.values or ())]
    return Alternative(kind, values=tuple(values))


def _shown(value: Any) -> str:
    return "none" if value is ABSENT else brief(value)


def _list(values: Any) -> Any:
    return ABSENT if values is None else list(values)


def _turn(kind: Kind, old: Any, new: Any) -> str:
    if old is ABSENT and new is ABSENT:
        return {Kind.TIGHTENED: "is new", Kind.LOOSENED: "is gone"}.get(kind, "changed")
    return f"was {_shown(old)}, is {_shown(new)}"


def _using(pair: Pair, value: Any) -> Set:
    return tuple(hit for hit in pair.hits if same(hit[1], value))


def _name(reader: Reader, one: Alternative) -> str:
    """What a form is called, or what tells it from others."""
    mark = reader.mark(one)
    return one.title or (f"{mark[0]}: {brief(mark[1])}" if mark else "")


def _marked(value: Any, key: str, constant: Any) -> bool:
    """Is a value a section of the form that is told by this constant?"""
    return isinstance(value, dict) and same(value.get(key, ABSENT), constant)
