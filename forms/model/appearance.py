"""How a node looks: the row made of it, with everything a view needs and no secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from forms.model.document import Document
from forms.model.folding import Folding
from forms.model.node import Node, Role
from forms.model.row import Origin, Row
from forms.model.text import shown, unit_of
from forms.model.tree import Tree
from forms.oneline import one_line
from forms.paths import Path
from forms.schema.shape import CONTAINERS, Kind, Shape, takes_more
from forms.values import ABSENT, identical
from forms.walk import is_secret, secret_paths

_NAMES = ("name", "id", "title", "key", "host", "address", "type")
"""What an entry of a list is called by, if it has such an option."""
HIDDEN = "(secret)"
"""Stands for a secret wherever a value is shown that holds one."""


class Appearance:
    """Makes rows. Owns nothing but what the form was opened with."""

    def __init__(
        self,
        tree: Tree,
        folding: Folding,
        base: Document,
        readonly: Collection[Path],
        held: Collection[Path],
        assume_defaults: bool = True,
    ) -> None:
        self._tree = tree
        self._folding = folding
        self._base = base
        self._readonly = frozenset(readonly)
        self._held = frozenset(held)
        self._missing = (Origin.UNSET,) if assume_defaults else (Origin.UNSET, Origin.DEFAULT)

    def row(self, node: Node) -> Row:
        if node.role is not Role.OPTION:
            return self._fold_row(node)
        tree = self._tree
        shape, words, value = tree.shape(node), self.words(node), tree.value(node)
        path = node.path
        origin = self.origin(node, value)
        secret = is_secret(words)
        items = tree.items_shape(node)
        required = node.parent is not None and tree.required(node)
        missing = self.is_missing(node, origin)
        readonly = self.is_readonly(node)
        changed = self.is_changed(node)
        foldable = node.parent is not None and tree.is_foldable(node)
        message, hint = node.problem or ("", "")
        return Row(
            id=node.id,
            path=path,
            depth=max(node.depth - 1, 0),
            kind=shape.kind,
            label=self.label(node),
            text=self.text(node),
            origin=origin,
            mark=_mark(
                bool(node.troubles),
                missing,
                readonly,
                changed,
                origin if node.parent is not None else Origin.UNSET,
            ),
            unit=unit_of(shape) if shape.kind in (Kind.INT, Kind.NUMBER) else "",
            required=required,
            missing=missing,
            secret=secret,
            deprecated=words.get("deprecated") is True,
            readonly=readonly,
            managed=words.get("x-managed") is True,
            advanced=words.get("x-advanced") is True,
            changed=changed,
            unknown=node.unknown,
            nullable=shape.nullable,
            foldable=foldable,
            folded=foldable and self._folding.is_folded(node),
            count=len(value) if isinstance(value, list | dict) else 0,
            inline=items is not None,
            multiline=not secret and _is_multiline(shape, words, value),
            branches=tuple(branch.title for branch in shape.branches),
            branch=shape.branch,
            can_add=takes_more(shape, len(value) if isinstance(value, list) else 0)
            and not readonly,
            is_item=isinstance(node.key, int),
            is_entry=self.is_entry(node),
            problem=message,
            hint=hint,
            problems=node.troubles,
        )

    def _fold_row(self, node: Node) -> Row:
        here = self._tree.set_under(node, self._tree.document)
        before = self._tree.set_under(node, self._base)
        changed = any(self.is_changed(option) for option in {*here, *before})
        set_here = len(here)
        return Row(
            id=node.id,
            path=node.path,
            depth=node.depth - 1,
            kind=Kind.SECTION,
            label=one_line(str(node.key)) if node.role is Role.GROUP else "Advanced",
            text=f"{set_here} set" if set_here else "",
            origin=Origin.SET if set_here else Origin.UNSET,
            mark=_mark(bool(node.troubles), False, False, changed, Origin.UNSET),
            heading=True,
            advanced=node.role is Role.ADVANCED,
            changed=changed,
            foldable=True,
            folded=self._folding.is_folded(node),
            count=node.size,
            problems=node.troubles,
        )

    def words(self, node: Node) -> Mapping[str, Any]:
        """The annotations of an option, its chosen branch's included."""
        words = self._tree.words(node)
        more = self._tree.shape(node).view.words
        return words if words is more else {**more, **words}

    def label(self, node: Node) -> str:
        """What the option is called. A title that comes from elsewhere names a type."""
        if isinstance(node.key, int):
            name = self._entry_name(node) or self._place_name(node)
            return f"{node.key + 1}. {name}" if name else f"{node.key + 1}."
        own = node.schema.get("title") if isinstance(node.schema, dict) else None
        name = node.key if node.parent is not None else "The whole document"
        return one_line(str(self._tree.words(node).get("x-label") or own or name))

    def _entry_name(self, node: Node) -> str:
        value = self._tree.value(node)
        if isinstance(value, dict):
            for key in _NAMES:
                child = node.by_key.get(key)
                if isinstance(value.get(key), str) and not (
                    child is not None and is_secret(self.words(child))
                ):
                    return one_line(value[key])
        return ""

    def _place_name(self, node: Node) -> str:
        """What the place of an entry is called, where each place of its list has a meaning."""
        owner = node.owner
        if owner is None or not isinstance(node.key, int):
            return ""
        if node.key >= len(self._tree.shape(owner).view.prefix):
            return ""
        return one_line(str(self._tree.words(node).get("title", "")))

    def text(self, node: Node) -> str:
        """The value, or else the default, as a row shows it."""
        tree = self._tree
        value, words = tree.value(node), self._tree.words(node)
        if is_secret(words) or is_secret(self.words(node)):
            return "set" if value not in (ABSENT, None, "") or node.path in self._held else ""
        if value is ABSENT and words.get("x-managed"):
            return "set by Homeport"
        if value is ABSENT:
            value = tree.default(node)
            if isinstance(value, dict) and tree.shape(node).kind in CONTAINERS:
                return ""
        shape = tree.shape(node)
        if shape.kind is Kind.SECTION:
            return f"{len(value)} set" if isinstance(value, dict) and value else ""
        return shown(shape, self.masked(node, value), tree.items_shape(node))

    def masked(self, node: Node, value: Any) -> Any:
        """The value with every secret in it replaced."""
        if not isinstance(value, dict | list) or self._tree.shape(node).kind in (
            Kind.MAP,
            Kind.SECTION,
        ):
            return value
        return mask(value, list(secret_paths(self._tree.shapes, node.schema, value)))

    def origin(self, node: Node, value: Any) -> Origin:
        if value is None:
            return Origin.NULL
        if value is not ABSENT:
            return Origin.EMPTY if value in ("", [], {}) else Origin.SET
        if node.path in self._held:
            return Origin.SET
        return Origin.UNSET if self._tree.default(node) is ABSENT else Origin.DEFAULT

    def is_missing(self, node: Node, origin: Origin) -> bool:
        """Is a value needed that neither the user nor a default gives? Where defaults are not
        assumed, a value is needed all the same."""
        tree = self._tree
        if origin not in self._missing or node.parent is None or not tree.required(node):
            return False
        if tree.shape(node).kind is Kind.SECTION or self.words(node).get("x-managed"):
            return False
        return tree.is_present(node.owner)

    def is_readonly(self, node: Node | None) -> bool:
        while node is not None:
            if node.role is Role.OPTION:
                words = self.words(node)
                if words.get("x-managed") or words.get("readOnly") or node.path in self._readonly:
                    return True
            node = node.parent
        return False

    def is_changed(self, node: Node) -> bool:
        return not identical(self._tree.value(node), self._base.get(node.path))

    def is_advanced(self, node: Node) -> bool:
        words = self._tree.words(node)
        return words.get("x-advanced") is True or words.get("deprecated") is True

    def is_entry(self, node: Node) -> bool:
        """Did the user choose this key, or is it one that the schema does not know?"""
        owner = node.owner
        if owner is None or isinstance(node.key, int):
            return False
        return node.key not in self._tree.shape(owner).view.properties


def mask(value: Any, secrets: Collection[Path]) -> Any:
    """A copy with the values at these paths replaced; the value itself if there are none."""
    if not secrets:
        return value
    if () in secrets:
        return HIDDEN
    items = value.items() if isinstance(value, dict) else enumerate(value)
    masked = {
        key: mask(inner, [path[1:] for path in secrets if path[0] == key]) for key, inner in items
    }
    return masked if isinstance(value, dict) else list(masked.values())


def _is_multiline(shape: Shape, words: Mapping[str, Any], value: Any) -> bool:
    if shape.kind is Kind.RAW:
        return isinstance(value, dict | list)
    if shape.kind is not Kind.TEXT:
        return False
    return words.get("x-multiline") is True or (isinstance(value, str) and "\n" in value)


def _mark(invalid: bool, missing: bool, readonly: bool, changed: bool, origin: Origin) -> str:
    for mark, holds in (
        ("x", invalid),
        ("*", missing),
        ("#", readonly),
        ("~", changed),
        ("=", origin in (Origin.SET, Origin.NULL, Origin.EMPTY)),
    ):
        if holds:
            return mark
    return " "
