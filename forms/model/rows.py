"""The rows that a filter shows, in a flat list that commands keep up to date.

The list holds nodes; a `Row` is made when it is asked for. Folding, and edits that change
what rows there are, replace the slice of the list that they are about and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import overload

from forms.model.appearance import Appearance
from forms.model.folding import Folding
from forms.model.node import Node, Role
from forms.model.row import Filter, Row
from forms.model.search import Search
from forms.model.tree import Tree
from forms.schema.shape import Kind
from forms.values import ABSENT

Match = Callable[[Node, bool], bool]
"""Does an option match? The flag says whether the user set it."""


class Rows(Sequence[Row]):
    """The rows that a filter shows, top to bottom. Live: follows every command.

    Getting one row costs the same whatever the number of rows.
    """

    def __init__(
        self,
        tree: Tree,
        folding: Folding,
        appearance: Appearance,
        matches: Match | None,
        show_root: bool,
    ) -> None:
        self._tree = tree
        self._folding = folding
        self._appearance = appearance
        self._matches = matches
        self._show_root = show_root
        self._places: dict[int, int] | None = None
        self.revision = 0
        """Grows whenever rows come, go or move."""
        self._nodes: list[Node] = []
        self.rebuild()

    @property
    def filtered(self) -> bool:
        return self._matches is not None

    def __len__(self) -> int:
        return len(self._nodes)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self._row(node) for node in self._nodes[index]]
        return self._row(self._nodes[index])

    def _row(self, node: Node) -> Row:
        row = self._appearance.row(node)
        # under a filter every section stands open
        return replace(row, folded=False) if row.folded and self.filtered else row

    def node(self, row_id: int) -> Node | None:
        """The node of a row that is shown."""
        place = self.position(row_id)
        return None if place is None else self._nodes[place]

    def position(self, row_id: int) -> int | None:
        """Index of the row with that id; None if it is not shown."""
        if self._places is None:
            self._places = {node.id: i for i, node in enumerate(self._nodes)}
        return self._places.get(row_id)

    def rebuild(self) -> None:
        """Make the whole list again: after another filter, or a change under a filter."""
        if self._matches is None:
            self._nodes = list(self._visible_below(self._tree.root))
        else:
            self._nodes = []
            self._add_matching(self._tree.root, self._matches, self._nodes)
        root = self._tree.root
        if not self._tree.is_foldable(root) or (
            self._show_root and (self._matches is None or self._matches(root, True))
        ):
            self._nodes.insert(0, root)
        self._moved()

    def replace_below(self, node: Node) -> None:
        """Show what is below a node now in place of what was."""
        if self._matches is not None or node is self._tree.root:
            self.rebuild()
            return
        try:
            start = self._nodes.index(node) + 1
        except ValueError:
            return
        end = start
        while end < len(self._nodes) and self._nodes[end].depth > node.depth:
            end += 1
        below = self._visible_below(node) if self._is_open(node) else ()
        self._nodes[start:end] = below
        self._moved()

    def _moved(self) -> None:
        self._places = None
        self.revision += 1

    def _is_open(self, node: Node) -> bool:
        return self._tree.is_foldable(node) and not self._folding.is_folded(node)

    def _visible_below(self, node: Node) -> Iterator[Node]:
        for child in self._tree.children(node):
            yield child
            if self._tree.may_unfold(child) and self._is_open(child):
                yield from self._visible_below(child)

    def _add_matching(self, node: Node, matches: Match, found: list[Node]) -> bool:
        """Add what matches below a node, each with the sections that it is in."""
        held = self._tree.value(node)
        any_match = False
        for child in reachable_children(self._tree, node):
            start = len(found)
            found.append(child)
            is_set = child.role is not Role.OPTION or (
                child.key in held if isinstance(held, dict) else isinstance(held, list)
            )
            within = self._tree.may_unfold(child) and self._add_matching(child, matches, found)
            if within or (child.role is Role.OPTION and matches(child, is_set)):
                any_match = True
            else:
                del found[start:]
        return any_match


def reachable_children(tree: Tree, node: Node) -> list[Node]:
    """The children that a search looks at: a section within itself only where it is set."""
    if not tree.may_unfold(node):
        return []
    if tree.recurs(node) and tree.value(node) is ABSENT:
        return []
    if tree.items_shape(node) is not None:
        return []
    return tree.children(node)


def matcher(tree: Tree, appearance: Appearance, search: Search, wanted: Filter) -> Match | None:
    """The test that a filter makes of an option; None for the filter that shows all."""
    if wanted == Filter():
        return None
    words = wanted.text.casefold().split()

    def is_section(node: Node) -> bool:
        return tree.shape(node).kind is Kind.SECTION

    def matches(node: Node, is_set: bool) -> bool:
        if words and not search.finds(words, node, is_set):
            return False
        if wanted.mine and (not is_set or is_section(node)):
            return False
        if wanted.changed and (not appearance.is_changed(node) or is_section(node)):
            return False
        if wanted.advanced and not appearance.is_advanced(node):
            return False
        return not wanted.invalid or bool(
            node.problem or appearance.is_missing(node, appearance.origin(node, tree.value(node)))
        )

    return matches
