"""Schema comparison: what it costs, and beside the tools that people use for it.

Of each pair of schemas: how many things each tool reports, how long it takes, and how many of
the true renames it names as such. Nothing is declared to any of them. The peers are
`jsonschema-diff`, which knows JSON Schema, and `deepdiff`, which knows Python objects.
"""

from __future__ import annotations

import copy
import random
import resource
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from deepdiff import DeepDiff
from jsonschema_diff import ConfigMaker, JsonSchemaDiff

from engine.catalog.load import Catalog
from forms.diff import compare
from forms.diff.likely import likely
from forms.migrations import composed
from forms.paths import path_text
from tests.unit.schema_corpus import carried_by_check_jsonschema

Schema = dict[str, Any]
Renames = dict[str, str]
WORDS = ("cache", "limit", "proxy", "timeout", "retry", "level", "mode", "queue", "size", "user")


def measure() -> list[dict[str, str]]:
    return [*_speed(), *(row for pair in _pairs() for row in _beside_peers(*pair))]


# --- what it costs ------------------------------------------------------------------------


def _speed() -> Iterator[dict[str, str]]:
    small = _seconds(20_000, guesses=False)
    yield _row("compare 20,000 options, 400 renamed", f"{small:.1f} s", "", "")
    full = _seconds(20_000, guesses=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield _row("  with candidates", f"{full:.1f} s", "", "<= 2 s")
    yield _row("  memory of that", f"{peak:.0f} MiB", "", "<= 300 MiB")
    large = _seconds(100_000, guesses=True)
    ratio = f"{large / full:.1f}"
    yield _row("  100,000, 2,000 renamed", f"{large:.1f} s", f"{full:.1f} s", "about 5 x", ratio)
    azure = next(it for name, it in carried_by_check_jsonschema() if name == "azure-pipelines")
    other = copy.deepcopy(azure)
    took = _took(azure, other)
    yield _row("compare azure-pipelines with itself", f"{took * 1000:.0f} ms", "", "")
    options = other["definitions"]["job"]["anyOf"][0]["properties"]
    options["renamed"] = options.pop("displayName")
    took = _took(azure, other)
    yield _row("  one option of a job renamed", f"{took * 1000:.0f} ms", "", "")


def _seconds(count: int, *, guesses: bool) -> float:
    old, new = _many(count, 1), _many(count, 2)
    compare(_many(100, 1), _many(100, 2), suggest=likely)  # the model of identities is read
    return _took(old, new, guesses=guesses)


def _took(old: Schema, new: Schema, *, guesses: bool = False) -> float:
    began = time.process_time()
    compare(old, new, suggest=likely if guesses else None)
    return time.process_time() - began


def _many(count: int, release: int) -> Schema:
    """Sections of a hundred options; every fiftieth option has another name in release 2."""
    chance = random.Random(3)
    sections: dict[str, Any] = {}
    for section in range(count // 100):
        options: dict[str, Any] = {}
        for at in range(100):
            words = chance.sample(WORDS, 3)
            name = "_".join([*words[:2], str(at)])
            if release == 2 and at % 50 == 7:
                name = "_".join([words[1], words[0], str(at)])
            words_of = {"default": at, "description": f"The {' of the '.join(words)}."}
            options[name] = {"type": "integer", "minimum": 0, **words_of}
        sections[f"service{section}"] = {
            "type": "object",
            "additionalProperties": False,
            "properties": options,
        }
    return {"type": "object", "additionalProperties": False, "properties": sections}


# --- beside the peers ---------------------------------------------------------------------


def _pairs() -> Iterator[tuple[str, Schema, Schema, Renames]]:
    catalog = Catalog.open()
    for package in catalog.packages():
        versions = [release.version for release in reversed(package.releases)]
        for old, new in pairwise(versions):
            schemas = [catalog.options_schema(package.id, version) for version in (old, new)]
            if schemas[0] == schemas[1]:
                continue
            moved = composed(catalog.migrations(package.id).changes(old, new))
            renames = {path_text(was): path_text(now) for was, now in moved}
            yield f"{package.id} {old} -> {new}", schemas[0], schemas[1], renames
    yield "made: renames, moves, defaults, types", *_made()
    yield "made: the same in other notation", _PLAIN, _OTHERWISE, {}


def _made() -> tuple[Schema, Schema, Renames]:
    old = _many(400, 1)
    new = copy.deepcopy(old)
    sections = new["properties"]
    renames: Renames = {}
    for section, options in list(sections.items()):
        for name in list(options["properties"])[::25]:  # another order of the words
            first, second, number = name.split("_")
            options["properties"][f"{second}_{first}_{number}"] = options["properties"].pop(name)
            renames[f"{section}.{name}"] = f"{section}.{second}_{first}_{number}"
        for name in list(options["properties"])[:2]:
            options["properties"][name] = {"type": "string", "default": "x"}
    moved = sections["service0"]["properties"]
    name = list(moved)[40]
    sections["service1"]["properties"][name] = moved.pop(name)
    renames[f"service0.{name}"] = f"service1.{name}"
    return old, new, renames


_PLAIN: Schema = {
    "type": "object",
    "properties": {
        "mode": {"enum": ["fast", "safe"]},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "host": {"type": ["string", "null"]},
        "one": {"const": 1},
    },
    "required": ["port", "mode"],
}
_OTHERWISE: Schema = {
    "$defs": {"port": {"allOf": [{"type": "integer", "minimum": 1}, {"maximum": 65535}]}},
    "required": ["mode", "port"],
    "type": "object",
    "properties": {
        "one": {"enum": [1]},
        "host": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "port": {"$ref": "#/$defs/port"},
        "mode": {"oneOf": [{"const": "safe"}, {"const": "fast"}]},
    },
}


def _beside_peers(
    name: str, old: Schema, new: Schema, renames: Renames
) -> Iterator[dict[str, str]]:
    tools: tuple[tuple[str, Callable[[Schema, Schema, Renames], tuple[int, int]]], ...] = (
        ("ours", _ours),
        ("jsonschema-diff", _jsonschema_diff),
        ("deepdiff", _deepdiff),
    )
    yield _row(f"diff: {name}", f"{len(renames)} renamed", "", "")
    for tool, run in tools:
        began = time.process_time()
        reported, found = run(copy.deepcopy(old), copy.deepcopy(new), renames)
        took = time.process_time() - began
        found_text = f"{found} named" if renames else ""
        yield _row(f"  {tool}: {reported} reported", f"{took * 1000:.0f} ms", found_text, "")


def _ours(old: Schema, new: Schema, renames: Renames) -> tuple[int, int]:
    comparison = compare(old, new, suggest=likely)
    said: dict[str, str] = {}
    for one in comparison:
        if one.old_path is not None and one.new_path not in (None, one.old_path):
            said[path_text(one.old_path)] = path_text(one.new_path or ())
        for guess in one.guesses[::-1]:
            said[path_text(guess.old)] = path_text(guess.new)
    return len(comparison.differences), _right(said, renames)


def _right(said: Renames, renames: Renames) -> int:
    return sum(said.get(was) == now for was, now in renames.items())


def _jsonschema_diff(old: Schema, new: Schema, renames: Renames) -> tuple[int, int]:
    tool = JsonSchemaDiff(ConfigMaker.make(), None).compare(old, new)  # type: ignore[arg-type]
    lines, _ = tool.property.render()
    lines = [line for text in lines for line in str(text).splitlines() if line.strip()]
    return len(lines), _both_named(lines, renames)


def _deepdiff(old: Schema, new: Schema, renames: Renames) -> tuple[int, int]:
    found = DeepDiff(old, new, ignore_order=True)
    lines = [str(entry) for entries in found.values() for entry in entries]
    return len(lines), _both_named(lines, renames)


def _both_named(lines: list[str], renames: Renames) -> int:
    """Renames of which any one entry of a report names both sides."""
    return sum(
        any(_last(was) in line and _last(now) in line for line in lines)
        for was, now in renames.items()
        if _last(was) != _last(now)
    )


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _row(name: str, ours: str, peer: str, goal: str, ratio: str = "") -> dict[str, str]:
    return {"name": name, "ours": ours, "peer": peer, "ratio": ratio, "goal": goal}
