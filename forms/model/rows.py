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
from forms.model.node import Node
from forms.model.row import Filter, Row
from forms.model.search import Search, with_sections
from forms.model.tree import Tree
from forms.schema.shape import Kind

Match = Callable[[], list[Node]]
"""Gives the options that match, in their order."""


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
            self._nodes = with_sections(self._matches())
        root = self._tree.root
        shown = self._show_root and (self._matches is None or bool(root.problem))
        if shown or not self._tree.is_foldable(root):
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


def matcher(tree: Tree, appearance: Appearance, search: Search, wanted: Filter) -> Match | None:
    """What finds the options that a filter shows; None for the filter that shows all."""
    if wanted == Filter():
        return None
    words = wanted.text.casefold().split()
    narrows = wanted != Filter(text=wanted.text)

    def is_section(node: Node) -> bool:
        return tree.shape(node).kind is Kind.SECTION

    def matches(node: Node, is_set: bool) -> bool:
        if wanted.mine and (not is_set or is_section(node)):
            return False
        if wanted.changed and (not appearance.is_changed(node) or is_section(node)):
            return False
        if wanted.advanced and not appearance.is_advanced(node):
            return False
        return not wanted.invalid or bool(
            node.problem or appearance.is_missing(node, appearance.origin(node, tree.value(node)))
        )

    return lambda: search.found(words, matches if narrows else None)
