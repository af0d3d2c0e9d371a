"""A YAML text as nodes that know where they stand, and the JSON value that they mean.

Plain values mean what the core schema of YAML 1.2 says, as JSON has it (`no` is a text). What
JSON cannot say but a configuration may hold is read for what it comes to: an alias is a copy of
what it names, a merge key (`<<`) brings in the keys of another mapping, a tag is left out, a key
that is no text is taken as it is written.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from forms.files.trouble import FileTrouble
from forms.model.rawtext import core_resolvers, scalar_value
from forms.values import ABSENT

_MOST = 2_000_000
"""Values that a text may stand for, its aliases followed: more is an attack, or a mistake."""
MERGE = "<<"
_PLAIN = "tag:yaml.org,2002:"


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = core_resolvers()

        def compose_node(self, parent: Any, index: Any) -> Any:
            if not self.check_event(yaml.AliasEvent):
                return super().compose_node(parent, index)
            event: Any = self.get_event()  # type: ignore[no-untyped-call]
            target = self.anchors.get(event.anchor)
            if target is None:
                raise yaml.MarkedYAMLError(
                    problem=f"nothing is called &{event.anchor} above",
                    problem_mark=event.start_mark,
                )
            # Not the node that it stands for: an edit must know which of the two it is at.
            return Alias(target, event.start_mark, event.end_mark)

    return Loader


class Alias:
    """`*name`: stands for a node elsewhere in the text."""

    __slots__ = ("end_mark", "start_mark", "target")

    def __init__(self, target: Any, start_mark: Any, end_mark: Any) -> None:
        self.target = target
        self.start_mark = start_mark
        self.end_mark = end_mark


def compose(text: str) -> Any:
    """The root node; None for a text without a document. FileTrouble where it is no YAML."""
    import yaml

    try:
        loader = _loader()(text)
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem = error.problem or error.context or "it cannot be read"
        if problem == "but found another document":
            problem = "another document begins here; a form is for one"
        raise FileTrouble(
            problem, mark.line + 1 if mark else 0, mark.column + 1 if mark else 0
        ) from None
    except yaml.YAMLError as error:
        raise FileTrouble(str(error).splitlines()[0]) from None
    except RecursionError:
        raise FileTrouble("it is nested too deeply") from None


def read_yaml(text: str) -> Any:
    """The value of a text; ABSENT where it has none. FileTrouble where it cannot be read."""
    node = compose(text)
    try:
        return ABSENT if node is None else Reading().value(node)
    except RecursionError:
        raise FileTrouble("it is nested too deeply, or holds itself") from None


def has_tags(text: str) -> bool:
    """Does a text hold tags of its own (`!reference`), which a JSON value cannot?"""
    todo = [compose(text)]
    while todo:
        node = todo.pop()
        if node is None or isinstance(node, Alias):
            continue
        if not node.tag.startswith(_PLAIN):
            return True
        for inner in node.value if isinstance(node.value, list) else ():
            todo += inner if isinstance(inner, tuple) else (inner,)
    return False


class Reading:
    """Gives the values of nodes, and counts them."""

    def __init__(self) -> None:
        self._left = _MOST

    def value(self, node: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise FileTrouble("its aliases stand for more than can be held")
        if isinstance(node, Alias):
            return self.value(node.target)
        if isinstance(node.value, str):
            return _scalar(node)
        if node.id == "sequence":
            return [self.value(item) for item in node.value]
        made: dict[str, Any] = {}
        for key, inner in entries(node):
            if key in made:
                mark = inner.start_mark
                raise FileTrouble(f"the key {key!r} is there twice", mark.line + 1)
            made[key] = self.value(inner)
        for source in merged(node):
            inherited = self.value(source)
            for key, value in inherited.items() if isinstance(inherited, dict) else ():
                made.setdefault(key, value)
        return made


def entries(node: Any) -> list[tuple[str, Any]]:
    """The keys that a mapping has of its own, as texts, with the nodes of their values."""
    return [(key_text(key), value) for key, value in node.value if not is_merge(key)]


def merged(node: Any) -> list[Any]:
    """The nodes that a mapping takes keys from, the first to have a key going first."""
    found: list[Any] = []
    for key, value in node.value:
        if is_merge(key):
            target = value.target if isinstance(value, Alias) else value
            found += target.value if target.id == "sequence" else [value]
    return found


def is_merge(key: Any) -> bool:
    return not isinstance(key, Alias) and key.value == MERGE and key.style is None


def key_text(key: Any) -> str:
    if isinstance(key, Alias):
        key = key.target
    if not isinstance(key.value, str):
        raise FileTrouble("a key must be a text", key.start_mark.line + 1)
    return str(key.value)


def _scalar(node: Any) -> Any:
    if not node.tag.startswith(_PLAIN):
        return node.value
    try:
        return scalar_value(node.tag.removeprefix(_PLAIN), node.value)
    except ValueError as error:
        raise FileTrouble(str(error), node.start_mark.line + 1) from None
