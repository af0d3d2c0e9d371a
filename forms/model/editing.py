"""Carrying out steps, forward and back, and bringing the form up to date after each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forms.model.document import Replacement
from forms.model.history import Choice, History, Shift, Step
from forms.model.node import Node
from forms.model.problems import Problems
from forms.model.row import Change, Problem
from forms.model.rows import Rows
from forms.model.search import Search
from forms.model.tree import Tree
from forms.paths import Path
from forms.schema.shape import CONTAINERS
from forms.values import ABSENT


class Editing:
    """What all commands go through. `rows` gives the rows that are live now."""

    def __init__(
        self,
        tree: Tree,
        problems: Problems,
        search: Search,
        check: Callable[[Node, Any], list[Problem]],
        rows: Callable[[], Rows | None],
    ) -> None:
        self._tree = tree
        self._problems = problems
        self._search = search
        self._check = check
        self._rows = rows
        self.history = History()

    def do(self, step: Step) -> Change:
        self.history.add(step)
        return self._perform(step)

    def undo(self) -> Change | None:
        step = self.history.back()
        return None if step is None else self._perform(step)

    def redo(self) -> Change | None:
        step = self.history.forward()
        return None if step is None else self._perform(step)

    def _perform(self, step: Step) -> Change:
        self._search.forget()
        for action in step.actions:
            self._act(action)
        changed: list[Node] = []
        for path in {action.path: None for action in step.actions}:
            top = self._tree.refresh(path)
            if top is not None:
                changed.append(top)
        self._recheck(step.path)
        if changed:
            self._problems.forget_gone()
            rows = self._rows()
            if rows is not None:
                rows.replace_below(min(changed, key=lambda node: node.depth))
        return Change(self._existing(step.path), bool(changed), step.label)

    def _act(self, action: Replacement | Choice | Shift) -> None:
        if isinstance(action, Replacement):
            self._tree.document.apply(action)
        elif isinstance(action, Choice):
            node = self._tree.known(action.path)
            if node is not None:
                node.chosen = action.after
        else:
            self._tree.shift(action.path, action.before, action.after)

    def _recheck(self, path: Path) -> None:
        """Bring the problem of one option up to date after a command on it."""
        node = self._tree.known(path)
        if node is None:
            return
        value = self._tree.value(node)
        if value is ABSENT or self._tree.shape(node).kind in CONTAINERS:
            self._problems.put(node, None)
            return
        found = next(iter(self._check(node, value)), None)
        self._problems.put(node, (found.message, found.hint) if found else None)

    def _existing(self, path: Path) -> Path:
        while path and self._tree.find(path) is None:
            path = path[:-1]
        return path
