"""What a search looks through: all options in their order, each with its text, in one flat list.

A look through the list costs a few nanoseconds an option, so that a result stands there as
somebody types; the list itself is made when the first search begins, and again after an edit.
The part of a text that comes from the schema is made once per option and kept; the value is
added as it is now. Secrets are never in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from forms.model.appearance import Appearance
from forms.model.node import Node, Role
from forms.model.tree import Tree
from forms.paths import path_text
from forms.values import ABSENT


class Search:
    def __init__(self, tree: Tree, appearance: Appearance) -> None:
        self._tree = tree
        self._appearance = appearance
        self._nodes: list[Node] | None = None
        self._texts: list[str] = []
        self._set: list[bool] = []
        self._last: tuple[list[str], Sequence[int]] = ([], ())
        """The words that were looked for, and where they were found."""

    def forget(self) -> None:
        """The document was changed."""
        self._nodes = None

    def prepare(self) -> None:
        """Make the list, if it is not there."""
        if self._nodes is None:
            self._nodes, self._texts, self._set = [], [], []
            self._list(self._tree.root, "", self._nodes)
            self._last = ([], range(len(self._texts)))

    def found(
        self, words: list[str], matches: Callable[[Node, bool], bool] | None = None
    ) -> list[Node]:
        """The options in whose path, label, help, choices and value all words occur, in their
        order; of these only those that match, which is asked with whether the user set it. The
        words are in lower case."""
        self.prepare()
        assert self._nodes is not None
        nodes, is_set, at = self._nodes, self._set, self._places(words)
        self._last = (words, at)
        if matches is None:
            return [nodes[i] for i in at]
        return [nodes[i] for i in at if matches(nodes[i], is_set[i])]

    def _places(self, words: list[str]) -> Sequence[int]:
        texts = self._texts
        sought, at = self._last
        if len(sought) != len(words) or not all(map(str.startswith, words, sought)):
            sought, at = [], range(len(texts))
        for word in words:
            if word not in sought:  # who types on narrows what was found before
                at = [i for i in at if word in texts[i]]
        return at

    def _list(self, node: Node, path: str, nodes: list[Node]) -> None:
        """Add the options below a node. path: that of the option that they are part of."""
        held = self._tree.value(node)
        in_list = isinstance(held, list)
        in_section = isinstance(held, dict)
        for child in reachable_children(self._tree, node):
            if child.role is not Role.OPTION:
                self._list(child, path, nodes)
                continue
            key = path_text((child.key,))
            own = path + key if isinstance(child.key, int) or not path else f"{path}.{key}"
            text = child.searchable
            if text is None:
                text = child.searchable = self._of_schema(child, own)
            is_set = in_list or (in_section and child.key in held)
            if is_set:
                text += "\n" + self._appearance.text(child).casefold()
            nodes.append(child)
            self._texts.append(text)
            self._set.append(is_set)
            if self._tree.may_unfold(child):
                self._list(child, own, nodes)

    def _of_schema(self, node: Node, path: str) -> str:
        words = self._tree.words(node)
        said = [path]
        said += [str(words[key]) for key in ("x-label", "title", "description") if key in words]
        choices = words.get("enum")
        if isinstance(choices, list):
            said += map(str, choices)
        titles = words.get("x-enum-titles")
        if isinstance(titles, list | dict):
            said += map(str, titles.values() if isinstance(titles, Mapping) else titles)
        if node.shape is not None:
            said += (title for _, title in node.shape.choices)
            said += (branch.title for branch in node.shape.branches)
        return "\n".join(said).casefold()


def reachable_children(tree: Tree, node: Node) -> list[Node]:
    """The children that a search looks at: a section within itself only where it is set."""
    if not tree.may_unfold(node):
        return []
    if tree.recurs(node) and tree.value(node) is ABSENT:
        return []
    if tree.items_shape(node) is not None:
        return []
    return tree.children(node)


def with_sections(found: list[Node]) -> list[Node]:
    """These options, each with the sections that it is in, in their order."""
    listed: list[Node] = []
    seen: set[int] = set()
    section: Node | None = None
    for node in found:
        if node.parent is not section:
            section = node.parent
            above: list[Node] = []
            parent = section
            while parent is not None and parent.parent is not None and parent.id not in seen:
                seen.add(parent.id)
                above.append(parent)
                parent = parent.parent
            listed += reversed(above)
        if node.children is None:
            listed.append(node)
        elif node.id not in seen:
            seen.add(node.id)
            listed.append(node)
    return listed
