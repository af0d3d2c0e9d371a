"""Do the values that an options schema itself names fit it: defaults, examples, choices?

JSON Schema never looks at them, so a default that its own option refuses would be met by the
first user who looks at the form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.catalog.source import Finding, Source, Spot, sequence

ValidatorOf = Callable[[Any], Any]
"""Part of a schema -> what checks values against it; references are those of the whole."""


def refusal(schema: Mapping[str, Any], spot: Spot, value: Any) -> str:
    """Why a part of a schema refuses a value, in plain words; empty where it does not."""
    node: Any = schema
    for word in spot:
        node = node[word]
    return _refusal(validators(schema)(node), value)


def validators(schema: Mapping[str, Any]) -> ValidatorOf:
    from jsonschema import Draft202012Validator, FormatChecker

    from forms.formats import is_format

    class Formats(FormatChecker):
        def conforms(self, instance: object, format: str) -> bool:  # noqa: A002 - theirs
            return not isinstance(instance, str) or is_format(format, instance)

    whole = Draft202012Validator(schema, format_checker=Formats())
    return lambda node: whole.evolve(schema=node)


def _refusal(validator: Any, value: Any) -> str:
    from forms.messages import problems_of

    try:
        for error in validator.iter_errors(value):
            for problem in problems_of(error):
                at = ".".join(str(part) for part in problem.path)
                return f"{at} {problem.message}".strip()
    except Exception:  # noqa: BLE001 - a pattern or reference at fault is a finding of its own
        return ""
    return ""


def check_values(
    source: Source, spot: Spot, node: Mapping[str, Any], validator_of: ValidatorOf
) -> Iterator[Finding]:
    choices = sequence(node.get("enum"))
    others = {word: value for word, value in node.items() if word != "enum"}
    for index, choice in enumerate(choices):
        at = (*spot, "enum", index)
        if choice in choices[:index]:
            yield source.found(at, f"{choice} stands in the list twice")
        elif why := _refusal(validator_of(others), choice):
            yield source.found(at, f"{choice} can never be chosen: a value here {why}")
    given: dict[Spot, Any] = {("default",): node["default"]} if "default" in node else {}
    given |= {("examples", i): value for i, value in enumerate(sequence(node.get("examples")))}
    for step, value in given.items():
        if why := _refusal(validator_of(node), value):
            hint = "change one of the two"
            message = f"the {step[0]} is refused by the option itself: it {why}"
            yield source.found((*spot, *step), message, hint)
