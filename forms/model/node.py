"""A node of the form: one option, section, group or fold, made when somebody looks there."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from forms.paths import Heading, Path
from forms.schema.load import Schema
from forms.schema.shape import Shape


class Role(IntEnum):
    OPTION = 0
    GROUP = 1
    """Options of a section that share an `x-group`."""
    ADVANCED = 2
    """The fold of a section's advanced options."""


class Node:
    """Knows where it is and what it is; its value is in the document."""

    # What most nodes never have of their own is said once, here: a form makes many of them.
    shape: Shape | None = None
    children: list[Node] | None = None
    """None until somebody unfolds the node."""
    by_key: Mapping[str | int, Node] = MappingProxyType({})
    """The options among the children, groups and folds looked through."""
    folded: bool | None = None
    """None until the form decides or the user does."""
    chosen: int | None = None
    """The branch that the user picked."""
    problem: tuple[str, str] | None = None
    """Message and hint."""
    troubles = 0
    """Problems on this node and below."""
    searchable: str | None = None
    """What a search looks through, once it did."""
    size = 1
    """Options under a heading."""
    role: Role = Role.OPTION
    unknown: bool = False

    def __init__(self, number: int, parent: Node | None, key: str | int, schema: Schema) -> None:
        self.id = number
        self.parent = parent
        self.key = key
        """Key or position in the parent; the name of a group."""
        self.schema = schema
        self.depth: int = 0 if parent is None else parent.depth + 1

    @property
    def owner(self) -> Node | None:
        """The option whose value holds this one's value."""
        parent = self.parent
        while parent is not None and parent.role is not Role.OPTION:
            parent = parent.parent
        return parent

    @property
    def heading(self) -> Heading:
        """What stands in a path for a group or fold."""
        if self.role is Role.GROUP:
            return Heading(self.key)
        return Heading(f"{self.key} Advanced".strip())

    @property
    def path(self) -> Path:
        keys: list[str | int] = [] if self.role is Role.OPTION else [self.heading]
        node: Node | None = self
        while node is not None and node.parent is not None:
            if node.role is Role.OPTION:
                keys.append(node.key)
            node = node.parent
        return tuple(reversed(keys))
