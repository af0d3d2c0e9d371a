"""Guesses at what removed options became, by their likeness to new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from forms import identity
from forms.diff.listing import Listing
from forms.diff.option import Option
from forms.paths import Path

_LEAST = 0.2
"""A guess that is likelier wrong than this would only be read in vain."""


@dataclass(frozen=True, slots=True)
class Likely:
    """`forms.diff.Guess`, by the schemas' own paths."""

    old: Path
    new: Path
    score: float
    reasons: tuple[str, ...]


def likely(
    old: Listing, new: Listing, known: Mapping[Path, Path]
) -> dict[Path, tuple[Likely, ...]]:
    """`forms.diff.Suggest`: the likely successors of each option that is gone."""
    before = old.options
    old_options = {path: _option(option) for path, option in before.items() if path}
    new_options = {
        path: old_options[path] if before.get(path) is option else _option(option)
        for path, option in new.options.items()
        if path
    }
    found = identity.match(
        list(old_options.values()),
        list(new_options.values()),
        known={_name(was): _name(now) for was, now in known.items()},
    )
    olds = {option.path: path for path, option in old_options.items()}
    news = {option.path: path for path, option in new_options.items()}
    return {
        olds[name]: tuple(
            Likely(olds[name], news[each.new], each.score, each.reasons)
            for each in candidates
            if each.score >= _LEAST
        )
        for name, candidates in found.items()
    }


def _option(option: Option) -> identity.Option:
    said = option.said
    return identity.Option(
        _name(option.path), said.type, said.type_text, said.default, said.description
    )


def _name(path: Path) -> identity.Name:
    return tuple(map(str, path))
