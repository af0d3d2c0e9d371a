"""The text that a search looks through, option by option.

The part that comes from the schema is made once per option and kept; the value is added as it
is now. Secrets are never in it.
"""

from __future__ import annotations

from forms.model.appearance import Appearance
from forms.model.node import Node
from forms.model.tree import Tree
from forms.paths import path_text


class Search:
    def __init__(self, tree: Tree, appearance: Appearance) -> None:
        self._tree = tree
        self._appearance = appearance

    def finds(self, words: list[str], node: Node, is_set: bool) -> bool:
        """Do all words, in lower case, occur in the option's path, label, help, choices and
        value?"""
        text = node.searchable
        if text is None:
            text = node.searchable = self._of_schema(node)
        if is_set:
            text += "\n" + self._appearance.text(node).casefold()
        return all(word in text for word in words)

    def _of_schema(self, node: Node) -> str:
        words = self._tree.words(node)
        said = [path_text(node.path)]
        said += [str(words[key]) for key in ("x-label", "title", "description") if key in words]
        choices = words.get("enum")
        if isinstance(choices, list):
            said += map(str, choices)
        titles = words.get("x-enum-titles")
        if isinstance(titles, list | dict):
            said += map(str, titles.values() if isinstance(titles, dict) else titles)
        if node.shape is not None:
            said += (title for _, title in node.shape.choices)
            said += (branch.title for branch in node.shape.branches)
        return "\n".join(said).casefold()
