"""How like two options are, as numbers that a model weighs. Each is worth a word of its own.

Everything here looks at one pair alone; what the rest of the listing says about a pair is in
`forms.identity.neighbours`.
"""

from __future__ import annotations

from functools import lru_cache

from forms.identity.views import View
from forms.identity.weights import Vocabulary
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
_OPPOSITES = {
    word: frozenset(other for pair in _FLIPS if word in pair for other in pair if other != word)
    for pair in _FLIPS
    for word in pair
}
_HAVE_OPPOSITES = frozenset(_OPPOSITES)


def likeness(old: View, new: View, words: Vocabulary, *, existed: bool) -> tuple[float, ...]:
    """One number per entry of FEATURES, most of them between 0 and 1.

    existed: the old release had the new path already.
    """
    names, texts = words.names, words.texts
    both = old.words & new.words
    shared = names.sum(both)
    of_old, of_new = names.sum(old.words), names.sum(new.words)
    old_leaf, new_leaf = old.leaf_set, new.leaf_set
    of_old_leaf, of_new_leaf = names.sum(old_leaf), names.sum(new_leaf)
    leaf_shared = names.sum(old_leaf & new_leaf)
    parent_shared = names.sum(old.parent_words & new.parent_words)
    parent_all = names.sum(old.parent_words) + names.sum(new.parent_words) - parent_shared
    longest = max(len(old.path), len(new.path), 1)
    only_old, only_new = old.words - both, new.words - both
    of_only_old, of_only_new = names.sum(only_old), names.sum(only_new)
    said_shared = texts.sum_once(old.said & new.said)
    said_all = texts.sum(old.said) + texts.sum(new.said) - said_shared
    known = bool(old.kinds) and bool(new.kinds)
    same_default = old.default == new.default
    return (
        float(old.leaf == new.leaf),
        float(old.leaf_squashed == new.leaf_squashed),
        _ratio(leaf_shared, of_old_leaf + of_new_leaf - leaf_shared),
        _dice(old.leaf_letters, new.leaf_letters),
        _contained(old.leaf_squashed, new.leaf_squashed),
        float(old.squashed == new.squashed),
        _ratio(2 * shared, of_old + of_new),
        _dice(old.letters, new.letters),
        _ratio(shared, of_old),
        _ratio(shared, of_new),
        float(old.parent == new.parent),
        _ratio(parent_shared, parent_all) if parent_all else 1.0,
        _common(old.path, new.path) / longest,
        _common(old.path[::-1], new.path[::-1]) / longest,
        float(len(new.path) - len(old.path)),
        _ratio(names.sum(old_leaf & both), of_old_leaf),
        _ratio(names.sum(new_leaf & both), of_new_leaf),
        float(_flipped(only_old, only_new)),
        float(old.leaf_words[:1] == new.leaf_words[:1]),
        float(old.leaf_words[-1:] == new.leaf_words[-1:]),
        float(known and old.option.type == new.option.type),
        float(known),
        _jaccard(old.kinds, new.kinds) if known else 0.5,
        _jaccard(old.choices, new.choices),
        float(bool(old.option.type_text) and old.option.type_text == new.option.type_text),
        float(same_default and bool(old.default)),
        float(same_default and old.tells_default),
        float(not same_default and bool(old.default) and bool(new.default)),
        float(bool(old.default) != bool(new.default)),
        _ratio(said_shared, said_all),
        float(bool(old.option.description) and old.option.description == new.option.description),
        float(not old.said or not new.said),
        _ratio(texts.sum(old.said & new_leaf), texts.sum(new_leaf)) if old.said else 0.0,
        _ratio(texts.sum(new.said & old_leaf), texts.sum(old_leaf)) if new.said else 0.0,
        float(existed),
        _jaccard(old.leaf_meaning, new.leaf_meaning),
        _dice(old.meaning, new.meaning),
        names.rarest(only_old),
        names.rarest(only_new),
        _ratio(names.sum(only_old & words.new_names), of_only_old),
        _ratio(names.sum(only_new & words.old_names), of_only_new),
        _dice(_letters_of(only_old), _letters_of(only_new)) if only_old and only_new else 1.0,
        float(bool(old.meaning - new.meaning) and bool(new.meaning - old.meaning)),
    )


def _flipped(gone: frozenset[str], came: frozenset[str]) -> bool:
    """Does a word take the place of its opposite?"""
    return any(_OPPOSITES[word] & came for word in gone & _HAVE_OPPOSITES)


@lru_cache(maxsize=16384)
def _letters_of(words: frozenset[str]) -> frozenset[str]:
    return letter_pairs("".join(sorted(words)))


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
