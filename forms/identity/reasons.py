"""Why two options may be the same, in words for who has to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from forms.identity.model import NAMES

_MOST = 4
Numbers = Mapping[str, float]

_SAID: tuple[tuple[Callable[[Numbers], bool], Callable[[Numbers], str]], ...] = (
    (lambda n: n["path_spelt_same"] > 0, lambda n: "the same path, written otherwise"),
    (
        lambda n: n["subtree_found"] >= 1 and n["subtree_share"] >= 0.5,
        lambda n: f"moved together with {n['subtree_found']:.0f} others",
    ),
    (
        lambda n: n["edited_alike"] >= 0.8,
        lambda n: f"renamed as {max(1, round(n['edited_alike']))} others were",
    ),
    (lambda n: n["leaf_same"] > 0, lambda n: "the same last name"),
    (
        lambda n: n["leaf_spelt_same"] > n["leaf_same"],
        lambda n: "the same last name, written otherwise",
    ),
    (lambda n: n["said_same"] > 0, lambda n: "the same description"),
    (lambda n: n["said_words"] >= 0.5 > n["said_same"], lambda n: "described in like words"),
    (lambda n: n["default_tells"] > 0, lambda n: "the same default, which few others have"),
    (lambda n: n["choices_shared"] >= 0.5, lambda n: "the same choices"),
    (lambda n: n["parent_same"] > 0, lambda n: "in the same section"),
    (
        lambda n: n["leaf_words"] >= 0.5 and not n["leaf_spelt_same"],
        lambda n: "a last name of like words",
    ),
    (lambda n: n["path_words"] >= 0.6, lambda n: "a path of like words"),
    (lambda n: n["type_same"] > 0, lambda n: "the same type"),
    (lambda n: n["rival_lead"] < 0, lambda n: "but another old option is liker to it"),
    (lambda n: n["existed"] > 0, lambda n: "but the old release had it already"),
)


def reasons(vector: Sequence[float]) -> tuple[str, ...]:
    """The strongest first. vector: by `forms.identity.model.NAMES`."""
    numbers = dict(zip(NAMES, vector, strict=True))
    said = [text(numbers) for holds, text in _SAID if holds(numbers)]
    for_it = [text for text in said if not text.startswith("but ")]
    against = [text for text in said if text.startswith("but ")]
    return (*for_it[:_MOST], *against) or ("nothing but a few like letters",)
