"""How like two options are, as numbers that a model weighs. Each is worth a word of its own.

Everything here looks at one pair alone; what the rest of the listing says about a pair is in
`forms.identity.neighbours`.
"""

from __future__ import annotations

from dataclasses import dataclass

from forms.identity.views import View, Weights
from forms.identity.words import letter_pairs

FEATURES = (
    "leaf_same", "leaf_spelt_same", "leaf_words", "leaf_letters", "leaf_contained",
    "path_spelt_same", "path_words", "path_letters", "old_words_found", "new_words_found",
    "parent_same", "parent_words", "front_same", "back_same", "deeper", "old_leaf_in_new_path",
    "new_leaf_in_old_path", "word_flip", "first_words", "last_words",
    "type_same", "type_known", "kinds_shared", "choices_shared", "type_text_same",
    "default_same", "default_tells", "default_differs", "default_lost",
    "said_words", "said_same", "said_missing", "said_names_new", "said_names_old",
    "existed", "leaf_meaning", "path_meaning", "rarest_gone", "rarest_come", "gone_words_live",
    "come_words_known", "swap_letters", "swapped",
)  # fmt: skip

_FLIPS = (
    ("enable", "disable"), ("allow", "deny"), ("include", "exclude"), ("show", "hide"),
    ("maximum", "minimum"), ("read", "write"), ("start", "stop"), ("start", "end"),
    ("before", "after"), ("input", "output"), ("left", "right"), ("top", "bottom"),
    ("horizontal", "vertical"), ("width", "height"), ("foreground", "background"),
    ("public", "private"), ("client", "server"), ("source", "destination"), ("up", "down"),
    ("next", "previous"), ("internal", "external"), ("username", "password"), ("user", "password"),
    ("host", "port"), ("key", "certificate"), ("connect", "read"), ("first", "last"),
)  # fmt: skip
_FLIPPED = {frozenset(pair) for pair in _FLIPS}


@dataclass(frozen=True)
class Vocabulary:
    """What words weigh in the two listings compared."""

    names: Weights
    """Of the paths of both."""
    old_names: Weights
    new_names: Weights
    texts: Weights
    """Of the descriptions of what went and what came."""


def likeness(old: View, new: View, words: Vocabulary, *, existed: bool) -> tuple[float, ...]:
    """One number per entry of FEATURES, most of them between 0 and 1.

    existed: the old release had the new path already.
    """
    names, texts = words.names, words.texts
    both = old.words & new.words
    shared = names.sum(both)
    of_old, of_new = names.sum(old.words), names.sum(new.words)
    old_leaf, new_leaf = frozenset(old.leaf_words), frozenset(new.leaf_words)
    leaf_shared = names.sum(old_leaf & new_leaf)
    leaf_all = names.sum(old_leaf | new_leaf)
    parent_all = names.sum(old.parent_words | new.parent_words)
    parent_shared = names.sum(old.parent_words & new.parent_words)
    front = _common(old.path, new.path)
    back = _common(old.path[::-1], new.path[::-1])
    longest = max(len(old.path), len(new.path), 1)
    only_old, only_new = old.words - both, new.words - both
    said_all = texts.sum(old.said | new.said)
    said_shared = texts.sum(old.said & new.said)
    known = bool(old.kinds) and bool(new.kinds)
    return (
        float(old.leaf == new.leaf),
        float(old.leaf_squashed == new.leaf_squashed),
        _ratio(leaf_shared, leaf_all),
        _dice(old.leaf_letters, new.leaf_letters),
        _contained(old.leaf_squashed, new.leaf_squashed),
        float(old.squashed == new.squashed),
        _ratio(2 * shared, of_old + of_new),
        _dice(old.letters, new.letters),
        _ratio(shared, of_old),
        _ratio(shared, of_new),
        float(old.parent == new.parent),
        _ratio(parent_shared, parent_all) if parent_all else 1.0,
        front / longest,
        back / longest,
        float(len(new.path) - len(old.path)),
        _ratio(names.sum(old_leaf & new.words), names.sum(old_leaf)),
        _ratio(names.sum(new_leaf & old.words), names.sum(new_leaf)),
        float(any(frozenset((a, b)) in _FLIPPED for a in only_old for b in only_new))
        if len(only_old) * len(only_new) <= 16
        else 0.0,
        float(old.leaf_words[:1] == new.leaf_words[:1]),
        float(old.leaf_words[-1:] == new.leaf_words[-1:]),
        float(known and old.type_key == new.type_key),
        float(known),
        _jaccard(old.kinds, new.kinds),
        _jaccard(old.choices, new.choices),
        float(bool(old.option.type_text) and old.option.type_text == new.option.type_text),
        float(bool(old.default) and old.default == new.default),
        float(old.tells_default and old.default == new.default),
        float(bool(old.default) and bool(new.default) and old.default != new.default),
        float(bool(old.default) != bool(new.default)),
        _ratio(said_shared, said_all),
        float(bool(old.option.description) and old.option.description == new.option.description),
        float(not old.said or not new.said),
        _ratio(texts.sum(old.said & new_leaf), texts.sum(new_leaf)) if old.said else 0.0,
        _ratio(texts.sum(new.said & old_leaf), texts.sum(old_leaf)) if new.said else 0.0,
        float(existed),
        _jaccard(old.leaf_meaning, new.leaf_meaning),
        _dice(old.meaning, new.meaning),
        max([names[word] for word in only_old], default=0.0) / names.most,
        max([names[word] for word in only_new], default=0.0) / names.most,
        _ratio(
            names.sum(word for word in only_old if word in words.new_names), names.sum(only_old)
        ),
        _ratio(
            names.sum(word for word in only_new if word in words.old_names), names.sum(only_new)
        ),
        _dice(letter_pairs("".join(sorted(only_old))), letter_pairs("".join(sorted(only_new))))
        if only_old and only_new
        else 1.0,
        float(bool(old.meaning - new.meaning) and bool(new.meaning - old.meaning)),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other) or 1)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    if not one or not other:
        return 0.0
    return len(one & other) / len(one | other)


def _contained(one: str, other: str) -> float:
    """How much of the longer name the shorter one is, where it begins or ends it."""
    short, long = sorted((one, other), key=len)
    if len(short) < 3 or not (long.startswith(short) or long.endswith(short)):
        return 0.0
    return len(short) / len(long)


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
