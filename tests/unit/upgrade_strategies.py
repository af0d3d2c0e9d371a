"""Random releases of an application: schemas, how they evolve, values, and what is declared."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
Path = tuple[str, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]

_SECTIONS = ("net", "auth", "store")
_CHOICES = ["low", "mid", "high", "Full", "none"]


@dataclass
class History:
    """Schemas of releases 1.0, 2.0, ...; what the package declares; what the user set."""

    schemas: list[Schema]
    migrations: dict[str, Any]
    values: dict[str, Any]
    kinds: list[str] = field(default_factory=list)
    """What happened, for statistics and failures."""


@st.composite
def histories(draw: Draw, most: int = 5) -> History:
    """Chains of 1 to `most` upgrades."""
    names = Names()
    schema = draw(_schemas(names))
    values = draw(_documents(schema))
    found = History([schema], {"format": 1, "migrations": []}, values)
    for number in range(draw(st.integers(1, most))):
        schema = copy.deepcopy(schema)
        changes: list[Any] = []
        for _ in range(draw(st.integers(0, 4))):
            evolve = draw(st.sampled_from(_EVOLUTIONS))
            if evolve(draw, schema, names, changes):
                found.kinds.append(evolve.__name__)
        version = f"{number + 2}.0"
        if changes:
            found.migrations["migrations"].append({"version": version, "changes": changes})
        found.schemas.append(schema)
    return found


class Names:
    """Names that were never used, and values that occur once."""

    def __init__(self) -> None:
        self._count = 0

    def new(self, like: str = "") -> str:
        self._count += 1
        stem = like.rstrip("0123456789_") or "option"
        return f"{stem}_{self._count}"


@st.composite
def _schemas(draw: Draw, names: Names) -> Schema:
    root = _section()
    for name in _SECTIONS[: draw(st.integers(1, 3))]:
        root["properties"][name] = _section()
    for path in list(sections(root)):
        for _ in range(draw(st.integers(1, 3))):
            _place(root, path)["properties"][names.new()] = draw(_options())
    return root


def _section() -> Schema:
    return {"type": "object", "properties": {}, "additionalProperties": False}


@st.composite
def _options(draw: Draw) -> Schema:
    kind = draw(st.sampled_from(["integer", "number", "string", "boolean", "enum", "list", "map"]))
    words = draw(st.lists(st.sampled_from(["cache", "size", "host", "limit"]), max_size=3))
    option: Schema = {"description": f"The {' '.join(words)} of it."} if words else {}
    with_default = draw(st.booleans())
    if kind in ("integer", "number"):
        option |= {"type": kind, "minimum": 0, "maximum": 10_000_000}
    elif kind in ("string", "boolean"):
        option |= {"type": kind}
        if kind == "string" and draw(st.integers(0, 3)) == 0:
            option["x-secret"] = True
    elif kind == "enum":
        option |= {"enum": draw(st.lists(st.sampled_from(_CHOICES), min_size=2, unique=True))}
    elif kind == "list":
        inner: Schema = {"type": "string"}
        if draw(st.booleans()):
            inner = _section() | {"properties": {"name": {"type": "string"}, "port": {}}}
        option |= {"type": "array", "items": inner}
    else:
        inner = {"type": "string"}
        if draw(st.booleans()):
            inner = _section() | {"properties": {"quota": {"type": "integer"}}}
        option |= {"type": "object", "additionalProperties": inner}
    if with_default:
        option["default"] = draw(_value_of(option, 0))
    return option


def sections(schema: Schema, path: Path = ()) -> Iterator[Path]:
    """The paths of all sections, the root included."""
    yield path
    for name, inner in schema["properties"].items():
        if "properties" in inner:
            yield from sections(inner, (*path, name))


def options(schema: Schema) -> list[Path]:
    """The paths of all options that are no sections."""
    return [
        (*path, name)
        for path in sections(schema)
        for name, inner in _place(schema, path)["properties"].items()
        if "properties" not in inner
    ]


def _place(schema: Schema, path: Path) -> Schema:
    for name in path:
        schema = schema["properties"][name]
    return schema


def option_at(schema: Any, path: tuple[Any, ...]) -> Schema | None:
    """What a schema says of a place in a document."""
    for name in path:
        if isinstance(name, int):
            schema = schema.get("items", {})
        else:
            schema = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if not isinstance(schema, dict):
            return None
    return schema


@st.composite
def _documents(draw: Draw, schema: Schema) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for number, path in enumerate(options(schema)):
        if draw(st.booleans()):
            option = _place(schema, path)
            value = (
                option["default"]
                if "default" in option and draw(st.integers(0, 3)) == 0
                else draw(_value_of(option, 1000 * (number + 1)))
            )
            _put(document, path, copy.deepcopy(value))
    if draw(st.integers(0, 5)) == 0:
        _put(document, (draw(st.sampled_from(_SECTIONS)), "nobody_knows"), 999_999)
    return document


def _put(document: dict[str, Any], path: Path, value: Any) -> None:
    for name in path[:-1]:
        document = document.setdefault(name, {})
    document[path[-1]] = value


def value_of(option: Schema | None, unique: int) -> st.SearchStrategy[Any]:
    return _value_of(option or {}, unique)


def _value_of(option: Schema, unique: int) -> st.SearchStrategy[Any]:
    """Valid values, that are found nowhere else if `unique` is not."""
    if "enum" in option:
        return st.sampled_from(option["enum"])
    kind = option.get("type")
    if kind in ("integer", "number"):
        top = option.get("maximum", 10_000_000)
        return st.integers(0, 900).map(lambda n: min(n + unique, top))
    if kind == "boolean":
        return st.booleans()
    if kind == "array":
        return st.lists(_value_of(option["items"], unique), max_size=2)
    if kind == "object" and option.get("properties"):
        inner = {name: _value_of(one, unique) for name, one in option["properties"].items()}
        return st.fixed_dictionaries({}, optional=inner)
    if kind == "object":
        keys = st.sampled_from(["ann", "bob", "a.b"])
        return st.dictionaries(keys, _value_of(option["additionalProperties"], unique), max_size=2)
    return st.integers(0, 900).map(lambda n: f"v{n + unique}")


# --- what upstream does -------------------------------------------------------------------


def _pick(draw: Draw, schema: Schema, fits: Callable[[Schema], bool] = bool) -> Path | None:
    found = [path for path in options(schema) if fits(_place(schema, path))]
    return draw(st.sampled_from(found)) if found else None


def _text(path: Path) -> str:
    return ".".join(path)


def _told(draw: Draw, option: Schema, path: Path, new: Path, changes: list[Any]) -> None:
    """A rename may be declared, marked in the schema, or found out by nobody but a person."""
    how = draw(st.sampled_from(["declared", "marked", "silent", "silent"]))
    if how == "declared":
        changes.append({"rename": {"from": _text(path), "to": _text(new)}})
    elif how == "marked":
        option["x-renamed-from"] = _text(path)


def add(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    section = _place(schema, draw(st.sampled_from(list(sections(schema)))))
    name = names.new()
    section["properties"][name] = draw(_options())
    if draw(st.integers(0, 2)) == 0:
        section.setdefault("required", []).append(name)
    return True


def remove(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema)
    if path is None:
        return False
    _take(schema, path)
    if draw(st.booleans()):
        changes.append({"drop": {"path": _text(path), "reason": "upstream removed it"}})
    return True


def _take(schema: Schema, path: Path) -> Schema:
    section = _place(schema, path[:-1])
    if path[-1] in section.get("required", ()):
        section["required"].remove(path[-1])
    taken: Schema = section["properties"].pop(path[-1])
    return taken


def rename(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema)
    if path is None:
        return False
    option = _take(schema, path)
    new = (*path[:-1], names.new(path[-1]))
    _place(schema, path[:-1])["properties"][new[-1]] = option
    _told(draw, option, path, new, changes)
    return True


def move(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema)
    if path is None:
        return False
    target = draw(st.sampled_from(list(sections(schema))))
    option = _take(schema, path)
    new = (*target, path[-1])
    _place(schema, target)["properties"][path[-1]] = option
    if new != path:
        _told(draw, option, path, new, changes)
    return True


def move_subtree(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    found = [path for path in sections(schema) if path]
    if not found:
        return False
    path = draw(st.sampled_from(found))
    others = [p for p in sections(schema) if p[: len(path)] != path]
    target = (*draw(st.sampled_from(others)), names.new(path[-1]))
    section = _take(schema, path)
    _place(schema, target[:-1])["properties"][target[-1]] = section
    if draw(st.booleans()):
        changes.append({"move": {"from": _text(path), "to": _text(target)}})
    return True


def to_text(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: o.get("type") in ("integer", "boolean"))
    if path is None:
        return False
    option = _place(schema, path)
    was = option["type"]
    for word in ("minimum", "maximum", "default"):
        option.pop(word, None)
    option["type"] = "string"
    if draw(st.booleans()):
        changes.append({"convert": {"path": _text(path), "to": "string", "from": was}})
    return True


def to_number(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: o.get("type") == "string")
    if path is None:
        return False
    option = _place(schema, path)
    option.pop("default", None)
    option["type"] = "integer"
    if draw(st.booleans()):
        changes.append({"convert": {"path": _text(path), "to": "integer"}})
    return True


def to_list(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: o.get("type") == "string")
    if path is None:
        return False
    section, name = _place(schema, path[:-1])["properties"], path[-1]
    section[name] = {"type": "array", "items": {"type": "string"}}
    if draw(st.booleans()):
        changes.append({"wrap": {"path": _text(path), "in": "list"}})
    return True


def from_list(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: o.get("items", {}).get("type") == "string")
    if path is None:
        return False
    _place(schema, path[:-1])["properties"][path[-1]] = {"type": "string"}
    if draw(st.booleans()):
        changes.append({"unwrap": {"path": _text(path), "from": "list"}})
    return True


def into_section(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    """What was a plain value is one of several in a section of its name."""
    path = _pick(draw, schema, lambda o: o.get("type") in ("string", "integer", "boolean"))
    if path is None:
        return False
    properties, key = _place(schema, path[:-1])["properties"], names.new("key")
    properties[path[-1]] = _section() | {"properties": {key: properties[path[-1]]}}
    changes.append({"wrap": {"path": _text(path), "in": {"key": key}}})
    return True


def loosen(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: "minimum" in o or "maximum" in o)
    if path is None:
        return False
    for word in ("minimum", "maximum"):
        _place(schema, path).pop(word, None)
    return True


def unit(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: o.get("type") == "integer")
    if path is None:
        return False
    old, new = draw(st.sampled_from([("minutes", "seconds"), ("seconds", "minutes")]))
    _place(schema, path).pop("default", None)
    convert = {"path": _text(path), "to": "integer", "unit": {"from": old, "to": new}}
    changes.append({"convert": convert})
    return True


def new_default(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema)
    if path is None:
        return False
    option = _place(schema, path)
    was = option.get("default")
    option["default"] = draw(_value_of(option, 0))
    if was is not None and draw(st.booleans()):
        declared = {"path": _text(path), "value": option["default"], "was": was}
        changes.append({"default": declared})
    return True


def tighten(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: o.get("type") == "integer")
    if path is None:
        return False
    option = _place(schema, path)
    option["maximum"] = draw(st.integers(0, 3000))
    if option.get("default", 0) > option["maximum"]:
        del option["default"]
    return True


def enum_change(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: "enum" in o)
    if path is None:
        return False
    option = _place(schema, path)
    value = draw(st.sampled_from(option["enum"]))
    how = draw(st.sampled_from(["add", "drop", "declared", "marked"]))
    others = [one for one in option["enum"] if one != value]
    if how == "add":
        option["enum"] = [*option["enum"], names.new("choice")]
        return True
    if option.get("default") == value:
        del option["default"]
    if how == "drop":
        option["enum"] = others or [names.new("choice")]
        return True
    renamed = names.new("choice")
    option["enum"] = [*others, renamed]
    if how == "declared":
        changes.append({"map": {"path": _text(path), "values": {value: renamed}}})
    else:
        option["x-renamed-values"] = {value: renamed}
    return True


def require(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema)
    if path is None:
        return False
    required = _place(schema, path[:-1]).setdefault("required", [])
    if path[-1] not in required:
        required.append(path[-1])
    return True


def split(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    path = _pick(draw, schema, lambda o: o.get("type") == "string")
    if path is None:
        return False
    _take(schema, path)
    new = [(*path[:-1], names.new("part")) for _ in range(2)]
    for one in new:
        _place(schema, path[:-1])["properties"][one[-1]] = {"type": "string"}
    by = draw(st.sampled_from(["v", "0", "-"]))
    declared = {"from": _text(path), "to": [_text(one) for one in new], "by": by}
    changes.append({"split": declared})
    return True


def merge(draw: Draw, schema: Schema, names: Names, changes: list[Any]) -> bool:
    found = [p for p in options(schema) if _place(schema, p).get("type") in ("string", "integer")]
    if len(found) < 2:
        return False
    pair = draw(st.lists(st.sampled_from(found), min_size=2, max_size=2, unique=True))
    for path in pair:
        _take(schema, path)
    new = (*pair[0][:-1], names.new("whole"))
    _place(schema, new[:-1])["properties"][new[-1]] = {"type": "string"}
    declared = {"from": [_text(one) for one in pair], "to": _text(new), "by": "-"}
    changes.append({"join": declared})
    return True


_EVOLUTIONS = (
    *(add, remove, rename, rename, move, move_subtree, to_text, to_number, to_list, unit),
    *(from_list, into_section, loosen, new_default, tighten, enum_change, require, split, merge),
)
