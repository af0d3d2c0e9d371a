"""Changing collections that are written in brackets: YAML's flow style, and all of JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forms.files.splice import CannotSplice, Splice
from forms.values import identical

Within = Callable[[Any, Any, Any], bool]
"""Changes inside a node from one value to another; False where it must be replaced."""


class FlowEdit:
    """Adds its changes to `splices`.

    flow: a value as text, given the indentation of the line that it begins on.
    key: a key as text.
    """

    def __init__(
        self,
        text: str,
        splices: list[Splice],
        flow: Callable[[Any, str], str],
        key: Callable[[str], str],
    ) -> None:
        self._text = text
        self._splices = splices
        self._flow = flow
        self._key = key

    def mapping(
        self, node: Any, before: dict[str, Any], after: dict[str, Any], within: Within
    ) -> None:
        own = {str(key.value): (key, value) for key, value in node.value}
        kept = [key for key in own if key in after]
        if not kept or [key for key in after if key in own] != kept:
            raise CannotSplice
        for key in kept:
            self._change(own[key][1], before[key], after[key], within)
        spans = [(_start(key), _end(value)) for key, value in own.values()]
        self._remove(spans, [key in after for key in own])
        places = {key: _end(value) for key, (_, value) in own.items()}
        previous = ""
        for key, value in after.items():
            if key in own:
                previous = key
            elif key not in before or not identical(before[key], value):
                text = f"{self._key(key)}: {self._flow(value, self._indent(spans[0][0]))}"
                self._add(text, places[previous] if previous else None, spans, kept, own)

    def _add(
        self,
        text: str,
        behind: int | None,
        spans: list[tuple[int, int]],
        kept: list[str],
        own: dict[str, tuple[Any, Any]],
    ) -> None:
        gap = self._gap(spans)
        if behind is not None:
            self._splices.append(Splice(behind, behind, f",{gap}{text}"))
        else:
            first = _start(own[kept[0]][0])
            self._splices.append(Splice(first, first, f"{text},{gap}"))

    def sequence(self, node: Any, before: list[Any], after: list[Any], within: Within) -> None:
        spans = [(_start(item), _end(item)) for item in node.value]
        head = 0
        while head < min(len(before), len(after)) and identical(before[head], after[head]):
            head += 1
        tail = 0
        while tail < min(len(before), len(after)) - head and identical(
            before[-1 - tail], after[-1 - tail]
        ):
            tail += 1
        old, new = before[head : len(before) - tail], after[head : len(after) - tail]
        shared = min(len(old), len(new))
        for i in range(head, head + shared):
            self._change(node.value[i], before[i], after[i], within)
        gone = range(head + shared, head + len(old))
        self._remove(spans, [i not in gone for i in range(len(before))])
        gap, indent = self._gap(spans), self._indent(spans[0][0])
        for item in new[shared:]:
            text = self._flow(item, indent)
            if head + shared:
                at = spans[head + shared - 1][1]
                self._splices.append(Splice(at, at, f",{gap}{text}"))
            else:
                at = spans[0][0]
                self._splices.append(Splice(at, at, f"{text},{gap}"))

    def _change(self, node: Any, before: Any, after: Any, within: Within) -> None:
        if not within(node, before, after):
            indent = self._indent(_start(node))
            self._splices.append(Splice(_start(node), _end(node), self._flow(after, indent)))

    def _remove(self, spans: list[tuple[int, int]], keep: list[bool]) -> None:
        """Take entries out, each with the comma before it, or else the one behind it."""
        for i, kept in enumerate(keep):
            if kept:
                continue
            if any(keep[:i]):
                self._splices.append(Splice(spans[i - 1][1], spans[i][1], ""))
            elif i + 1 < len(spans):
                self._splices.append(Splice(spans[i][0], spans[i + 1][0], ""))
            else:
                raise CannotSplice

    def _gap(self, spans: list[tuple[int, int]]) -> str:
        """What stands between two entries, after the comma."""
        start = spans[0][0]
        before = self._text[:start].rpartition("\n")[2]
        return " " if before.strip() else "\n" + before

    def _indent(self, at: int) -> str:
        line = self._text[:at].rpartition("\n")[2]
        return line[: len(line) - len(line.lstrip())]


def _start(node: Any) -> int:
    return int(node.start_mark.index)


def _end(node: Any) -> int:
    return int(node.end_mark.index)
