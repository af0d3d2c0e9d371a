"""Any value as text and back: YAML for people, JSON where they type it.

The YAML read here is that of the core schema of YAML 1.2, as JSON has it: `no` is a text, a
date is a text, `012` is twelve. What JSON cannot hold (tags, anchors, keys that are no text,
infinity) is refused.
"""

from __future__ import annotations

import json
import math
from typing import Any

_WANTED = "must be YAML or JSON"


def raw_text(value: Any) -> str:
    """YAML that `parse_raw` reads back as the same value; one line for plain values."""
    import yaml

    if isinstance(value, str):
        plain = _as_plain(value)
        return value if plain else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value:
        return json.dumps(value)
    text: str = yaml.dump(
        value, Dumper=dumper(), allow_unicode=True, sort_keys=False, default_flow_style=False
    )
    return text


def parse_raw(text: str) -> Any:
    """The value that a text of YAML or JSON means. ValueError in words for the user."""
    import yaml

    try:
        return _json(text)
    except ValueError:
        pass
    try:
        value = yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"{_WANTED}: {error.problem or error.context}{where}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{_WANTED}: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return value


def _json(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not a number that can be kept")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise ValueError("a key is there twice")
        return made

    def number(text: str) -> float:
        value = float(text)
        return value if math.isfinite(value) else refuse(text)

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=unique, parse_float=number)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _as_plain(text: str) -> bool:
    """Does a text, unquoted, mean itself?"""
    if not text or text != text.strip() or not text.isprintable():
        return False
    try:
        return bool(parse_raw(text) == text)
    except ValueError:
        return False


_made: dict[str, Any] = {}


def _loader() -> Any:
    if "loader" not in _made:
        _made["loader"] = _make_loader()
    return _made["loader"]


def dumper() -> Any:
    if "dumper" not in _made:
        _made["dumper"] = _make_dumper()
    return _made["dumper"]


def core_resolvers() -> dict[str, list[tuple[str, Any]]]:
    """Implicit tags of the YAML 1.2 core schema (chapter 10.3.2), without infinity."""
    import re

    found: dict[str, list[tuple[str, Any]]] = {}
    for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ):
        for letter in first:
            found.setdefault(letter, []).append(
                (f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"))
            )
    return found


def scalar_value(tag: str, text: str) -> Any:
    """What a plain value of one of those tags means: "int", "float", "bool" or "null", or else
    a text. ValueError for a number that cannot be kept."""
    match tag:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            base = {"0o": 8, "0x": 16}.get(text[:2], 10)
            return int(text[2:] if base != 10 else text, base)
        case "float":
            value = float(text)
            if not math.isfinite(value):
                raise ValueError("the number is too large")
            return value
        case _:
            return text


def _make_loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = core_resolvers()

        def compose_node(self, parent: Any, index: Any) -> Any:
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            if getattr(event, "anchor", None):
                raise yaml.MarkedYAMLError(
                    problem="anchors and aliases are not possible here",
                    problem_mark=event.start_mark,
                )
            return super().compose_node(parent, index)

        def flatten_mapping(self, node: Any) -> None:
            """No merge keys: `<<` is a key like any other."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            made: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = self.construct_object(key_node, deep=True)
                problem = None
                if not isinstance(key, str):
                    problem = "a key must be a text: put it in quotes"
                elif key in made:
                    problem = f"the key {key!r} is there twice"
                if problem:
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
                made[key] = self.construct_object(value_node, deep=True)
            return made

    def whole(loader: Any, node: Any) -> Any:
        return scalar_value("int", loader.construct_scalar(node))

    def decimal(loader: Any, node: Any) -> Any:
        try:
            return scalar_value("float", loader.construct_scalar(node))
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None

    def mapping(loader: Any, node: Any) -> Any:
        return loader.construct_mapping(node)

    def sequence(loader: Any, node: Any) -> Any:
        return [loader.construct_object(child, deep=True) for child in node.value]

    def refuse(loader: Any, node: Any) -> Any:
        raise yaml.MarkedYAMLError(
            problem=f"{node.tag} is not possible here", problem_mark=node.start_mark
        )

    prefix = "tag:yaml.org,2002:"
    Loader.yaml_constructors = {
        prefix + "null": yaml.SafeLoader.yaml_constructors[prefix + "null"],
        prefix + "bool": yaml.SafeLoader.yaml_constructors[prefix + "bool"],
        prefix + "str": yaml.SafeLoader.yaml_constructors[prefix + "str"],
        prefix + "int": whole,
        prefix + "float": decimal,
        prefix + "map": mapping,
        prefix + "seq": sequence,
        None: refuse,
    }
    return Loader


def _make_dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        # PyYAML takes NEL and its kin for line breaks, and loses them unless they are escaped
        style = None if value.replace("\n", "").isprintable() else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    # quote whatever either version of YAML would read as something else
    ours, theirs = core_resolvers(), yaml.SafeDumper.yaml_implicit_resolvers
    Dumper.yaml_implicit_resolvers = {
        letter: theirs.get(letter, []) + ours.get(letter, []) for letter in {*ours, *theirs}
    }
    return Dumper
