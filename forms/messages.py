"""What is wrong with a value, said to a person: what is wanted, not which keyword failed.

No message ever holds the value itself: it may be a secret.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from forms.formats import wanted
from forms.model.row import Problem
from forms.oneline import one_line
from forms.schema.branches import type_word
from forms.schema.regex import for_people
from forms.values import written

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_MOST_LISTED = 12


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """The problems that one error of the validator stands for."""
    if error.validator in ("oneOf", "anyOf") and error.context:
        yield from _of_branches(error)
        return
    message, hint = explained(error)
    yield Problem(tuple(error.absolute_path), message, hint)


def explained(error: ValidationError) -> tuple[str, str]:
    """Message and hint for one error."""
    explain = _EXPLAIN.get(str(error.validator))
    if explain is None:
        return ("nothing may be set here", "") if error.validator is None else ("is not valid", "")
    said = explain(error)
    message, hint = said if isinstance(said, tuple) else (said, "")
    return one_line(message), one_line(hint)


def _of_branches(error: ValidationError) -> Iterator[Problem]:
    """What is wrong by the branch that the value was most likely meant for."""
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context:
        # a branch that is `false` says nothing of its place: each is one of its own
        place = next(iter(inner.relative_schema_path), -1 - len(branches))
        branches.setdefault(int(place), []).append(inner)
    meant = [errors for errors in branches.values() if not _is_other(errors)]
    path = tuple(error.absolute_path)
    if len(meant) == 1 or (meant and isinstance(error.instance, dict | list)):
        best = min(meant, key=len)
        for inner in best:
            yield from problems_of(inner)
        return
    alone = [errors[0] for errors in branches.values() if len(errors) == 1]
    if len(alone) == len(branches) and all(_is_here(inner) for inner in alone):
        said = {explained(inner)[0].removeprefix("must be ") for inner in alone}
        if all(explained(inner)[0].startswith("must be ") for inner in alone):
            listed = [text.removeprefix("one of: ") for text in sorted(said)]
            yield Problem(path, f"must be {_or(listed)}")
            return
    hint = explained(min(branches.values(), key=len)[0])
    yield Problem(path, "fits none of the allowed forms", f"the nearest one says: {hint[0]}")


def _is_here(error: ValidationError) -> bool:
    return not error.relative_path


def _is_other(errors: list[ValidationError]) -> bool:
    """Was the value plainly meant for another branch: its type or a constant says so?"""
    return any(
        (_is_here(error) and error.validator == "type")
        or (len(error.relative_path) == 1 and _is_constant(error))
        for error in errors
    )


def _is_constant(error: Any) -> bool:
    return error.validator == "const" or (
        error.validator == "enum" and len(error.validator_value) == 1
    )


def _or(texts: list[str]) -> str:
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _count(number: Any, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


_SAYS_BOOLEAN = frozenset({"yes", "no", "on", "off", "true", "false", "y", "n"})


def _type(error: Any) -> str | tuple[str, str]:
    types = error.validator_value
    words = [_WITH_ARTICLE[name] for name in ([types] if isinstance(types, str) else types)]
    message = f"must be {_or(words)}"
    if isinstance(error.instance, str) and error.instance.strip() and "string" not in types:
        if "boolean" in types and error.instance.casefold() in _SAYS_BOOLEAN:
            return message, "a text stands here now; in a file, write true or false"
        return message, "a text stands here now"
    return message, ""


_WITH_ARTICLE = {
    name: word if name in ("null", "boolean") else f"a {word}"
    for name, word in (
        (name, type_word(name))
        for name in ("null", "boolean", "integer", "number", "string", "array", "object")
    )
}


def _enum(error: Any) -> tuple[str, str]:
    values = list(error.validator_value)
    texts = [value if isinstance(value, str) else written(value) for value in values]
    hint = ""
    if isinstance(error.instance, str):
        near = difflib.get_close_matches(error.instance[:100], [t for t in texts if t], 1, 0.7)
        hint = f"did you mean {near[0]}?" if near else ""
    more = f" and {len(texts) - _MOST_LISTED} more" if len(texts) > _MOST_LISTED else ""
    return f"must be one of: {', '.join(texts[:_MOST_LISTED])}{more}", hint


def _pattern(error: Any) -> tuple[str, str]:
    schema = error.schema if isinstance(error.schema, dict) else {}
    hint = schema.get("x-pattern-hint")
    examples = schema.get("examples")
    if not hint and isinstance(examples, list) and examples:
        hint = f"an example: {examples[0]}"
    return (
        "is not written in the way that is wanted here",
        str(hint or f"it must match {for_people(str(error.validator_value))}"),
    )


def _length(error: Any) -> str:
    if error.validator == "maxLength":
        most = _count(error.validator_value, "character", "characters")
        return f"can have at most {most} (has {len(error.instance)})"
    if error.validator_value == 1:
        return "must not be empty"
    return f"must have at least {error.validator_value} characters"


def _size(error: Any) -> str:
    bound = _count(error.validator_value, "entry", "entries")
    if str(error.validator).startswith("min"):
        return f"must have at least {bound} (has {len(error.instance)})"
    return f"can have at most {bound} (has {len(error.instance)})"


def _required(error: Any) -> tuple[str, str]:
    schema = error.schema if isinstance(error.schema, dict) else {}
    key = error.path[-1] if error.path else ""
    option = schema.get("properties", {}).get(key)
    description = option.get("description", "") if isinstance(option, dict) else ""
    return "needs a value", str(description).split("\n")[0].split(". ")[0].rstrip(".")


def _unknown(error: Any) -> tuple[str, str]:
    return unknown_key(str(error.path[-1]), list(error.validator_value or ()))


def unknown_key(key: str, known: list[str]) -> tuple[str, str]:
    """Message and hint for a key that no schema speaks of."""
    near = difflib.get_close_matches(key[:100], known, 1, 0.7)
    hint = f"did you mean {near[0]}?" if near else "remove it, or check how it is spelt"
    return "there is no such option", one_line(hint)


def _contains(error: Any) -> str:
    if error.validator == "maxContains":
        return f"has more than {error.validator_value} entries of a kind that is limited"
    least = error.schema.get("minContains", 1) if isinstance(error.schema, dict) else 1
    return f"must have at least {_count(least, 'entry', 'entries')} of a kind that is needed here"


def _unevaluated(error: Any) -> tuple[str, str]:
    return "holds something that does not belong here", "look for a key that is spelt wrongly"


def _one_of(error: Any) -> str:
    return "fits more than one of the allowed forms, and must fit just one"


def _names(error: Any) -> tuple[str, str]:
    message, hint = explained(error.context[0]) if error.context else ("is not allowed", "")
    return f"its name {message}", hint


def _const(error: Any) -> str:
    value = error.validator_value
    return f"must be {value if isinstance(value, str) and value else written(value)}"


_EXPLAIN: dict[str, Callable[[Any], str | tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": lambda error: f"must be at least {error.validator_value}",
    "maximum": lambda error: f"must be at most {error.validator_value}",
    "exclusiveMinimum": lambda error: f"must be more than {error.validator_value}",
    "exclusiveMaximum": lambda error: f"must be less than {error.validator_value}",
    "multipleOf": lambda error: f"must be a multiple of {error.validator_value}",
    "minLength": _length,
    "maxLength": _length,
    "pattern": _pattern,
    "format": lambda error: f"must be {wanted(error.validator_value)}",
    "minItems": _size,
    "maxItems": _size,
    "items": lambda error: "has more entries than are possible here",
    "minProperties": _size,
    "maxProperties": _size,
    "uniqueItems": lambda error: f"is the same as entry {error.validator_value + 1}",
    "required": _required,
    "dependentRequired": lambda error: f"needs a value because {error.validator_value} is set",
    "additionalProperties": _unknown,
    "unevaluatedProperties": _unevaluated,
    "unevaluatedItems": _unevaluated,
    "propertyNames": _names,
    "contains": _contains,
    "maxContains": _contains,
    "minContains": _contains,
    "not": lambda error: "is a value that is ruled out here",
    "oneOf": _one_of,
    "x-managed": lambda error: ("is set by Homeport and cannot be changed", "remove it"),
}
