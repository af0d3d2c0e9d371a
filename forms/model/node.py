"""A node of the form: one option, section, group or fold, made when somebody looks there."""

from __future__ import annotations

from enum import IntEnum

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

    __slots__ = (
        "by_key",
        "children",
        "chosen",
        "depth",
        "folded",
        "id",
        "key",
        "parent",
        "problem",
        "role",
        "schema",
        "searchable",
        "shape",
        "size",
        "troubles",
        "unknown",
    )

    def __init__(
        self,
        number: int,
        parent: Node | None,
        key: str | int,
        schema: Schema,
        *,
        role: Role = Role.OPTION,
        unknown: bool = False,
    ) -> None:
        self.id = number
        self.parent = parent
        self.key = key
        """Key or position in the parent; the name of a group."""
        self.schema = schema
        self.role = role
        self.unknown = unknown
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.shape: Shape | None = None
        self.children: list[Node] | None = None
        """None until somebody unfolds the node."""
        self.by_key: dict[str | int, Node] = {}
        """The options among the children, groups and folds looked through."""
        self.folded: bool | None = None
        """None until the form decides or the user does."""
        self.chosen: int | None = None
        """The branch that the user picked."""
        self.problem: tuple[str, str] | None = None
        """Message and hint."""
        self.troubles = 0
        """Problems on this node and below."""
        self.searchable: str | None = None
        """What a search looks through, once it did."""
        self.size = 1
        """Options under a heading."""

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
