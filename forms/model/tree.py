"""The tree of nodes over a schema and a document, made as far as somebody looked.

An edit costs what lies between the changed option and the root: shapes that depend on values
are asked again on that way only, and children are made anew only where the shape changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from forms.model.arrange import ARRANGING, Entry, Fold, arranged
from forms.model.document import Document
from forms.model.node import Node, Role
from forms.paths import Heading, Path
from forms.schema.load import Schema
from forms.schema.merge import View
from forms.schema.shape import CONTAINERS, Kind, Shape
from forms.schema.shapes import Shapes
from forms.values import ABSENT
from forms.walk import ELSEWHERE, Child, child_of, is_secret, words_of

Kept = dict[tuple[Role, str | int], Node]
"""Nodes to be used again, by role and key."""
_PLAIN_TYPES = ("string", "integer", "number", "boolean", "null")
_NOT_SIMPLE = ARRANGING | ELSEWHERE
_FOLD = Shape(Kind.SECTION, View())

PLAIN = frozenset({Kind.BOOL, Kind.INT, Kind.NUMBER, Kind.TEXT, Kind.ENUM})


class Tree:
    """Owns the nodes. `made` counts them, for tests of laziness."""

    def __init__(self, shapes: Shapes, document: Document, defaults: Any) -> None:
        self.shapes = shapes
        self.document = document
        self._defaults = Document(defaults)
        self.made = 0
        self._numbers = count()
        self.root = self._node(None, "", shapes.document.root)

    # what a node is

    def value(self, node: Node) -> Any:
        """What the user set; ABSENT if nothing. Groups and folds have their owner's value."""
        if node.role is not Role.OPTION:
            node = node.owner or self.root
        return self.document.get(node.path)

    def shape(self, node: Node) -> Shape:
        if node.shape is None:
            if node.role is Role.OPTION:
                value = self.value(node)
                node.shape = self.shapes.shape(node.schema, value, node.chosen)
            else:
                node.shape = _FOLD
        return node.shape

    def words(self, node: Node) -> Mapping[str, Any]:
        """The annotations of a node. Those of its own schema, then those of its shape."""
        return words_of(self.shapes, node.schema)

    def default(self, node: Node) -> Any:
        """What holds while the user sets nothing; ABSENT if nothing is known."""
        given = ABSENT if self._defaults.root is ABSENT else self._defaults.get(node.path)
        if given is not ABSENT:
            return given
        owner = node.owner
        if owner is not None and isinstance(node.key, str) and self.value(owner) is ABSENT:
            above = self.default(owner)
            if isinstance(above, dict) and node.key in above:
                return above[node.key]
        words = self.words(node)
        if "default" in words:
            return words["default"]
        return self.shape(node).view.words.get("default", ABSENT) if not node.unknown else ABSENT

    def set_under(self, heading: Node, document: Document) -> list[Node]:
        """The options under a heading that a document sets."""
        owner = heading.owner or self.root
        held = document.get(owner.path)
        if not isinstance(held, dict):
            return []
        self.children(owner)
        found = (owner.by_key.get(key) for key in held)
        return [node for node in found if node is not None and _is_under(node, heading)]

    def items_shape(self, node: Node) -> Shape | None:
        """The shape of a list's items, if they are plain values that fit on one line."""
        shape = self.shape(node)
        if shape.kind is not Kind.LIST or shape.view.prefix or shape.view.items is None:
            return None
        items = self.shapes.shape(shape.view.items)
        if items.kind not in PLAIN or is_secret(items.view.words) or is_secret(self.words(node)):
            return None
        value = self.value(node)
        if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            return None
        return items

    def is_foldable(self, node: Node) -> bool:
        if node.role is not Role.OPTION:
            return True
        kind = self.shape(node).kind
        if kind in (Kind.LIST, Kind.MAP):
            return bool(self.value(node))
        return kind is Kind.SECTION

    def may_unfold(self, node: Node) -> bool:
        """False for nodes that plainly have nothing below, told without making their shape."""
        if node.shape is not None or node.role is not Role.OPTION:
            return True
        return not (isinstance(node.schema, dict) and node.schema.get("type") in _PLAIN_TYPES)

    def required(self, node: Node) -> bool:
        owner = node.owner
        if owner is None or not isinstance(node.key, str):
            return owner is None
        view = self.shape(owner).view
        if node.key in view.required:
            return True
        if not view.dependent_required:
            return False
        value = self.value(owner)
        return isinstance(value, dict) and any(
            node.key in names and key in value for key, names in view.dependent_required.items()
        )

    def is_present(self, node: Node | None) -> bool:
        """Does a section count: it holds something, or has to be there?"""
        while node is not None and node.owner is not None:
            if self.value(node) is not ABSENT:
                return True
            if not self.required(node):
                return False
            node = node.owner
        return True

    def recurs(self, node: Node) -> bool:
        """Is the node, by its schema, a section within itself?"""
        if node.role is not Role.OPTION or node.parent is None:
            return False
        refs = self.shapes.refers_to(node.schema)
        above = node.owner
        while above is not None and refs:
            if above.parent is None and "#" in refs:
                return True
            if not refs.isdisjoint(self.shapes.refers_to(above.schema)):
                return True
            above = above.owner
        return False

    # nodes

    def children(self, node: Node) -> list[Node]:
        if node.children is None:
            self._make_children(node, {})
        return node.children or []

    def find(self, path: Path) -> Node | None:
        """The node at a path, made where it is not yet; None where there is no such option."""
        node = self.root
        for key in path:
            found = self._child(node, key)
            if found is None:
                return None
            node = found
        return node

    def known(self, path: Path) -> Node | None:
        """The node at a path, if it was ever made."""
        node = self.root
        for key in path:
            found = self._child(node, key) if node.children is not None else None
            if found is None:
                return None
            node = found
        return node

    def _child(self, node: Node, key: str | int) -> Node | None:
        if isinstance(key, Heading):
            return next((child for child in self._headings(node) if child.heading == key), None)
        if self.shape(node).kind is Kind.LIST:
            children = self.children(node)
            return children[key] if isinstance(key, int) and key < len(children) else None
        self.children(node)
        return node.by_key.get(key)

    def _headings(self, node: Node) -> Iterator[Node]:
        for child in self.children(node):
            if child.role is not Role.OPTION:
                yield child
                yield from self._headings(child)

    def options(self, node: Node) -> Iterator[Node]:
        """The options of a section, those within its groups and folds included."""
        for child in self.children(node):
            if child.role is Role.OPTION:
                yield child
            else:
                yield from self.options(child)

    def _node(
        self,
        parent: Node | None,
        key: str | int,
        schema: Schema,
        *,
        role: Role = Role.OPTION,
        unknown: bool = False,
    ) -> Node:
        self.made += 1
        node = Node(next(self._numbers), parent, key, schema)
        if role is not Role.OPTION:
            node.role = role
        if unknown:
            node.unknown = True
        return node

    def _make_children(self, node: Node, old: Kept) -> None:
        shape = self.shape(node)
        node.by_key = {}
        if node.role is not Role.OPTION or shape.kind not in CONTAINERS:
            node.children = []
            return
        value = self.value(node)
        if shape.kind is Kind.LIST:
            length = len(value) if isinstance(value, list) else 0
            node.children = [self._option(old, node, i, child_of(shape, i)) for i in range(length)]
            return
        held = value if isinstance(value, dict) else {}
        named = shape.view.properties
        if shape.kind is Kind.SECTION and not old and _is_simple(shape.view, held):
            self.made += len(named)
            node.children = [
                Node(number, node, key, schema)
                for (key, schema), number in zip(named.items(), self._numbers, strict=False)
            ]
            node.by_key = dict(zip(named, node.children, strict=True))
            return
        keys = [key for key, schema in named.items() if schema is not False or key in held]
        keys += [key for key in held if key not in named]
        options = [(key, child_of(shape, key)) for key in keys]
        if shape.kind is Kind.MAP:
            node.children = [self._option(old, node, key, child) for key, child in options]
        else:
            self._fill_section(node, options, old)
        node.by_key = {child.key: child for child in self.options(node)}

    def _fill_section(self, node: Node, options: list[tuple[str, Child]], old: Kept) -> None:
        described = [(key, child, words_of(self.shapes, child.schema)) for key, child in options]
        node.children = [self._place(old, node, entry) for entry in arranged(described)]

    def _place(self, old: Kept, parent: Node, entry: Entry) -> Node:
        if isinstance(entry, Fold):
            role = Role.GROUP if entry.title else Role.ADVANCED
            node = old.get((role, entry.key)) or self._node(parent, entry.key, True, role=role)
            node.parent, node.depth = parent, parent.depth + 1
            node.children = [self._place(old, node, inner) for inner in entry.entries]
            node.size = sum(child.size for child in node.children)
            return node
        key, child = entry
        return self._option(old, parent, key, child)

    def _option(self, old: Kept, parent: Node, key: str | int, child: Child) -> Node:
        node = old.get((Role.OPTION, key))
        if node is None:
            return self._node(parent, key, child.schema, unknown=child.unknown)
        if node.schema is not child.schema:
            node.schema, node.shape, node.searchable = child.schema, None, None
        node.parent, node.depth, node.unknown = parent, parent.depth + 1, child.unknown
        return node

    # after an edit

    def refresh(self, path: Path) -> Node | None:
        """Bring the nodes up to date after the value at `path` was replaced. Gives the topmost
        node whose children came, went or may have moved; None if no row did."""
        changed: Node | None = None
        node = self.known(path)
        if node is not None:
            was = self.shape(node).kind
            self._refresh_below(node)
            if node.children or was in CONTAINERS or self.shape(node).kind in CONTAINERS:
                changed = node
        for depth in range(len(path) - 1, -1, -1):
            above = self.known(path[:depth])
            if above is None:
                continue
            if self._refresh_section(above, path[depth] if depth == len(path) - 1 else None):
                changed = above
        return changed

    def shift(self, path: Path, before: int | str | None, after: int | str | None) -> None:
        """Let the node of an entry that came, went, moved or was renamed do so too, before
        `refresh` looks at the new value."""
        holder = self.known(path)
        if holder is None or holder.children is None:
            return
        if isinstance(before, str) and after is not None:
            kept = dict(holder.by_key)
            node = kept.pop(before, None)
            holder.by_key = kept
            if node is not None:
                node.key = after
                forget_path(node)
            return
        nodes = holder.children
        node = nodes.pop(before) if isinstance(before, int) else None
        if isinstance(after, int):
            item = child_of(self.shape(holder), after)
            nodes.insert(after, node or self._node(holder, after, item.schema))
        for i, node in enumerate(nodes):
            if node.key != i:
                node.key = i
                forget_path(node)

    def _refresh_section(self, node: Node, key: str | int | None) -> bool:
        """Did the children of a section change, because of its value or of one key of it?"""
        before = self.shape(node)
        if before.kind is Kind.RAW or self.shapes.depends_on_value(node.schema):
            node.shape = None
        after = self.shape(node)
        listed = key is None or (isinstance(key, str) and key in after.view.properties)
        if before.view is after.view and before.kind is after.kind and listed:
            return False
        if node.children is not None:
            self.rebuild(node)
        return True

    def _refresh_below(self, node: Node) -> None:
        node.shape = None
        if node.children is not None:
            self.rebuild(node)
            for child in self.options(node):
                self._refresh_below(child)

    def rebuild(self, node: Node) -> None:
        """Make the children of a section again; those that stay keep their nodes."""
        old: Kept = {}
        todo = list(node.children or ())
        while todo:
            child = todo.pop()
            old[child.role, child.key] = child
            if child.role is not Role.OPTION:
                todo += child.children or ()
        self._make_children(node, old)


def _is_simple(view: View, held: dict[str, Any]) -> bool:
    """Are the options of a section just its properties, in their order? Told quickly, so that
    a section of many options opens like one of ten."""
    return (
        not view.patterns
        and held.keys() <= view.properties.keys()
        and all(
            isinstance(schema, dict) and schema.keys().isdisjoint(_NOT_SIMPLE)
            for schema in view.properties.values()
        )
    )


def _is_under(node: Node, heading: Node) -> bool:
    above = node.parent
    while above is not None and above is not heading and above.role is not Role.OPTION:
        above = above.parent
    return above is heading


def forget_path(node: Node) -> None:
    """What was remembered of a node that holds its path is no longer true."""
    node.searchable = None
    for child in node.children or ():
        forget_path(child)
