"""What a user can do to a document, each as a step that can be undone.

Nothing is changed here: a command is worked out, or refused with a ValueError in words for
the user.
"""

from __future__ import annotations

import copy
from typing import Any

from forms.model.appearance import HIDDEN, Appearance, mask
from forms.model.document import Document, ImpliedList, like, plain
from forms.model.history import Action, Choice, Shift, Step
from forms.model.node import Node, Role
from forms.model.tree import Tree
from forms.paths import Path, path_text
from forms.schema.branches import Branch, discriminator
from forms.schema.load import Schema
from forms.schema.merge import View
from forms.schema.shape import CONTAINERS, Kind, Shape, takes_more
from forms.values import ABSENT, is_type, written
from forms.walk import child_of, secret_paths


class Commands:
    """Works out the steps of commands on one form."""

    def __init__(self, tree: Tree, document: Document, appearance: Appearance) -> None:
        self._tree = tree
        self._document = document
        self._appearance = appearance

    def node(self, path: Path) -> Node:
        """The option at a path. KeyError if there is none."""
        node = self._tree.find(path)
        if node is None:
            raise KeyError(path_text(path))
        return node

    def editable(self, path: Path) -> Node:
        """The option at a path. ValueError, saying why, if it cannot be changed."""
        node = self.node(path)
        if node.role is not Role.OPTION:
            raise ValueError(f"{node.heading} is a heading: it has no value of its own")
        if self._appearance.is_readonly(node):
            raise ValueError(f"{self._appearance.label(node)} cannot be changed here")
        return node

    def set(self, path: Path, value: Any) -> Step:
        node = self.editable(path)
        value = self._with_secrets(node, plain(value))
        change = self._document.setting(path, value, self._seeds(path))
        return Step(f"set {path_text(path)}", path, (change,))

    def unset(self, path: Path) -> Step:
        node = self.editable(path)
        if node.parent is None:
            raise ValueError("unset the options one by one")
        if isinstance(node.key, int):
            return self.remove(path)
        if self._document.get(path) is ABSENT:
            raise ValueError(f"{self._appearance.label(node)} is not set")
        return Step(f"unset {path_text(path)}", path, (self._document.unsetting(path),))

    def set_null(self, path: Path) -> Step:
        shape = self._tree.shape(self.editable(path))
        if not (shape.nullable or shape.kind in (Kind.RAW, Kind.CONST)):
            raise ValueError("null is not possible here")
        return self.set(path, None)

    def set_empty(self, path: Path) -> Step:
        shape = self._tree.shape(self.editable(path))
        if shape.kind is Kind.TEXT and "string" in shape.types:
            return self.set(path, "")
        if shape.kind not in CONTAINERS:
            raise ValueError("only texts, lists and maps can be empty")
        return self.set(path, [] if shape.kind is Kind.LIST else {})

    def add(self, path: Path, key: str | None) -> Step:
        node = self.editable(path)
        shape = self._tree.shape(node)
        held = self._document.get(path)
        if not takes_more(shape, len(held) if isinstance(held, list) else 0):
            raise ValueError("nothing can be added here")
        if shape.kind is Kind.LIST:
            if held is ABSENT:
                default = self._tree.default(node)
                held = ImpliedList(plain(default) if isinstance(default, list) else ())
            items = held if isinstance(held, list) else []
            entry: Path = (*path, len(items))
            after = like(items, [*items, self._first_value(child_of(shape, len(items)).schema)])
            change = self._document.setting(path, after, self._seeds(path))
            shift = Shift(path, None, len(items))
            return Step(f"add {path_text(entry)}", entry, (change, shift))
        key = self._new_key(node, shape, key)
        entry = (*path, key)
        value = self._first_value(child_of(shape, key).schema)
        change = self._document.setting(entry, value, self._seeds(entry))
        return Step(f"add {path_text(entry)}", entry, (change,))

    def remove(self, path: Path) -> Step:
        node = self.editable(path)
        if isinstance(node.key, str):
            return Step(f"remove {path_text(path)}", path, self.unset(path).actions)
        items = self._document.get(path[:-1])
        left = like(items, items[: node.key] + items[node.key + 1 :])
        if not left and isinstance(items, ImpliedList):
            change = self._document.unsetting(path[:-1])
        else:
            change = self._document.replacing(path[:-1], left)
        shift = Shift(path[:-1], node.key, None)
        return Step(f"remove {path_text(path)}", path, (change, shift))

    def move(self, path: Path, to: int) -> Step:
        node = self.editable(path)
        items = self._document.get(path[:-1])
        if not isinstance(node.key, int) or not 0 <= to < len(items):
            raise ValueError("it cannot be moved there")
        after = like(items, list(items))
        after.insert(to, after.pop(node.key))
        change = self._document.replacing(path[:-1], after)
        shift = Shift(path[:-1], node.key, to)
        return Step(f"move {path_text(path)}", (*path[:-1], to), (change, shift))

    def duplicate(self, path: Path, key: str | None) -> Step:
        node = self.editable(path)
        holder = self._document.get(path[:-1])
        owner = node.owner
        if owner is None or self._document.get(path) is ABSENT:
            raise ValueError("only an entry of a list or map can be duplicated")
        twin = copy.deepcopy(self._document.get(path))
        if isinstance(node.key, int):
            after = like(holder, [*holder[: node.key + 1], twin, *holder[node.key + 1 :]])
            shift = Shift(path[:-1], None, node.key + 1)
            actions: tuple[Action, ...] = (self._document.replacing(path[:-1], after), shift)
            return Step(f"duplicate {path_text(path)}", (*path[:-1], node.key + 1), actions)
        key = self._new_key(owner, self._tree.shape(owner), key)
        pairs: dict[str, Any] = {}
        for old, value in holder.items():
            pairs[old] = value
            if old == node.key:
                pairs[key] = twin
        change = self._document.replacing(path[:-1], like(holder, pairs))
        return Step(f"duplicate {path_text(path)}", (*path[:-1], key), (change,))

    def rename(self, path: Path, key: str) -> Step:
        node = self.editable(path)
        owner = node.owner
        holder = self._document.get(path[:-1])
        if owner is None or not isinstance(holder, dict) or not self._appearance.is_entry(node):
            raise ValueError("only an entry of a map can be renamed")
        key = self._new_key(owner, self._tree.shape(owner), key)
        pairs = {key if old == node.key else old: value for old, value in holder.items()}
        change = self._document.replacing(path[:-1], like(holder, pairs))
        shift = Shift(path[:-1], node.key, key)
        return Step(f"rename {path_text(path)}", (*path[:-1], key), (change, shift))

    def choose(self, path: Path, index: int) -> Step:
        node = self.editable(path)
        shape = self._tree.shape(node)
        if not 0 <= index < len(shape.branches):
            raise ValueError("there is no such choice")
        branch = shape.branches[index]
        actions: list[Action] = [Choice(path, node.chosen, index)]
        held = self._document.get(path)
        after = self._fitted(held, shape, branch)
        if after is ABSENT and held is not ABSENT:
            if isinstance(node.key, int):
                after = first_value(branch.view)
            else:
                actions.append(self._document.unsetting(path))
        if after is not ABSENT and after != held:
            actions.append(self._document.setting(path, after, self._seeds(path)))
        return Step(f"choose {branch.title} for {path_text(path)}", path, tuple(actions))

    def discriminated(self, node: Node) -> dict[str, tuple[int, Any]]:
        """Where an option says which of its section's forms is meant: the branch and the value
        for each text that it can have."""
        owner = node.owner
        if owner is None or not isinstance(node.key, str):
            return {}
        branches = self._tree.shape(owner).branches
        values = [discriminator(branch.view, node.key) for branch in branches]
        if len(branches) < 2 or any(value is None for value in values):
            return {}
        texts = [value if isinstance(value, str) else written(value) for value in values]
        found: dict[str, tuple[int, Any]] = {}
        for i, (text, value) in enumerate(zip(texts, values, strict=True)):
            found.setdefault(text, (i, value))
        return found if len(found) == len(branches) else {}

    def _fitted(self, value: Any, shape: Shape, branch: Branch) -> Any:
        """As much of a value as fits another branch, with that branch's constants."""
        view = branch.view
        constants = constants_of(view)
        if isinstance(value, dict) and (view.types is None or "object" in view.types):
            old = shape.view.properties
            kept = {
                key: inner
                for key, inner in value.items()
                if key not in old or self._fits(view, key, inner)
            }
            return {**kept, **constants}
        if value is ABSENT or value is None:
            return constants or value
        if view.types is None or is_type(value, view.types):
            return value
        return first_value(view) if view.types & {"object", "array"} else ABSENT

    def _fits(self, view: View, key: str, value: Any) -> bool:
        schema = view.properties.get(key)
        return schema is not None and self._tree.shapes.validator.is_valid(schema, value)

    def _new_key(self, node: Node, shape: Shape, key: str | None) -> str:
        """The key if it is free and allowed."""
        if not key:
            raise ValueError("it needs a name")
        held = self._document.get(node.path)
        if key in shape.view.properties or (isinstance(held, dict) and key in held):
            raise ValueError(f"{key} is there already")
        names = shape.view.names
        if names is not None and not self._tree.shapes.validator.is_valid(names, key):
            raise ValueError(f"{key} is not allowed as a name here")
        if child_of(shape, key).unknown:
            raise ValueError(f"{key} is not allowed as a name here")
        return key

    def _seeds(self, path: Path) -> list[dict[str, Any]]:
        """What each section on the way to a path holds when it comes into being."""
        seeds: list[dict[str, Any]] = []
        for depth in range(len(path)):
            if self._document.get(path[:depth]) is not ABSENT:
                seeds.append({})
                continue
            node = self.node(path[:depth])
            default = self._tree.default(node)
            needed = constants_of(self._tree.shape(node).view)
            seeds.append({**(default if isinstance(default, dict) else {}), **needed})
        return seeds

    def _first_value(self, schema: Schema) -> Any:
        """What a new entry begins with."""
        shape = self._tree.shapes.shape(schema)
        if "default" in shape.view.words:
            return copy.deepcopy(shape.view.words["default"])
        if shape.choices:
            return copy.deepcopy(shape.choices[0][0])
        return first_value(shape.branches[0].view if shape.branches else shape.view)

    def _with_secrets(self, node: Node, value: Any) -> Any:
        """Text in which secrets were hidden from the user comes back with them in place."""
        if not isinstance(value, dict | list):
            return value
        held = self._tree.value(node)
        for path in reversed(list(secret_paths(self._tree.shapes, node.schema, value))):
            if Document(value).get(path) == HIDDEN:
                secret = Document(held).get(path)
                holder = Document(value).get(path[:-1])
                if secret is not ABSENT:
                    holder[path[-1]] = secret
                else:
                    del holder[path[-1]]
        return value

    def masked(self, node: Node, value: Any) -> Any:
        """The value as a user may see it as text."""
        return mask(value, list(secret_paths(self._tree.shapes, node.schema, value)))


def constants_of(view: View) -> dict[str, Any]:
    """The required properties that can have one value only."""
    found = {key: discriminator(view, key) for key in view.required}
    return {key: value for key, value in found.items() if value is not None}


def first_value(view: View) -> Any:
    """The plainest value of the type that a view asks for."""
    types = view.types or frozenset({"object"} if view.properties else ())
    if "object" in types:
        return constants_of(view)
    if "array" in types:
        return []
    if "string" in types:
        return ""
    if types & {"integer", "number"}:
        return view.words.get("minimum", 0)
    return False if "boolean" in types else None
