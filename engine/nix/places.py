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
from engine.nix.tokens import Brackets, Token, brackets_of

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
_WORDS = frozenset(["in", "then", "else", "if", "with", "assert", "rec", "inherit", "or"])
_FURTHEST = 12
"""Names followed one after the other: a submodule may hold itself."""


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
        self._brackets: Brackets = brackets_of(tokens)

    def of_module(self, at: int, steps: int = 0) -> list[Path]:
        """The paths at which the module is that the token stands in; () for one of the system.

        Raises Nowhere.
        """
        for frame in self._frames(at):
            if isinstance(frame, _Applied):
                if frame.name in _SUBMODULE:
                    return self._of_type(frame.at, steps)
            elif frame.path[0] in ("options", "config"):
                raise Nowhere
            elif frame.by_let and (uses := self._uses(frame, steps)):
                return _known(lambda use: self.of_module(use, steps + 1), uses)
        return [()]

    def _of_type(self, at: int, steps: int) -> list[Path]:
        below: Path = ()
        for frame in self._frames(at):
            if isinstance(frame, _Applied):
                below = (*_WRAPPERS.get(frame.name, ()), *below)
            elif frame.path == ("type",):
                return [(*path, *below) for path in self._of_option(frame.at, steps)]
            elif frame.path[-1] not in _TRANSPARENT_BINDINGS:
                uses = self._uses(frame, steps)
                found = _known(lambda use: self._of_type(use, steps + 1), uses)
                return [(*path, *below) for path in found]
        raise Nowhere

    def _of_option(self, at: int, steps: int) -> list[Path]:
        names: Path = ()
        for frame in self._frames(at):
            if isinstance(frame, _Applied):
                if frame.name != "mkOption" or names:
                    raise Nowhere
            elif frame.path[0] == "options":
                names = (*frame.path[1:], *names)
                return [(*path, *names) for path in self.of_module(frame.at, steps)]
            elif frame.by_let:
                names = (*frame.path[1:], *names)
                uses = self._uses(frame, steps)
                found = _known(lambda use: self._of_option(use, steps + 1), uses)
                return [(*path, *names) for path in found]
            else:
                names = (*frame.path, *names)
        raise Nowhere

    def _uses(self, frame: _Bound, steps: int) -> list[int]:
        if steps > _FURTHEST:
            raise Nowhere
        name = frame.path[0]
        return [
            at
            for at, token in enumerate(self._tokens)
            if token.kind == "name" and token.text == name and not self._is_binding(at)
        ]

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
        while True:
            function = self._tokens[here - 1].last_name if here else ""
            if function and function not in _WORDS:
                yield _Applied(function, here - 1)
            yield from self._bindings(here)
            here = self._brackets.around[here]
            if here < 0:
                return

    def _bindings(self, at: int) -> Iterator[_Bound]:
        """The bindings that the token stands in, of those between the same two brackets."""
        opening = self._brackets.around[at]
        if opening >= 0 and self._tokens[opening].text == "[":
            return
        in_set = opening >= 0 and self._tokens[opening].text == "{"
        here = at
        while here >= 0:
            start, by_let = self._statement(here, opening)
            if by_let or in_set:
                path = self._path(start, at)
                if path:
                    yield _Bound(path, by_let, start)
            if not by_let:
                return
            here = start - 1
            while here > opening and self._tokens[here].text != "let":
                here = self._before(here)
            here -= 1
            if here <= opening:
                return

    def _statement(self, at: int, opening: int) -> tuple[int, bool]:
        """Where the statement begins that holds the token, and whether `let` holds it."""
        here = at - 1
        start: int | None = None
        while here > opening:
            text = self._tokens[here].text
            if text == "let":
                return (here + 1 if start is None else start), True
            if text == ";" and start is None and not self._ends_with(here, opening):
                start = here + 1
            here = self._before(here)
        return (opening + 1 if start is None else start), False

    def _before(self, at: int) -> int:
        """The place before the token here, with what is in brackets or in a `let` left out."""
        text = self._tokens[at].text
        if text in (")", "]", "}"):
            return self._brackets.partner.get(at, at) - 1
        if text != "in":
            return at - 1
        here = at - 1
        while here >= 0 and self._tokens[here].text != "let":
            here = self._before(here)
        return here - 1

    def _ends_with(self, at: int, opening: int) -> bool:
        """Whether this semicolon belongs to `with set;` or `assert condition;`."""
        here = at - 1
        while here > opening:
            text = self._tokens[here].text
            if text in ("with", "assert"):
                return True
            if text in (";", "=", "let", "inherit"):
                return False
            here = self._before(here)
        return False

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
