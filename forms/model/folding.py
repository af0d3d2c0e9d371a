"""What is folded when a form opens, before the user folds anything.

A small form shows all its sections; a large one shows its headings, and the sections in which
something is set. Advanced options are folded away unless the user set one of them.
"""

from __future__ import annotations

from forms.model.node import Node, Role
from forms.model.tree import Tree
from forms.values import ABSENT

_SMALL = 100
"""A form of so few options opens with all sections unfolded."""
_DEEP = 12
"""No section unfolds by itself below this depth."""


class Folding:
    """Knows which nodes are folded."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._small: bool | None = None

    def is_folded(self, node: Node) -> bool:
        if node.folded is None:
            node.folded = self._at_first(node)
        return node.folded

    def _at_first(self, node: Node) -> bool:
        tree = self._tree
        if node is tree.root:
            return False
        if node.role is Role.ADVANCED:
            return not tree.set_under(node, tree.document)
        if node.depth > _DEEP or tree.items_shape(node) is not None:
            return True
        if node.role is Role.OPTION and tree.value(node) is not ABSENT:
            return False
        return tree.recurs(node) or not self._is_small()

    def _is_small(self) -> bool:
        if self._small is None:
            seen = 0
            todo = [self._tree.root]
            while todo and seen <= _SMALL:
                node = todo.pop(0)
                if (
                    node.depth <= _DEEP
                    and not self._tree.recurs(node)
                    and self._tree.is_foldable(node)
                ):
                    children = self._tree.children(node)
                    seen += len(children)
                    todo += children
            self._small = seen <= _SMALL
        return self._small
