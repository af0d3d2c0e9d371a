"""Upgrades: how much a person is asked, of how much that changed; and what a review costs.

Of our packages: every option that can be set is set to something else than its default, and
the whole history is gone through. Of the labelled histories of others: what is gone in a
release was set by the user, and nothing is declared; so every option that is gone is a
question, until somebody has answered it once.
"""

from __future__ import annotations

import gzip
import json
import resource
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from engine.catalog.load import Catalog
from engine.catalog.options import with_value
from engine.catalog.validate import problems
from forms.upgrade import Ledger, Release, Review, Status, Verb
from forms.values import identical
from tests.unit.test_catalog_migrations import candidates

DATA = Path(__file__).resolve().parents[3] / "shared/data/option-identity/dev-wide.jsonl.gz"
_AS_BEFORE = (Status.SAME, Status.CUSTOM, Status.SECRET)
_EACH, _MOST = 2, 3000
"""Of the labelled histories every second, and none of more options: the whole takes minutes."""
_KEYS = ("*", "<")
"""What stands for a user's key in the paths of the labelled histories: "*", "<name>"."""


def measure() -> list[dict[str, str]]:
    rows = [row for application in ("radicale", "isso", "synapse") for row in _history(application)]
    rows += _opened()
    return rows + (_labelled() if DATA.is_file() else [])


def _history(application: str) -> Iterator[dict[str, str]]:
    """One row for nothing set, one for everything."""
    catalog = Catalog.open()
    versions = [release.version for release in reversed(catalog.package(application).releases)]
    chain = [Release(version, catalog.options_schema(application, version)) for version in versions]
    over = f"{application}, {len(versions)} releases"
    for name, document in (
        (f"asked: {over}, nothing set", {}),
        ("  everything set", _everything(catalog, application, versions[0])),
    ):
        migrations = catalog.migrations(application)
        review = Review(chain, document, application=application, migrations=migrations)
        yield _row(name, f"{len(review.queue)}", f"{_changed(review)} changed", "")


def _everything(catalog: Catalog, application: str, version: str) -> dict[str, Any]:
    """Each option with a value that is not its default, as far as they go together."""
    schema = catalog.options_schema(application, version)
    document: dict[str, Any] = {}
    for path, values in candidates(application, version).items():
        for value in values[1:]:
            tried = with_value(document, path, value)
            if not identical(value, values[0]) and not problems(schema, tried):
                document = tried
                break
    return document


def _changed(review: Review) -> int:
    return sum(n for status, n in review.counts().items() if status not in _AS_BEFORE)


# --- the labelled histories ---------------------------------------------------------------


def _labelled() -> list[dict[str, str]]:
    changed = gone = asked = right = renamed = again = 0
    with gzip.open(DATA, "rt") as lines:
        for case in map(json.loads, islice(lines, 0, None, _EACH)):
            if len(case["old"]) + len(case["new"]) > _MOST:
                continue
            review = _review(case)
            changed += _changed(review)
            gone += sum(row.status is Status.REMOVED for row in review.rows())
            asked += len(review.queue)
            truth = {_place(old): _place(new) for old, new in case["renames"]}
            for key in review.queue:
                new = truth.get(key.path)
                if new is not None:
                    renamed += 1
                    first = review.detail(key).actions[0]
                    right += first.target is not None and _place(first.target) == new
            again += _asked_again(case, review)
    return [
        _row("asked: labelled histories, gone options set", f"{asked}", f"{changed} changed", ""),
        _row(
            "  of them renames, right one suggested", f"{right}", f"{renamed}", "", right, renamed
        ),
        _row("  asked again with the ledger", f"{again}", "", "0"),
    ]


def _asked_again(case: dict[str, Any], review: Review) -> int:
    """Confirm the likeliest of everything; how many of these identities are asked once more."""
    confirmed = set()
    for key in review.queue:
        first = review.detail(key).actions[0]
        if first.verb is Verb.SAME:
            try:
                review.do(key, first)
            except ValueError:
                continue  # another one is there by now
            if review.row(key).new_path:
                confirmed.add(key)
    again = _review(case, Ledger(review.identities()))
    return sum(key in confirmed and not again.row(key).new_path for key in again.queue)


def _review(case: dict[str, Any], ledger: Ledger | None = None) -> Review:
    before, after = ([_place(option["path"]) for option in case[side]] for side in ("old", "new"))
    schemas = [_schema(case[side]) for side in ("old", "new")]
    document: dict[str, Any] = {}
    for place in sorted(set(before) - set(after), key=len):
        _put(document, place)
    releases = [Release("1", schemas[0]), Release("2", schemas[1])]
    return Review(releases, document, application=case["id"], ledger=ledger)


def _place(path: Any) -> tuple[str, ...]:
    return tuple("key" if part.startswith(_KEYS) else part for part in path)


def _put(document: dict[str, Any], place: tuple[str, ...]) -> None:
    """Set, unless something that holds it, or lies in it, is set already."""
    for part in place[:-1]:
        inner = document.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        document = inner
    document.setdefault(place[-1], "set")


def _schema(options: list[dict[str, Any]]) -> dict[str, Any]:
    """Descriptions and defaults as they are; any value, so that nothing is asked but identity."""
    root: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    for option in sorted(options, key=lambda option: len(option["path"])):
        node = root
        for part in _place(option["path"])[:-1]:
            inner = node.setdefault("properties", {}).setdefault(part, {})
            node = inner
        words = {"description": option.get("description") or ""}
        node.setdefault("properties", {}).setdefault(option["path"][-1], words)
    return root


# --- what it costs ------------------------------------------------------------------------


def _opened() -> list[dict[str, str]]:
    catalog = Catalog.open()
    versions = [release.version for release in reversed(catalog.package("synapse").releases)]
    chain = [Release(version, catalog.options_schema("synapse", version)) for version in versions]
    migrations = catalog.migrations("synapse")
    began = time.process_time()
    review = Review(chain, {"enable_registration": True}, migrations=migrations)
    rows = len(review.rows())
    opened = time.process_time() - began
    found = [_row(f"review of synapse, 4 releases, {rows} rows", f"{opened:.2f} s", "", "")]
    for count in (5_000, 20_000):
        schemas = [_many(count, release) for release in (1, 2)]
        document = {
            f"service{at}": {"option-3": 9} for at in range(0, count // 40, max(1, count // 4000))
        }
        began = time.process_time()
        review = Review([Release("1", schemas[0]), Release("2", schemas[1])], document)
        rows = len(review.rows())
        took = time.process_time() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found.append(_row(f"  of {rows:,} options", f"{took:.2f} s", f"{peak:.0f} MiB", ""))
    return found


def _many(count: int, release: int) -> dict[str, Any]:
    def option(at: int) -> dict[str, Any]:
        changed = release == 2 and at % 50 == 7
        return {"type": "integer", "default": at + changed, "description": f"Number {at} of it."}

    services = {
        f"service{section}": {
            "type": "object",
            "properties": {f"option-{at}": option(section * 40 + at) for at in range(40)},
        }
        for section in range(count // 40)
    }
    return {"type": "object", "properties": services}


def _row(
    name: str, ours: str, peer: str, goal: str, part: float = 0, whole: float = 0
) -> dict[str, str]:
    ratio = f"{part / whole:.2f}" if whole else ""
    return {"name": name, "ours": ours, "peer": peer, "ratio": ratio, "goal": goal}
