"""Answers given beforehand: options and what to set them to, for runs without a person.

Either lines, each `path = value` (`#` begins a comment; `path =` unsets, `path = null` is null),
in which a value is read as if it were typed into the form; or a mapping, in YAML or JSON, of
written paths to values, which are taken as they are. Paths are written as everywhere:
`server.port`, `rules[0].name`, `labels."a.b"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from forms.files.documents import Format, read
from forms.files.trouble import FileTrouble
from forms.model.form import FormModel
from forms.paths import Path, parse_path
from forms.values import ABSENT

_LINE = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^="])+?)\s*=\s*(.*)')


@dataclass(frozen=True)
class Answer:
    """path: as it was written. value: the JSON value; ABSENT where `text` is to be read."""

    place: str
    """Where it stands: "line 3"."""
    path: str
    text: str = ""
    value: Any = ABSENT


@dataclass(frozen=True)
class Refused:
    """An answer that was not taken, and why. The answer itself may be a secret."""

    place: str
    path: str
    why: str


def read_answers(text: str) -> list[Answer]:
    """The answers of a file. FileTrouble where it is neither lines nor a mapping."""
    if _is_lines(text):
        return list(_lines(text))
    found = read(text, Format.JSON if text.lstrip().startswith("{") else Format.YAML)
    if found is ABSENT:
        return []
    if not isinstance(found, dict):
        raise FileTrouble("answers are lines like `path = value`, or a mapping of paths to values")
    return [Answer(path, path, value=value) for path, value in found.items()]


def apply_answers(form: FormModel, answers: Iterable[Answer]) -> list[Refused]:
    """Set what the answers say, in their order; those that could not be taken. A value that
    breaks a bound is none of these: the form then has a problem."""
    refused = []
    for answer in answers:
        before = form.undoable
        try:
            why = _apply(form, answer)
        except KeyError:
            why = "there is no such option"
        except ValueError as error:
            why = str(error)
        if why:
            while form.undoable > before:  # entries that were added for it
                form.undo()
            refused.append(Refused(answer.place, answer.path, why))
    return refused


def _apply(form: FormModel, answer: Answer) -> str:
    path = _made_to_be(form, answer.path)
    if answer.value is not ABSENT:
        form.set(path, answer.value)
        return ""
    if not answer.text:
        if form.is_set(path):
            form.unset(path)
        return ""
    if answer.text == "null" and form.row(path).nullable:
        form.set_null(path)
        return ""
    parsed = form.set_text(path, answer.text)
    return "" if parsed.ok or parsed.problem is None else parsed.problem.message


def _made_to_be(form: FormModel, written: str) -> Path:
    """The option's path; entries of maps and lists that are not there yet are added."""
    try:
        return form.find(written)
    except KeyError:
        path = parse_path(written)
    for depth in range(len(path)):
        here = path[: depth + 1]
        if form.has(here):
            continue
        row, key = form.row(path[:depth]), path[depth]
        if isinstance(key, int):
            if row.kind != "list" or key != row.count:
                raise KeyError(written)
            form.add_item(path[:depth])
        elif row.can_add:
            form.add_item(path[:depth], key)
        else:
            raise KeyError(written)
    return path


def _is_lines(text: str) -> bool:
    for line in text.splitlines():
        bare = line.strip()
        if bare and not bare.startswith("#"):
            return bare[0] != "{" and _LINE.fullmatch(bare) is not None and not _is_pair(bare)
    return True


def _is_pair(line: str) -> bool:
    """`path: a = b` is YAML."""
    return re.match(r'(?:"[^"]*"|[^\s"=]+):\s', line) is not None


def _lines(text: str) -> Iterator[Answer]:
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        found = _LINE.fullmatch(bare)
        if found is None:
            raise FileTrouble("this is not `path = value`", number)
        yield Answer(f"line {number}", found[1].strip(), found[2])
