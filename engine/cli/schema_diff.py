"""`homeport schema diff OLD NEW [--values FILE] [--json]`.

Exit status: 0 if nothing must be done, 1 if something is to be decided or carried over, 2 if
a file cannot be read or is no schema.

`--json` prints one object, whose fields stay as they are:

    differences: list, those that matter most first, of objects with
        kind: added, removed, renamed, moved, split, merged, retyped, default changed,
            tightened, loosened, value added, value dropped, value renamed, required,
            no longer required, deprecated, no longer deprecated, rule changed
        severity: to decide, to carry over, to look at, nothing to do
        old_path, new_path: list of keys, "*" for any key of a map or item of a list, and
            positions in tuples; null where there is none
        text, action: sentences in English, not stable
        keyword: the JSON Schema keyword for tightened, loosened and rule changed, else ""
        old, new: default, bound, value or type in words, as the kind has it; absent where
            there is none
        lossless: true or false for retyped, else null
        required: for added, whether it must be set
        others: paths, for split and merged
        inside: paths of options that came or went with it
        yours: paths in the document of --values that are concerned
        places: in how many places of the schema the same differs
        guesses: for removed, what it may be called now: list of objects with new_path, score
            (the probability that it is) and reasons (sentences, not stable)
    counts: how many differences there are of each severity
    judged: whether --values was given
    notes: what could not be compared, in sentences
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from engine.cli import output
from engine.cli.documents import read_document
from engine.errors import InvalidInput

if TYPE_CHECKING:
    from forms.diff import Comparison, Difference

EPILOG = (
    "Exit status: 0 nothing must be done; 1 something must be decided or carried over;\n"
    "2 a file cannot be read. Files are JSON, YAML or TOML, by their names; - is standard input."
)
_WIDTH = 80
_HEADINGS = {
    "to decide": "TO DECIDE",
    "to carry over": "TO CARRY OVER (an upgrade by Homeport does it for you)",
    "to look at": "TO LOOK AT",
    "nothing to do": "NOTHING TO DO",
}
_MOST_INSIDE = 8
"""Options that came or went with a section are named up to this many."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="schema that there was")
    parser.add_argument("new", metavar="NEW", help="schema that there is now")
    parser.add_argument(
        "--values", metavar="FILE", help="your values for OLD: what concerns none of them is quiet"
    )


def run(options: argparse.Namespace) -> int:
    from forms.diff import compare, likely
    from forms.schema.error import SchemaError
    from forms.values import ABSENT

    old, new = (_schema(name) for name in (options.old, options.new))
    values = read_document(options.values) if options.values else ABSENT
    try:
        comparison = compare(old, new, values=values, suggest=likely)
    except SchemaError as error:
        raise InvalidInput(
            "the schemas cannot be compared", on=f"{options.old}, {options.new}", why=str(error)
        ) from error
    if options.json:
        output.emit_json(as_json(comparison))
    else:
        for line in as_text(comparison):
            output.line(line)
    return 1 if comparison.asks else 0


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The object that `--json` prints."""
    return {
        "differences": [_fields(difference) for difference in comparison],
        "counts": {severity.value: count for severity, count in comparison.counts().items()},
        "judged": comparison.judged,
        "notes": list(comparison.notes),
    }


def _fields(difference: Difference) -> dict[str, Any]:
    from forms.values import ABSENT

    fields: dict[str, Any] = {
        "kind": difference.kind.value,
        "severity": difference.severity.value,
        "old_path": difference.old_path,
        "new_path": difference.new_path,
        "text": difference.text,
        "action": difference.action,
        "keyword": difference.keyword,
        "lossless": difference.lossless,
        "required": difference.required,
        "others": difference.others,
        "inside": difference.inside,
        "yours": difference.yours,
        "places": difference.places,
        "guesses": [
            {"new_path": guess.new, "score": round(guess.score, 3), "reasons": guess.reasons}
            for guess in difference.guesses
        ],
    }
    for name, value in (("old", difference.old), ("new", difference.new)):
        if value is not ABSENT:
            fields[name] = value
    return fields


def as_text(comparison: Comparison) -> Iterator[str]:
    """Lines of at most 80 columns, unless a path alone is longer."""
    for severity, count in comparison.counts().items():
        if not count:
            continue
        yield from (_HEADINGS[severity.value], "")
        for difference in comparison:
            if difference.severity is severity:
                yield from _described(difference)
        yield ""
    for note in comparison.notes:
        yield from textwrap.wrap(f"Note: {note}", _WIDTH, subsequent_indent="  ")
    counts = [f"{count} {severity.value}" for severity, count in comparison.counts().items()]
    if not comparison.differences:
        yield "Both mean the same."
    else:
        yield ", ".join(counts)
    if comparison.differences and not comparison.judged:
        yield "Judged as for somebody who has set every option; --values FILE tells yours."


def _described(difference: Difference) -> Iterator[str]:
    from forms.diff import Severity
    from forms.paths import path_text

    name = path_text(difference.path) or "the whole document"
    moved = difference.old_path not in (None, difference.path)
    if moved and difference.kind.value in ("renamed", "moved", "split", "merged"):
        name = path_text(difference.old_path or ())
    elif moved:
        name = f"{name} (was {path_text(difference.old_path or ())})"
    yield f"  {name}"
    turn = {"tightened": "tighter: ", "loosened": "looser: "}.get(difference.kind.value, "")
    text = turn + difference.text
    if difference.places > 1:
        text += f"; the same in {difference.places - 1} more places"
    yield from _wrapped(text)
    if difference.inside:
        names = [path_text(path[len(difference.path) :]) for path in difference.inside]
        more = len(names) - _MOST_INSIDE
        shown = ", ".join(names[:_MOST_INSIDE]) + (f" and {more} more" if more > 0 else "")
        yield from _wrapped(f"in it: {shown}")
    for guess in difference.guesses[:3]:
        why = "; ".join(guess.reasons)
        yield from _wrapped(f"perhaps now {path_text(guess.new)} ({guess.score:.0%}: {why})")
    if difference.severity is not Severity.NONE:
        if difference.yours:
            yield from _wrapped(f"yours: {_paths(difference.yours)}")
        yield from _wrapped(f"-> {difference.action}")


def _paths(paths: Sequence[Any]) -> str:
    from forms.paths import path_text

    shown = ", ".join(path_text(path) or "the whole document" for path in paths[:5])
    return shown + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 6, break_on_hyphens=False
    )


def _schema(name: str) -> dict[str, Any] | bool:
    schema = read_document(name)
    if not isinstance(schema, dict | bool):
        raise InvalidInput("this is no schema", on=name, why="a schema is an object, true or false")
    return schema
