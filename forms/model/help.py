"""The help of one option: everything the schema says of it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forms.formats import wanted
from forms.model.appearance import Appearance
from forms.model.node import Node, Role
from forms.model.row import Help
from forms.model.text import choice_texts, editable, shown, unit_of
from forms.model.tree import Tree
from forms.model.units import in_words
from forms.oneline import one_line
from forms.paths import path_text
from forms.schema.load import REFUSED
from forms.schema.regex import for_people
from forms.schema.shape import Kind, Shape
from forms.values import ABSENT
from forms.walk import is_secret


def help_of(tree: Tree, appearance: Appearance, node: Node, secret_note: str) -> Help:
    """What is known of a node. Secrets and their defaults are not shown."""
    if node.role is not Role.OPTION:
        folded = "options that most people never touch" if node.role is Role.ADVANCED else ""
        return Help(path_text(node.path), one_line(str(node.key)) or "Advanced", "section", folded)
    shape, words = tree.shape(node), appearance.words(node)
    secret = is_secret(words)
    default = tree.default(node)
    message, hint = node.problem or ("", "")
    return Help(
        path=path_text(node.path),
        label=appearance.label(node),
        type=type_text(tree, node),
        description=_lines(str(words.get("description", ""))),
        value=appearance.text(node) if tree.value(node) is not ABSENT else "",
        default="" if secret or default is ABSENT else _default_text(tree, node, default),
        unit=unit_of(shape),
        choices=tuple((one_line(text), _lines(title)) for text, title in choice_texts(shape))
        if shape.kind is not Kind.BOOL
        else (),
        examples=_examples(shape, words, secret),
        notes=tuple(_notes(tree, appearance, node, words, secret_note)),
        problem=message,
        hint=hint,
    )


def type_text(tree: Tree, node: Node) -> str:
    """The type with its bounds: "whole number, 1 to 65535"."""
    shape = tree.shape(node)
    base = _base_text(shape)
    items = tree.items_shape(node)
    if items is not None:
        base = f"list of {_plural(_base_text(items))}"
    if shape.nullable:
        base += " or null"
    return ", ".join([base, *_bounds(shape)])


def _base_text(shape: Shape) -> str:
    words = shape.view.words
    match shape.kind:
        case Kind.TEXT if len(shape.types) > 1:
            names = {"boolean": "yes or no", "string": "text"}
            numbers = "number" if "number" in shape.types else "whole number"
            order = ("boolean", "integer", "number", "string")
            said = dict.fromkeys(names.get(name, numbers) for name in order if name in shape.types)
            return " or ".join(said)
        case Kind.TEXT if isinstance(words.get("format"), str):
            return (
                wanted(words["format"])
                .partition(", like")[0]
                .removeprefix("an ")
                .removeprefix("a ")
            )
        case Kind.RAW:
            return "anything, as YAML or JSON"
        case _:
            return _NAMES[shape.kind]


_NAMES = {
    Kind.SECTION: "section",
    Kind.MAP: "entries, each under a name of its own",
    Kind.LIST: "list",
    Kind.BOOL: "yes or no",
    Kind.INT: "whole number",
    Kind.NUMBER: "number",
    Kind.TEXT: "text",
    Kind.ENUM: "one of a few values",
    Kind.CONST: "one value only",
}


def _plural(name: str) -> str:
    return {
        "text": "texts",
        "number": "numbers",
        "whole number": "whole numbers",
        "one of a few values": "values out of a few",
    }.get(name, name)


def _bounds(shape: Shape) -> list[str]:
    words = shape.view.words
    said = []
    for name, least, most in (
        ("", "minimum", "maximum"),
        ("characters", "minLength", "maxLength"),
        ("entries", "minItems", "maxItems"),
        ("entries", "minProperties", "maxProperties"),
    ):
        text = _range(words.get(least), words.get(most))
        if text:
            said.append(f"{text} {name}".strip())
    for keyword, text in (
        ("exclusiveMinimum", "more than"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "a multiple of"),
    ):
        if keyword in words:
            said.append(f"{text} {words[keyword]}")
    if words.get("uniqueItems"):
        said.append("none twice")
    if "pattern" in words and shape.kind is Kind.TEXT:
        said.append(f"matching {for_people(words['pattern'])}")
    return said


def _range(least: Any, most: Any) -> str:
    if least is not None and most is not None:
        return f"{least} to {most}" if least != most else f"exactly {least}"
    if least is not None:
        return f"{least} or more" if least else ""
    return f"at most {most}" if most is not None else ""


def _default_text(tree: Tree, node: Node, default: Any) -> str:
    shape = tree.shape(node)
    if default == "":
        return "(empty)"
    text = shown(shape, default, tree.items_shape(node))
    if isinstance(default, dict | list) and not text:
        text = one_line(editable(shape, default))
    unit = unit_of(shape)
    longer = in_words(default, unit) if type(default) in (int, float) else ""
    return f"{text} {unit}".strip() + (
        f" ({longer})" if longer and f"{text} {unit}" != longer else ""
    )


def _examples(shape: Shape, words: Mapping[str, Any], secret: bool) -> tuple[str, ...]:
    examples = words.get("examples")
    if secret or not isinstance(examples, list):
        return ()
    return tuple(one_line(editable(shape, example)) for example in examples[:5])


def _notes(
    tree: Tree, appearance: Appearance, node: Node, words: Mapping[str, Any], secret_note: str
) -> list[str]:
    shape = tree.shape(node)
    notes = []
    if words.get("x-managed"):
        notes.append("Homeport sets this; it cannot be changed here.")
    elif appearance.is_readonly(node):
        notes.append("It cannot be changed here.")
    if node.parent is not None and tree.required(node) and tree.default(node) is ABSENT:
        notes.append("A value is needed.")
    if is_secret(words):
        notes.append(secret_note)
    if words.get("x-restart"):
        notes.append("A change restarts the application.")
    if words.get("deprecated"):
        notes.append("Deprecated: a later release may drop it.")
    if words.get("x-since"):
        notes.append(f"There since release {one_line(str(words['x-since']))}.")
    if node.unknown:
        notes.append("The schema has no such option; the value is kept as it is.")
    for reason in (shape.view.trouble, words.get(REFUSED, "")):
        if reason:
            notes.append(f"Edited as text, because {one_line(str(reason))}.")
    if shape.branches:
        notes.append("Can be: " + "; ".join(branch.title for branch in shape.branches) + ".")
    return notes


def _lines(text: str) -> str:
    """A text of several lines without control characters."""
    return "\n".join(
        "".join(c if c.isprintable() else " " for c in line) for line in text.strip().splitlines()
    )
