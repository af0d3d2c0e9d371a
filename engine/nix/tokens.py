"""Nix source as tokens and statements: enough to find calls and what they stand in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:[^"\\]|\\.)*"|''(?:[^']|'(?!')|''['$\\])*'')
    |(?P<path>\.{1,2}/[\w./+-]*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_'-]*(?:\.[A-Za-z_][A-Za-z0-9_'-]*)*)
    |(?P<mark>\+\+|\$\{|.)""",
    re.S | re.X,
)
_OPENING = ("(", "[", "{", "${")
_CLOSING = (")", "]", "}")


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    line: int

    @property
    def last_name(self) -> str:
        """`submodule` of `lib.types.submodule`; nothing for what is no name."""
        return self.text.rpartition(".")[2] if self.kind == "name" else ""


def tokens_of(source: str) -> list[Token]:
    found: list[Token] = []
    line = 1
    for match in _TOKEN.finditer(source):
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], line))
        line += match[0].count("\n")
    return found


@dataclass(frozen=True)
class Statement:
    """What a token stands in, up to the bracket or `let` around it."""

    start: int
    """The first token of it."""
    outer: int
    """The bracket or `let` around it; -1 for the file."""
    kind: str
    """"let", or the bracket. In "let" and "{" a statement may bind a name."""


def statements_of(tokens: Sequence[Token]) -> list[Statement]:
    """The statement of each token; a bracket and a `let` stand in the one around theirs."""
    open_ones = [Statement(0, -1, "")]
    withs = [0]
    found: list[Statement] = []
    for at, token in enumerate(tokens):
        text = token.text
        if text in _CLOSING and any(one.kind in _OPENING for one in open_ones):
            while open_ones.pop().kind not in _OPENING:
                withs.pop()
            withs.pop()
        elif text == "in" and open_ones[-1].kind == "let":
            open_ones.pop()
            withs.pop()
        found.append(open_ones[-1])
        if text in _OPENING or text == "let":
            open_ones.append(Statement(at + 1, at, text))
            withs.append(0)
        elif text in ("with", "assert"):
            withs[-1] += 1
        elif text == ";" and withs[-1]:
            withs[-1] -= 1  # the one of `with set;`, which ends no statement
        elif text == ";":
            last = open_ones.pop()
            open_ones.append(Statement(at + 1, last.outer, last.kind))
    return found
