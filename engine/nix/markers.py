"""Rename markers in the sources of NixOS modules, read without evaluating them.

nixpkgs lib/modules.nix has six functions by which a module says what became of an option. No
options listing carries them, so they are read from the sources: calls whose paths are literal
lists, names bound to such lists, `++` of them, and `map (name: call) [ "a" "b" ]`. A call that
this does not resolve is reported with its file and line, never guessed at. A call inside a
submodule stands at the path of the submodule's option, where the same source shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.nix.literals import NotALiteral, read_literal
from engine.nix.places import Nowhere, Places
from engine.nix.tokens import Token, tokens_of

Paths = tuple[tuple[str, ...], ...]

_KINDS = {
    "mkRenamedOptionModule": "renamed",
    "mkRenamedOptionModuleWith": "renamed",
    "mkAliasOptionModule": "alias",
    "mkAliasOptionModuleMD": "alias",
    "mkChangedOptionModule": "changed",
    "mkMergedOptionModule": "merged",
    "mkRemovedOptionModule": "removed",
}


@dataclass(frozen=True)
class Marker:
    """What became of options. `new` is empty for removed ones, `text` says what to do.

    `within` is the path of the submodule whose module says it; `old` and `new` begin with it.
    """

    kind: str
    old: Paths
    new: tuple[str, ...] = ()
    text: str = ""
    file: str = ""
    line: int = 0
    within: tuple[str, ...] = ()
    placed: bool = True
    """Whether its paths are whole. Those inside a submodule of unknown path are not."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def relative(self) -> tuple[Paths, tuple[str, ...]]:
        """Old and new as the module says them."""
        depth = len(self.within)
        return tuple(path[depth:] for path in self.old), self.new[depth:]

    def placed_at(self, path: tuple[str, ...]) -> Marker:
        """The same inside the submodule of an option."""
        old = tuple((*path, *name) for name in self.old)
        new = (*path, *self.new) if self.new else ()
        return replace(self, old=old, new=new, within=(*path, *self.within))


@dataclass(frozen=True)
class Unresolved:
    """A marker whose paths are computed."""

    file: str
    line: int
    function: str
    in_submodule: bool = False


class _Computed(Exception):
    """An argument is not known without evaluation."""


def read_markers(source: str, file: str = "") -> tuple[list[Marker], list[Unresolved]]:
    """The markers of one module, and the calls that could not be resolved."""
    tokens = tokens_of(source)
    bound = _bindings(tokens)
    places = Places(tokens)
    markers: list[Marker] = []
    unresolved: list[Unresolved] = []
    for at, token in enumerate(tokens):
        if token.last_name not in _KINDS or _is_defined_here(tokens, at):
            continue
        try:
            within = places.of_marker(at)
        except Nowhere:
            within = []
        try:
            for names in _mapped(tokens, at, bound):
                marker = _call(tokens, at, token.last_name, {**bound, **names}, file)
                markers += [marker.placed_at(path) for path in within]
                markers += [] if within else [replace(marker, placed=False)]
        except (_Computed, IndexError, RecursionError):
            unresolved.append(Unresolved(file, token.line, token.last_name, within != [()]))
    return markers, unresolved


def _is_defined_here(tokens: Sequence[Token], at: int) -> bool:
    """`inherit (lib) mkRemovedOptionModule;` or `f = ...;` rather than a call."""
    follows = tokens[at + 1].text if at + 1 < len(tokens) else ";"
    if follows in (";", "=", ",", "}", "?"):
        return True
    back = at
    while back > 0 and tokens[back - 1].kind == "name":
        back -= 1
        if tokens[back].text == "inherit":
            return True
    return back > 2 and tokens[back - 1].text == ")" and tokens[back - 4].text == "inherit"


def _bindings(tokens: Sequence[Token]) -> dict[str, object]:
    """Names bound to literal lists and strings. One bound twice is known for neither."""
    bound: dict[str, object] = {}
    twice: set[str] = set()
    for at in range(len(tokens) - 2):
        name = tokens[at]
        if name.kind == "name" and tokens[at + 1].text == "=":
            if name.text in bound:
                twice.add(name.text)
            try:
                value, end = _expression(tokens, at + 2, bound)
            except (_Computed, IndexError, RecursionError):
                twice.add(name.text)
                continue
            if end < len(tokens) and tokens[end].text == ";":
                bound[name.text] = value
    return {name: value for name, value in bound.items() if name not in twice}


