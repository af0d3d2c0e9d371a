"""JSON as people keep it: comments and a comma too many are read over, and stay where they are."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from forms.files.flow_edit import FlowEdit
from forms.files.splice import CannotSplice, Splice, spliced
from forms.files.trouble import FileTrouble
from forms.files.yaml_nodes import compose
from forms.values import ABSENT, identical, written

_LONGEST = 400_000
"""Characters of a text that is still changed in place; finding every place takes a while."""
_TOKEN = re.compile(
    r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[\]}])|\t', re.DOTALL
)


def read_json(text: str) -> Any:
    """The value of a text; ABSENT where it has none. FileTrouble where it cannot be read."""
    if not text.strip():
        return ABSENT
    try:
        return _read(text)
    except json.JSONDecodeError:
        bare = _bare(text)
    if not bare.strip():
        return ABSENT
    try:
        return _read(bare)
    except json.JSONDecodeError as error:
        raise FileTrouble(error.msg, error.lineno, error.colno) from None


def _read(text: str) -> Any:
    try:
        return json.loads(
            text, parse_constant=_refuse, parse_float=_number, object_pairs_hook=_object
        )
    except RecursionError:
        raise FileTrouble("it is nested too deeply") from None


def new_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def edited_json(text: str, before: Any, after: Any) -> str:
    """The text, changed so that it should read as `after`, in the layout that it has.
    CannotSplice where that cannot be done."""
    for layout in _layouts(text):
        if layout.written(before) == text:
            return layout.written(after)
    if len(text) > _LONGEST:
        raise CannotSplice
    return _edited_in_place(text, before, after)


def _bare(text: str) -> str:
    """The text with spaces in place of what is no JSON; what is, stays at its place."""

    def blank(found: re.Match[str]) -> str:
        token = found[0]
        return token if token[0] == '"' else re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


class _Layout:
    """How a machine lays JSON out."""

    def __init__(self, indent: str | None, gap: str, end: str, ascii_only: bool) -> None:
        self._indent = indent
        self._separators = (",", ":") if not gap and indent is None else None
        self._end = end
        self._ascii = ascii_only

    def written(self, value: Any) -> str:
        text = json.dumps(
            value, indent=self._indent, separators=self._separators, ensure_ascii=self._ascii
        )
        return text + self._end


def _layouts(text: str) -> list[_Layout]:
    found = re.match(r"\s*[\[{]\n([ \t]+)", text)
    indent = found[1] if found else None
    end = text[len(text.rstrip()) :]
    gap = " " if '": ' in text or ", " in text else ""
    return [_Layout(indent, gap, end, ascii_only) for ascii_only in (False, True)]


def _edited_in_place(text: str, before: Any, after: Any) -> str:
    root = compose(_bare(text))
    splices: list[Splice] = []
    found = re.search(r"\n([ \t]+)", text)
    step = found[1] if found else None

    def flow(value: Any, indent: str) -> str:
        made = json.dumps(value, indent=step, ensure_ascii=False)
        return made.replace("\n", "\n" + indent)

    edit = FlowEdit(text, splices, flow, lambda key: json.dumps(key, ensure_ascii=False))

    def within(node: Any, before: Any, after: Any) -> bool:
        if written(before) == written(after):
            return True
        mark = len(splices)
        try:
            if isinstance(before, dict) and isinstance(after, dict) and before and after:
                edit.mapping(node, before, after, within)
                return True
            if isinstance(before, list) and isinstance(after, list) and before and after:
                edit.sequence(node, before, after, within)
                return True
        except CannotSplice:
            del splices[mark:]
        return identical(before, after) and not isinstance(after, dict | list)

    if root is None or not within(root, before, after):
        raise CannotSplice
    return spliced(text, splices)


def _refuse(name: str) -> Any:
    raise FileTrouble(f"{name} is not a number that can be kept")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FileTrouble(f"the number {text} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise FileTrouble(f"the key {twice!r} is there twice")
    return made
