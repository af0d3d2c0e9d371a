"""Comparing two schemas, from their roots and from every option that is known to have moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from forms.diff import judge
from forms.diff.alike import Likeness
from forms.diff.children import children_of
from forms.diff.collector import no_collection
from forms.diff.difference import Comparison, Difference, Guess, Kind, Suggest
from forms.diff.findings import Findings, in_order
from forms.diff.identities import Identities, Pairs, given_pairs, known_identities
from forms.diff.listing import Listing
from forms.diff.listings import Listings
from forms.diff.lockstep import Pair, Walk
from forms.diff.overlap import Overlaps
from forms.diff.pairwise import Pairwise
from forms.diff.reader import Reader
from forms.diff.removed import declared_removed, explained
from forms.diff.unchanged import sharing
from forms.diff.unsaid import unsaid
from forms.diff.work import Work
from forms.paths import Path, path_text
from forms.schema.load import Schema, SchemaDocument
from forms.schema.recent import recently_loaded
from forms.values import ABSENT


@no_collection()
def compare(
    old_schema: Mapping[str, Any] | bool,
    new_schema: Mapping[str, Any] | bool,
    *,
    identities: Pairs = (),
    values: Any = ABSENT,
    suggest: Suggest | None = None,
) -> Comparison:
    """What differs between two schemas of any draft, for somebody with these values.

    identities: old and new paths of options that are the same, "*" for keys of maps and
    positions of lists; what lies in such an option moves with it. Several pairs with the same
    old path say that it was split, several with the same new path that they were merged.
    Marks in the new schema (`x-renamed-from`, `x-id`, `x-removed`) are found without.
    values: a document of the old schema; without it every difference is judged as for
    somebody who has set the option.
    suggest: asked for guesses of what removed options became.
    Changes of titles, descriptions and examples are no difference.
    SchemaError if one of the schemas cannot be read at all.
    """
    first = recently_loaded(old_schema)
    documents = first, sharing(first, recently_loaded(new_schema))
    old = Reader(documents[0])
    new = Reader(documents[1], beside=old)
    listings = Listings(old, new)
    given = given_pairs(identities)
    told = listings.telling(given)
    known = known_identities(given, *told)
    walk, findings = Walk(old, new, known, values), Findings()
    overlaps = Overlaps()
    work = Work(
        old,
        new,
        Likeness(old, new, overlaps),
        Likeness(old, new, overlaps, annotated=False),
        overlaps,
        walk,
        findings,
        values is not ABSENT,
    )
    pairwise = Pairwise(work)
    walk.add(Pair((), (), documents[0].root, documents[1].root, walk.hits(())))
    for was, now in known.pairs:
        for before in _schemas_at(old, documents[0].root, was)[:1]:
            for after in _schemas_at(new, documents[1].root, now)[:1]:
                walk.add(Pair(was, now, before, after, walk.hits(was)))
        _moved(findings, known, was, now, walk, values is not ABSENT, told)
    for pair in walk:
        pairwise.compare(pair)
    pairwise.close()
    differences = tuple(findings)
    if values is not ABSENT:
        differences = in_order((*differences, *unsaid(old, new, values, differences)))
    removed = declared_removed(documents[1])
    open_ends = (one for one in differences if one.kind is Kind.REMOVED)
    if suggest is not None and any(one.path not in removed for one in open_ends):
        differences = tuple(_guessed(differences, suggest, known, *listings.whole))
    differences = tuple(explained(differences, removed))
    return Comparison(differences, tuple(_notes(documents, known, told)), values is not ABSENT)


def _schemas_at(reader: Reader, root: Schema, path: Path) -> list[Schema]:
    schemas = [root]
    for part in path:
        schemas = [
            child
            for schema in schemas
            for child in children_of(reader, reader.meaning(schema)).get(part, ())
        ]
    return schemas


def _moved(
    findings: Findings,
    known: Identities,
    was: Path,
    now: Path,
    walk: Walk,
    given: bool,
    listings: tuple[Listing, Listing],
) -> None:
    """Note under which name, or where, an option lives on."""
    became, were = known.became(was), known.was(now)
    hits = walk.hits(was)
    others: tuple[Path, ...] = ()
    if len(became) > 1:
        kind = Kind.SPLIT
        others = tuple(path for path in became if path != now)
        if now != became[0]:
            return
        text = f"is split into {' and '.join(map(path_text, became))}"
        target = " and ".join(map(path_text, became))
    elif len(were) > 1:
        kind = Kind.MERGED
        others = tuple(path for path in were if path != was)
        text = f"is merged with {' and '.join(map(path_text, others))} into {path_text(now)}"
        target = path_text(now)
    else:
        stays = known.carried(was[:-1]) if was else []
        kind = Kind.RENAMED if now[:-1] in stays else Kind.MOVED
        verb = "now called" if kind is Kind.RENAMED else "moved to"
        target = path_text(now)
        text = f"{verb} {target}"
    verdict = judge.of_moved(kind, given, hits, target)
    findings.add(kind, verdict, text, old_path=was, new_path=now, hits=hits, others=others)
    if listings[1][now].required and not listings[0][was].required and len(were) == 1:
        has_default = listings[1][now].default is not ABSENT
        missing = () if hits or not given else (now,)
        verdict = judge.of_required(given, missing, has_default)
        findings.add(Kind.REQUIRED, verdict, "must be set", old_path=was, new_path=now)
    elif listings[0][was].required and not listings[1][now].required:
        text = "need no longer be set"
        findings.add(Kind.OPTIONAL, judge.NO_MATTER, text, old_path=was, new_path=now)


def _guessed(
    differences: Iterable[Difference],
    suggest: Suggest,
    known: Identities,
    old: Listing,
    new: Listing,
) -> Iterator[Difference]:
    guesses = suggest(old, new, dict(known.pairs))
    for one in differences:
        if one.kind is Kind.REMOVED and one.old_path is not None:
            found: list[Guess] = []
            for path in (one.old_path, *one.inside):
                found += guesses.get(path, ())
            yield replace(one, guesses=tuple(found))
        else:
            yield one


def _notes(
    documents: tuple[SchemaDocument, SchemaDocument],
    known: Identities,
    listings: tuple[Listing, Listing],
) -> Iterator[str]:
    for name, document in zip(("old", "new"), documents, strict=True):
        for refusal in document.refusals:
            yield f"The {name} schema cannot be read at {refusal.pointer}: {refusal.message}."
    for name, listing in zip(("old", "new"), listings, strict=True):
        if listing.cut:
            yield (
                f"The {name} schema has more options than are listed one by one: marks of "
                f"renames below {path_text(listing.cut[0])} and {len(listing.cut) - 1} other "
                "places were not looked for."
            )
    for was, now in known.left_out:
        yield (
            f"It was said that {path_text(was)} is now {path_text(now)}, "
            "but one of them is not there."
        )
