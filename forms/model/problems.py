"""Which rows have a problem, and how many are below each section."""

from __future__ import annotations

from collections.abc import Iterable

from forms.model.node import Node
from forms.model.row import Problem
from forms.model.tree import Tree
from forms.paths import Path, path_text


class Problems:
    """Puts problems on nodes and keeps the count of every section above them."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._flagged: dict[Node, None] = {}

    def put(self, node: Node, problem: tuple[str, str] | None) -> None:
        """Put message and hint on a node, or take away what stands there."""
        if bool(problem) != bool(node.problem):
            step = 1 if problem else -1
            above: Node | None = node
            while above is not None:
                above.troubles += step
                above = above.parent
            if problem:
                self._flagged[node] = None
            else:
                self._flagged.pop(node, None)
        node.problem = problem

    def place(self, problems: Iterable[Problem], below: Path = ()) -> None:
        """Let these be the only problems at a path and below it. One that is about no row of
        its own goes to the nearest row above; a row shows its first."""
        for node in list(self._flagged):
            if node.path[: len(below)] == below:
                self.put(node, None)
        for problem in problems:
            node = self._nearest(problem.path)
            if node.problem is None:
                inside = problem.path[len(node.path) :]
                where = f"{path_text(inside)} " if inside else ""
                self.put(node, (where + problem.message, problem.hint))

    def _nearest(self, path: Path) -> Node:
        for length in range(len(path), 0, -1):
            node = self._tree.find(path[:length])
            if node is not None:
                return node
        return self._tree.root

    def forget_gone(self) -> None:
        """Drop the problems of nodes that are no longer part of the form."""
        gone = [node for node in self._flagged if self._tree.known(node.path) is not node]
        if not gone:
            return
        kept = [(node, node.problem) for node in self._flagged if node not in gone]
        for node in list(self._flagged):
            self.put(node, None)
        for node, problem in kept:
            self.put(node, problem)

    def listed(self) -> list[Problem]:
        found = [Problem(node.path, *node.problem) for node in self._flagged if node.problem]
        return sorted(found, key=lambda problem: self._order(problem.path))

    def _order(self, path: Path) -> tuple[int, ...]:
        """Where an option stands among the others, section by section."""
        order: list[int] = []
        node: Node | None = self._tree.find(path)
        while node is not None and node.parent is not None:
            order.append(self._tree.children(node.parent).index(node))
            node = node.parent
        return tuple(reversed(order))
