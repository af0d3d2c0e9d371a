"""A package's files with the place of every value, so that a mistake is shown where it stands.

YAML places come from PyYAML's nodes; JSON is scanned, because YAML reads some JSON otherwise
(tabs, long names). Both give the value as an application would read it, or say why not.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Spot = tuple[str | int, ...]
"""Keys and indexes that lead to a value."""
Place = tuple[int, int]
"""Line and column, both from 1."""

_DEEPEST = 64


@dataclass(frozen=True, order=True)
class Finding:
    """A mistake: where it stands, what it is, and what to do about it."""

    file: Path
    line: int
    column: int
    message: str
    hint: str = ""


@dataclass
class Source:
    """One file. value: what it says; None together with findings where it cannot be read."""

    file: Path
    value: Any = None
    values: dict[Spot, Place] = field(default_factory=dict)
    keys: dict[Spot, Place] = field(default_factory=dict)
    """Where the name stands under which the value at a spot is filed."""
    findings: list[Finding] = field(default_factory=list)
    _twice: set[Spot] = field(default_factory=set)

    def found(self, spot: Spot, message: str, hint: str = "", *, key: bool = False) -> Finding:
        """A finding at a value, or at its name; for what is not there, at what it is not in."""
        places = [self.keys, self.values] if key else [self.values, self.keys]
        for places_of in places:
            if spot in places_of:
                return Finding(self.file, *places_of[spot], message, hint)
        if spot:
            return self.found(spot[:-1], message, hint, key=True)
        return Finding(self.file, 1, 1, message, hint)

    def note(self, place: Place, message: str, hint: str = "") -> None:
        self.findings.append(Finding(self.file, *place, message, hint))

    def _enter(self, spot: Spot, place: Place) -> None:
        if any(spot[:length] in self._twice for length in range(1, len(spot))):
            pass  # It is part of something that stands twice, which is said already.
        elif spot in self.keys:
            self._twice.add(spot)
            self.note(
                place,
                f'"{spot[-1]}" stands here twice; the first is in line {self.keys[spot][0]}',
                "only one of the two is read: remove the other",
            )
        self.keys[spot] = place


def read_source(file: Path) -> Source:
    """A `.json` file, or YAML, with everything that keeps it from being read as findings."""
    source = Source(file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        source.note((1, 1), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        source.note((line, 1), "is not UTF-8 text", "save the file as UTF-8")
    else:
        try:
            _read_json(source, text) if file.suffix == ".json" else _read_yaml(source, text)
        except RecursionError:
            source.note((1, 1), "is nested too deeply")
    return source


# --- JSON -------------------------------------------------------------------------------

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def _read_json(source: Source, text: str) -> None:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        source.note((error.lineno, error.colno), f"is not JSON: {error.msg}", _json_hint(error))
        return
    for token, spot, place, is_key in _json_tokens(text):
        if is_key:
            source._enter(spot, place)
        else:
            source.values[spot] = place
            if token in ("NaN", "Infinity", "-Infinity"):
                source.note(place, f"{token} is not a JSON value")
    source.value = value


def _json_hint(error: json.JSONDecodeError) -> str:
    before = error.doc[: error.pos].rstrip()
    if before.endswith(","):
        return "the comma before it may be one too many"
    return "a comma may be missing before it" if "delimiter" in error.msg else ""


def _json_tokens(text: str) -> Iterator[tuple[str, Spot, Place, bool]]:
    """Every name and value of a well-formed text: token, spot, place, whether it is a name."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    above: list[tuple[Spot, str | int]] = []
    outer: Spot = ()
    at: str | int | None = None
    awaits_key = False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "}]":
            outer, at = above.pop()
        elif token == ",":
            awaits_key = isinstance(at, str)
            at = at + 1 if isinstance(at, int) else at
        elif token != ":":
            line = bisect_right(starts, match.start())
            place = line, match.start() - starts[line - 1] + 1
            if awaits_key:
                at, awaits_key = json.loads(token), False
                yield token, (*outer, at), place, True
                continue
            spot = () if at is None else (*outer, at)
            yield token, spot, place, False
            if token in "{[":
                above.append((outer, at if at is not None else ""))
                outer, at = spot, "" if token == "{" else 0
                awaits_key = token == "{"
        if token == "}":
            awaits_key = False


# --- YAML -------------------------------------------------------------------------------

_TEXT = "tag:yaml.org,2002:str"
_JSON_LIKE = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "bool", "null", "seq", "map")}
_READ_AS = {
    "timestamp": "a date",
    "int": "a number",
    "float": "a number",
    "bool": "yes or no",
    "null": "nothing",
}


def _read_yaml(source: Source, text: str) -> None:
    import yaml

    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if _is_tangled(source, yaml.parse(text, Loader=loader_class)):
            return
        loader = loader_class(text)
        node = loader.get_single_node()
        if node is None:
            source.note((1, 1), "is empty")
            return
        _visit(source, node, ())
        source.value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        source.note(place, f"is not YAML: {error.problem or error.context}", _yaml_hint(error))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        source.note((line, 1), f"holds the character U+{error.character:04X}", "remove it")


def _is_tangled(source: Source, events: Iterator[Any]) -> bool:
    """References within the file, or endless depth? Neither has a use here, both can harm."""
    import yaml

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        place = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.AliasEvent):
            source.note(place, f"*{event.anchor} refers to another part", "write it out here")
            return True
        if depth > _DEEPEST:
            source.note(place, "is nested too deeply")
            return True
    return False


def _visit(source: Source, node: Any, spot: Spot) -> None:
    import yaml

    place = node.start_mark.line + 1, node.start_mark.column + 1
    source.values[spot] = place
    if isinstance(node, yaml.MappingNode):
        for name, inner in node.value:
            at = name.start_mark.line + 1, name.start_mark.column + 1
            if not isinstance(name, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a name is a text", problem_mark=name.start_mark)
            if name.tag != _TEXT:
                _read_as_text(source, name, at)
            source._enter((*spot, name.value), at)
            _visit(source, inner, (*spot, name.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            _visit(source, inner, (*spot, index))
    elif node.tag not in _JSON_LIKE and not _is_number(node):
        _read_as_text(source, node, place)


def _is_number(node: Any) -> bool:
    return node.tag.endswith(":float") and node.value.lower().lstrip("+-") not in (".inf", ".nan")


def _read_as_text(source: Source, node: Any, place: Place) -> None:
    meant = _READ_AS.get(node.tag.rpartition(":")[2], "something that is not a text")
    source.note(place, f"YAML reads {node.value} as {meant}", f'write it in quotes: "{node.value}"')
    node.tag = _TEXT


def _yaml_hint(error: Any) -> str:
    problem = str(error.problem)
    if "mapping values are not allowed" in problem:
        return "a text with a colon needs quotes; or the line is indented wrongly"
    if "\\t" in problem:
        return "indent with spaces, not with tabs"
    if "expected <block end>" in problem:
        return "the line is indented differently from the lines above it"
    return ""


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping; otherwise nothing: its type is a finding already."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    """The value where it is a list; otherwise nothing."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """The value where it is a text; otherwise nothing."""
    return value if isinstance(value, str) else ""
