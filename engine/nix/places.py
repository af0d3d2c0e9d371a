"""Where in the option tree a piece of a module's source stands.

A marker inside a submodule names paths of that submodule. Which option the submodule is the
type of shows in what is written around it: `options.a.b = mkOption { type = attrsOf (submodule
{ imports = [ MARKER ]; }); }` puts it at `a.b.<name>`. Names bound to a submodule, to a type or
to options are followed to where they are used. What is computed has no place here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from engine.nix.literals import NotALiteral, read_literal
from engine.nix.tokens import Token, statements_of

Path = tuple[str, ...]

_SUBMODULE = frozenset(["submodule", "submoduleWith"])
_WRAPPERS: dict[str, Path] = {
    "attrsOf": ("<name>",),
    "lazyAttrsOf": ("<name>",),
    "attrsWith": ("<name>",),
    "loaOf": ("<name>",),
    "listOf": ("*",),
    "nonEmptyListOf": ("*",),
    "functionTo": ("<function body>",),
}
_TRANSPARENT_BINDINGS = frozenset(["elemType", "modules", "imports", "require"])
_WORDS = frozenset(["let", "in", "then", "else", "if", "with", "assert", "rec", "inherit", "or"])
_FURTHEST = 12
"""Names followed one after the other: a submodule may hold itself."""
_MOST_USES = 200
"""Uses of names followed for one place."""


class Nowhere(Exception):
    """The place is computed."""


@dataclass(frozen=True)
class _Applied:
    """Stands as an argument of the function of this name."""

    name: str
    at: int


@dataclass(frozen=True)
class _Bound:
    """Stands in the value bound to this path, by `let` or in an attribute set."""

    path: Path
    by_let: bool
    at: int


class Places:
    """Places in one source."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._statements = statements_of(tokens)
        self._named: dict[str, list[int]] = {}
        for at, token in enumerate(tokens):
            if token.kind == "name":
                self._named.setdefault(token.text, []).append(at)
        self._uses_left = 0

    def of_marker(self, at: int) -> list[Path]:
        """The paths at which the module is that the token stands in; () for one of the system.

        Raises Nowhere.
        """
        self._uses_left = _MOST_USES
        return self._of_module(at, 0)

    def _of_module(self, at: int, steps: int) -> list[Path]:
        for frame in self._frames(at):
            if isinstance(frame, _Applied):
                if frame.name in _SUBMODULE:
                    return self._of_type(frame.at, steps)
            elif frame.path[0] in ("options", "config"):
                raise Nowhere
            elif frame.by_let and (uses := self._uses(frame, steps)):
                return _known(lambda use: self._of_module(use, steps + 1), uses)
        return [()]

    def _of_type(self, at: int, steps: int) -> list[Path]:
        below: Path = ()
        for frame in self._frames(at):
            if isinstance(frame, _Applied):
                below = (*_WRAPPERS.get(frame.name, ()), *below)
            elif frame.path == ("type",):
                return [(*path, *below) for path in self._of_option(frame.at, steps)]
            elif frame.by_let:
                uses = self._uses(frame, steps)
                found = _known(lambda use: self._of_type(use, steps + 1), uses)
                return [(*path, *below) for path in found]
            elif frame.path[-1] not in _TRANSPARENT_BINDINGS:
                raise Nowhere
        raise Nowhere

    def _of_option(self, at: int, steps: int) -> list[Path]:
        names: Path = ()
        for frame in self._frames(at):
            if isinstance(frame, _Applied):
                if frame.name != "mkOption" or names:
                    raise Nowhere
            elif frame.path[0] == "options":
                names = (*frame.path[1:], *names)
                return [(*path, *names) for path in self._of_module(frame.at, steps)]
            elif frame.by_let:
                names = (*frame.path[1:], *names)
                uses = self._uses(frame, steps)
                found = _known(lambda use: self._of_option(use, steps + 1), uses)
                return [(*path, *names) for path in found]
            else:
                names = (*frame.path, *names)
        raise Nowhere

    def _uses(self, frame: _Bound, steps: int) -> list[int]:
        """Where the name is used. Raises Nowhere for one that is bound twice in the source."""
        named = self._named.get(frame.path[0], ())
        statements = [self._statements[at] for at in named if self._statements[at].start == at]
        found = [at for at in named if not self._is_binding(at)]
        self._uses_left -= len(found)
        bound_twice = sum(statement.kind == "let" for statement in statements) > 1
        if bound_twice or steps > _FURTHEST or self._uses_left < 0:
            raise Nowhere
        return found

    def _is_binding(self, at: int) -> bool:
        """Whether the name is being bound, inherited or asked for, and not used."""
        follows = self._tokens[at + 1].text if at + 1 < len(self._tokens) else ""
        if follows in ("=", ".", ",", "?", ":", "@"):
            return True
        while at and self._tokens[at - 1].kind == "name":
            at -= 1
            if self._tokens[at].text == "inherit":
                return True
        return False

    def _frames(self, at: int) -> Iterator[_Applied | _Bound]:
        """What the token stands in, from the inside out."""
        here = at
        while here >= 0:
            function = self._tokens[here - 1].last_name if here else ""
            if function and function not in _WORDS:
                yield _Applied(function, here - 1)
            statement = self._statements[here]
            if statement.kind in ("let", "{") and (path := self._path(statement.start, here)):
                yield _Bound(path, statement.kind == "let", statement.start)
            here = statement.outer

    def _path(self, start: int, end: int) -> Path:
        """The attribute path before the `=` of a statement; nothing where it has none."""
        found: list[str] = []
        for at in range(start, end):
            token = self._tokens[at]
            if token.text == "=":
                return tuple(found)
            if token.kind == "name":
                found += token.text.split(".")
            elif token.kind == "string":
                try:
                    found.append(str(read_literal(token.text)))
                except NotALiteral as error:
                    raise Nowhere from error
            elif token.text == "${":
                raise Nowhere
            elif token.text != ".":
                return ()
        return ()


def _known(place: Callable[[int], list[Path]], uses: Sequence[int]) -> list[Path]:
    """The places of all uses that have one. Raises Nowhere where none has."""
    found: dict[Path, None] = {}
    for use in uses:
        with suppress(Nowhere):
            found.update(dict.fromkeys(place(use)))
    if not found:
        raise Nowhere
    return list(found)
