"""Decisions as data: a review that is left and taken up again, and answers that a colleague
prepares in a file.

    format: 1
    application: synapse
    from: 1.140.0
    to: 1.163.2
    answers:
      - option: server.port          # by the place that it has in your values; new ones by theirs
        do: set                      # or: keep, take new default, take out, same as
        value: 8448
        why: the old port is taken
      - option: net.idle_timeout
        do: same as
        to: net.timeout_idle

Both are the same. A draft names besides, for each identity, the two releases that it is about.
No secret is ever written: what was set of one must be set again, and `left_out` says where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forms.files.documents import Format, new_text, read
from forms.files.trouble import FileTrouble
from forms.paths import Path, parse_path, path_text
from forms.upgrade.decision import Became, Choice, Decided, Gone, Key, Subject, Verb
from forms.values import ABSENT

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class NotTaken:
    """An answer that did not apply, or did not decide its option, and why."""

    option: str
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read."""

    option: Path
    verb: Verb
    value: Any = ABSENT
    target: Path | None = None
    side: str = ""
    """"old" or "new" where the option's path alone could mean either."""
    releases: tuple[str, str] | None = None
    """For an identity between two certain releases."""
    by: str = ""
    at: str = ""
    why: str = ""


def saved(
    head: Mapping[str, str],
    versions: tuple[str, ...],
    made: Mapping[Subject, Decided],
    is_secret: Mapping[Key, bool],
) -> dict[str, Any]:
    """Decisions as data. is_secret: of each row with a choice, whether its value is a secret or
    holds one."""
    answers: list[dict[str, Any]] = []
    left_out: list[str] = []
    # identities first: what they move, other decisions may be about
    for subject, one in sorted(made.items(), key=lambda pair: isinstance(pair[0], Key)):
        said = {name: text for name in ("by", "at", "why") if (text := getattr(one, name))}
        if isinstance(subject, Gone) and isinstance(one, Became):
            answers.append(
                {
                    "option": path_text(subject.option),
                    "do": Verb.SAME.value,
                    "to": path_text(one.new),
                    "releases": [versions[subject.hop], versions[one.end]],
                    **said,
                }
            )
        elif isinstance(subject, Key) and isinstance(one, Choice):
            name = path_text(subject.path)
            if one.verb is Verb.SET and is_secret.get(subject):
                left_out.append(name)
                continue
            value = {"value": one.value} if one.verb is Verb.SET else {}
            answers.append(
                {"option": name, "side": subject.side, "do": one.verb.value, **value, **said}
            )
    data = {"format": _FORMAT, **head, "answers": answers}
    return {**data, "left_out": left_out} if left_out else data


def read_saved(data: Any, head: Mapping[str, str]) -> tuple[list[Answer], list[NotTaken]]:
    """The answers of data, and those that cannot be read. ValueError, in words for the user,
    where it is no such data, or is for another upgrade than `head` says."""
    if not isinstance(data, Mapping) or not isinstance(data.get("answers"), list):
        raise ValueError("these are no answers for an upgrade: they have a list under `answers`")
    if data.get("format", _FORMAT) != _FORMAT:
        raise ValueError("the answers were written for another version of Homeport")
    for name, wanted in head.items():
        if str(data.get(name, wanted)) != wanted:
            raise ValueError(
                f"the answers are for another upgrade: {name} is {data[name]}, not {wanted}"
            )
    found: list[Answer] = []
    refused: list[NotTaken] = []
    for number, one in enumerate(data["answers"], 1):
        try:
            found.append(_read(one))
        except (ValueError, TypeError, KeyError) as error:
            option = one.get("option") if isinstance(one, Mapping) else None
            why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            refused.append(NotTaken(str(option or f"answer {number}"), why))
    return found, refused


def _read(one: Any) -> Answer:
    if not isinstance(one, Mapping):
        raise TypeError("an answer has an option, and what to do with it")
    texts = {name: one.get(name, "") for name in ("side", "by", "at", "why")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("by, at and why are texts")
    try:
        verb = Verb(one["do"])
    except ValueError:
        words = ", ".join(verb.value for verb in Verb)
        raise ValueError(f"nothing is called {one['do']!r}: do is one of {words}") from None
    if verb is Verb.SET and "value" not in one:
        raise ValueError("set needs a value")
    target = parse_path(_text(one["to"])) if verb is Verb.SAME else None
    releases = one.get("releases")
    pair = None
    if releases is not None:
        old, new = releases
        pair = (_text(old), _text(new))
    option = parse_path(_text(one["option"]))
    return Answer(option, verb, one.get("value", ABSENT), target, releases=pair, **texts)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def answers_text(data: Mapping[str, Any]) -> str:
    """A file of answers, in YAML."""
    return new_text(dict(data), Format.YAML)


def read_answers_text(text: str) -> Any:
    """The data of a file of answers, in YAML or JSON. ValueError where it cannot be read."""
    found = read(text, Format.JSON if text.lstrip().startswith("{") else Format.YAML)
    if found is ABSENT:
        raise FileTrouble("the file is empty")
    return found


def choices_in(made: Mapping[Subject, Decided]) -> Iterator[tuple[Key, Choice]]:
    for subject, one in made.items():
        if isinstance(subject, Key) and isinstance(one, Choice):
            yield subject, one
