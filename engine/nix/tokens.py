"""Nix source as tokens and brackets: enough to find calls and what they stand in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*|/\*.*?\*/)
    |(?P<string>"(?:[^"\\]|\\.)*"|''(?:[^']|'(?!')|''['$\\])*'')
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
class Brackets:
    around: Sequence[int]
    """For each token the bracket that opens what it stands in; -1 for the file."""
    partner: dict[int, int]
    """The place of the other bracket, for both of a pair."""


def brackets_of(tokens: Sequence[Token]) -> Brackets:
    open_ones: list[int] = []
    around: list[int] = []
    partner: dict[int, int] = {}
    for at, token in enumerate(tokens):
        if token.text in _CLOSING and open_ones:
            opening = open_ones.pop()
            partner[at], partner[opening] = opening, at
        around.append(open_ones[-1] if open_ones else -1)
        if token.text in _OPENING:
            open_ones.append(at)
    return Brackets(around, partner)