def _mapped(
    tokens: Sequence[Token], at: int, bound: Mapping[str, object]
) -> list[dict[str, object]]:
    """The names that a surrounding `map (name: call) list` gives, one set per item."""
    before = at - 1
    while before >= 0 and tokens[before].text == "(":
        before -= 1
    if before < 1 or tokens[before].text != ":" or tokens[before - 1].kind != "name":
        return [{}]
    opening = before - 2
    is_map = opening >= 1 and tokens[opening].text == "("
    if not is_map or tokens[opening - 1].last_name not in ("map", "forEach"):
        return [{}]
    items, _ = _expression(tokens, _after(tokens, opening), bound)
    if not isinstance(items, list):
        raise _Computed
    return [{tokens[before - 1].text: item} for item in items]


def _after(tokens: Sequence[Token], opening: int) -> int:
    """The place after the bracket that closes the one here."""
    depth = 0
    for at in range(opening, len(tokens)):
        depth += tokens[at].text in ("(", "[", "{", "${")
        depth -= tokens[at].text in (")", "]", "}")
        if not depth:
            return at + 1
    raise _Computed


def _call(
    tokens: Sequence[Token], at: int, function: str, bound: Mapping[str, object], file: str
) -> Marker:
    kind, line = _KINDS[function], tokens[at].line
    if function.endswith("With"):
        if tokens[at + 1].text != "{":
            raise _Computed
        fields = _fields(tokens, at + 1, bound)
        return Marker(kind, (_path(fields.get("from")),), _path(fields.get("to")), "", file, line)
    first, end = _operand(tokens, at + 1, bound)
    if kind == "removed":
        try:
            text, _ = _operand(tokens, end, bound)
        except _Computed:
            text = ""  # the instructions may be computed; the removal is certain all the same
        return Marker(kind, (_path(first),), (), text if isinstance(text, str) else "", file, line)
    second, _ = _operand(tokens, end, bound)
    if kind == "merged":
        if not isinstance(first, list) or not first:
            raise _Computed
        old: Paths = tuple(_path(item) for item in first)
    else:
        old = (_path(first),)
    return Marker(kind, old, _path(second), "", file, line)


def _fields(
    tokens: Sequence[Token], opening: int, bound: Mapping[str, object]
) -> dict[str, object]:
    end, fields = _after(tokens, opening), dict[str, object]()
    for at in range(opening + 1, end - 2):
        if tokens[at].text in ("from", "to") and tokens[at + 1].text == "=":
            fields[tokens[at].text], _ = _expression(tokens, at + 2, bound)
    return fields


def _path(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise _Computed
    return tuple(value)


def _expression(
    tokens: Sequence[Token], at: int, bound: Mapping[str, object]
) -> tuple[object, int]:
    """Operands joined by `++` or `+`."""
    value, end = _operand(tokens, at, bound)
    while end < len(tokens) and tokens[end].text in ("++", "+"):
        more, end = _operand(tokens, end + 1, bound)
        if isinstance(value, list) and isinstance(more, list):
            value = [*value, *more]
        elif isinstance(value, str) and isinstance(more, str):
            value = f"{value}{more}"
        else:
            raise _Computed
    return value, end


def _operand(tokens: Sequence[Token], at: int, bound: Mapping[str, object]) -> tuple[object, int]:
    token = tokens[at]
    if token.kind == "string":
        return _string(token.text, bound), at + 1
    if token.kind == "name" and token.text in bound:
        return bound[token.text], at + 1
    if token.text == "(":
        value, end = _expression(tokens, at + 1, bound)
        if tokens[end].text != ")":
            raise _Computed
        return value, end + 1
    if token.text == "[":
        items: list[object] = []
        end = at + 1
        while tokens[end].text != "]":
            item, end = _operand(tokens, end, bound)
            items.append(item)
        return items, end + 1
    raise _Computed


def _string(text: str, bound: Mapping[str, object]) -> str:
    """A string whose interpolations are names that are known."""

    def known(match: re.Match[str]) -> str:
        value = bound.get(match[1].strip())
        if not isinstance(value, str) or not re.fullmatch(r"[\w.-]*", value):
            raise _Computed
        return value

    if text.startswith('"'):
        text = re.sub(r"(?<![\\$])\$\{([^{}]*)\}", known, text)
    try:
        value = read_literal(text)
    except NotALiteral as error:
        raise _Computed from error
    return str(value)
