"""Changing a YAML text where its value changes, and nowhere else.

Libraries that read YAML with its comments and write all of it anew (ruamel.yaml is the one in
use) lay the whole file out their way, move the comment above a section behind what is added at
the end of the section before it, and drop it with that section's last option. People keep
configuration in version control and read the difference, so here an edit changes the lines that
it is about. Whoever calls this reads the result again and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from forms.files.flow_edit import FlowEdit
from forms.files.splice import CannotSplice, Splice, line_end, spliced, whole_lines
from forms.files.yaml_nodes import Alias, Reading, compose, entries, key_text, merged
from forms.files.yaml_write import block_lines, flow_text, key_written
from forms.values import identical, written

Key = str | int


def edited_yaml(text: str, after: Any, *, expand: bool = False) -> str:
    """The text, changed so that it should read as `after`.

    expand: write out what aliases and merge keys stand for, so that what they name can change.
    CannotSplice where that cannot be done in place.
    """
    root = compose(text)
    if root is None:
        gap = "" if not text or text.endswith("\n") else "\n"
        return text + gap + "\n".join(block_lines(after)) + "\n"
    edit = _Edit(text, expand)
    edit.root(root, after)
    return spliced(text, edit.splices)


class _Edit:
    def __init__(self, text: str, expand: bool) -> None:
        self._text = text
        self._expand = expand
        self._break = "\r\n" if "\r\n" in text else "\n"
        self._step = 2
        self._indented = True
        self.splices: list[Splice] = []
        self._flow = FlowEdit(text, self.splices, flow_text, key_written)

    def root(self, node: Any, after: Any) -> None:
        self._learn_layout(node)
        before = Reading().value(node)
        if not self._within(node, before, after):
            lines = block_lines(after, self._step, self._indented)
            is_block = node.id != "scalar" and not node.flow_style
            column = self._column(node) if is_block else node.start_mark.column
            glue = self._break + " " * column
            start, end = _at(node.start_mark), self._end(node)
            self.splices.append(Splice(start, end, glue.join(lines)))

    def _learn_layout(self, root: Any) -> None:
        """How far sections are indented, and whether lists are."""
        for node, below in _blocks(root):
            step = self._column(below) - self._column(node)
            if below.id == "mapping" and node.id == "mapping" and step > 0:
                self._step = step
                break
        for node, below in _blocks(root):
            if below.id == "sequence" and node.id == "mapping":
                self._indented = self._column(below) > self._column(node)
                break

    # one node

    def _within(self, node: Any, before: Any, after: Any) -> bool:
        """Make the changes inside a node; False where the node must give way to another."""
        if isinstance(node, Alias):
            return not self._expand and identical(before, after)
        if identical(before, after) and _same_order(before, after) and not self._expand:
            return True
        mark = len(self.splices)
        try:
            if isinstance(before, dict) and isinstance(after, dict) and before and after:
                if self._expand and merged(node):
                    return False
                self._mapping(node, before, after)
                return True
            if isinstance(before, list) and isinstance(after, list) and before and after:
                self._sequence(node, before, after)
                return True
        except CannotSplice:
            del self.splices[mark:]
            return False
        return identical(before, after)

    def _mapping(self, node: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
        own = dict(entries(node))
        if any(key not in own and key not in after for key in before):
            raise CannotSplice  # what a merge key brings in cannot be taken away one by one
        if node.flow_style:
            self._flow.mapping(node, before, after, self._within)
            return
        keys = {key_text(key): key for key, _ in node.value}
        kept = [key for key in own if key in after]
        if not kept or [key for key in after if key in own] != kept:
            raise CannotSplice
        for key in kept:
            if not self._within(own[key], before[key], after[key]):
                self._put(keys[key], own[key], key, after[key])
        renamed = dict(_renamed(list(own), before, after))
        for key in own:
            if key not in after and key not in renamed:
                self._remove(keys[key], own[key])
        for old, new in renamed.items():
            mark = keys[old]
            self.splices.append(Splice(_at(mark.start_mark), _at(mark.end_mark), key_written(new)))
        self._add(node, keys, own, kept, after, set(renamed.values()), before)

    def _add(
        self,
        node: Any,
        keys: dict[str, Any],
        own: dict[str, Any],
        kept: list[str],
        after: dict[str, Any],
        renamed: set[str],
        before: dict[str, Any],
    ) -> None:
        """Add entries, each behind the one that it follows, or before the first."""
        column = node.value[0][0].start_mark.column
        previous = ""
        for key, value in after.items():
            if key in own:
                previous = key
            if key in own or key in renamed:
                continue
            if key in before and identical(before[key], value):
                continue  # a merge key brings it in
            lines = self._entry(key, value)
            if previous:
                at = line_end(self._text, self._end(own[previous]))
                self._insert(at, at, lines, column)
            else:
                at = _at(keys[kept[0]].start_mark)
                glue = self._break + " " * column
                self.splices.append(Splice(at, at, glue.join(lines) + glue))

    def _sequence(self, node: Any, before: list[Any], after: list[Any]) -> None:
        if node.flow_style:
            self._flow.sequence(node, before, after, self._within)
            return
        column = self._column(node)
        dashes = self._dashes(node, column)
        olds, news = [written(item) for item in before], [written(item) for item in after]
        removed: dict[str, tuple[int, int]] = {}
        replaced: list[tuple[int, int, int, int]] = []
        for tag, a, b, c, d in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
            if tag == "equal":
                for i, j in zip(range(a, b), range(c, d), strict=True):
                    if not self._within(node.value[i], before[i], after[j]):
                        self._put_item(dashes[i], node.value[i], after[j])
                continue
            shared = min(b - a, d - c) if b - a == d - c or len(before) == 1 else 0
            for i, j in zip(range(a, a + shared), range(c, c + shared), strict=True):
                if not self._within(node.value[i], before[i], after[j]):
                    self._put_item(dashes[i], node.value[i], after[j])
            replaced.append((a + shared, b, c + shared, d))
        for a, b, _, _ in replaced:
            for i in range(a, b):
                lines = whole_lines(self._text, dashes[i], self._end(node.value[i]))
                self.splices.append(Splice(*lines, ""))
                removed[olds[i]] = (dashes[i], self._end(node.value[i]))
        for a, _, c, d in replaced:
            lines_added: list[str] = []
            for j in range(c, d):
                if news[j] in removed:  # it was moved: its own lines, comments and all
                    start, end = removed[news[j]]
                    lines_added.append(self._text[start : line_end(self._text, end)])
                else:
                    lines_added += block_lines([after[j]], self._step, self._indented)
            if lines_added:
                self._insert_items(node, dashes, a, lines_added, column)

    def _insert_items(
        self, node: Any, dashes: list[int], at: int, lines: list[str], column: int
    ) -> None:
        """Put the lines of new items before the item at that position."""
        if at:
            place = line_end(self._text, self._end(node.value[at - 1]))
            self._insert(place, place, lines, column)
        else:
            glue = self._break + " " * column
            place = dashes[0]
            self.splices.append(Splice(place, place, glue.join(lines) + glue))

    # values in their places

    def _put(self, key: Any, node: Any, name: str, value: Any) -> None:
        """Replace the value of an entry."""
        colon = self._text.index(":", _at(key.end_mark)) + 1
        inline, *below = self._entry("k", value)
        self._replace(colon, node, inline[2:], below, key.start_mark.column)

    def _put_item(self, dash: int, node: Any, value: Any) -> None:
        column = dash - (self._text.rfind("\n", 0, dash) + 1)
        inline, *below = block_lines([value], self._step, self._indented)
        self._replace(dash + 1, node, inline[1:], below, column)

    def _replace(self, start: int, node: Any, inline: str, below: list[str], column: int) -> None:
        """Put a value where another was: what fits on the line there, the rest below it; a
        comment on that line stays on it."""
        end = self._end(node)
        first_end = line_end(self._text, start)
        if end <= first_end:
            self.splices.append(Splice(start, end, inline))
            if below:
                self._insert(first_end, first_end, below, column)
            return
        comment = self._text[start:first_end].strip()
        if comment.startswith("#"):
            self.splices.append(Splice(start, start, inline))
            start, inline = first_end, ""
        lines = "".join(
            self._break + " " * column + line if line else self._break for line in below
        )
        self.splices.append(Splice(start, end, inline + lines))

    def _insert(self, start: int, end: int, lines: list[str], column: int) -> None:
        self.splices.append(Splice(start, end, self._lines(lines, column)))

    def _lines(self, lines: list[str], column: int) -> str:
        indent = self._break + " " * column
        return "".join(indent + line if line else self._break for line in lines)

    def _remove(self, key: Any, node: Any) -> None:
        start, end = whole_lines(self._text, _at(key.start_mark), self._end(node))
        self.splices.append(Splice(start, end, ""))

    def _entry(self, key: str, value: Any) -> list[str]:
        return block_lines({key: value}, self._step, self._indented)

    # where things are

    def _column(self, node: Any) -> int:
        """Where the keys of a mapping, or the dashes of a sequence, stand. (The node itself may
        begin with an anchor or a tag on the line above.)"""
        if node.id == "mapping":
            return int(node.value[0][0].start_mark.column)
        dash = self._text.rfind("-", 0, _at(node.value[0].start_mark))
        return dash - (self._text.rfind("\n", 0, dash) + 1)

    def _end(self, node: Any) -> int:
        """Where the last character of a node is followed by what is not part of it."""
        while not isinstance(node, Alias) and node.id != "scalar" and not node.flow_style:
            node = node.value[-1][1] if node.id == "mapping" else node.value[-1]
        start, end = _at(node.start_mark), _at(node.end_mark)
        if not isinstance(node, Alias) and node.id == "scalar" and node.style in ("|", ">"):
            return start + len(self._text[start:end].rstrip())
        return end

    def _dashes(self, node: Any, column: int) -> list[int]:
        """Where the dash of each item is."""
        found = []
        for item in node.value:
            at = _at(item.start_mark) + 1
            while True:
                at = self._text.rfind("-", 0, at)
                if at < 0:
                    raise CannotSplice
                if at - (self._text.rfind("\n", 0, at) + 1) == column:
                    break
            found.append(at)
        return found


def _at(mark: Any) -> int:
    return int(mark.index)


def _same_order(before: Any, after: Any) -> bool:
    """Are the keys of two values that are otherwise the same in the same order?"""
    return written(before) == written(after)


def _renamed(
    own: list[str], before: dict[str, Any], after: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """The keys whose entry has just another name now, and is where it was."""
    places = list(after)
    for i, key in enumerate(own):
        if key in after or len(own) != len(places):
            continue
        new = places[i]
        if new not in before and written(before[key]) == written(after[new]):
            yield key, new


def _blocks(root: Any) -> Iterator[tuple[Any, Any]]:
    """Every block mapping or sequence that stands below another, with that one."""
    todo = [root]
    while todo:
        node = todo.pop(0)
        if isinstance(node, Alias) or node.id == "scalar" or node.flow_style:
            continue
        below = [inner[1] for inner in node.value] if node.id == "mapping" else node.value
        for inner in below:
            if not isinstance(inner, Alias) and inner.id != "scalar" and not inner.flow_style:
                yield node, inner
        todo += below
