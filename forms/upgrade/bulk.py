"""The same decision for several rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forms.paths import Path, path_text
from forms.upgrade.decision import Key, Verb
from forms.upgrade.rows import Action
from forms.upgrade.state import State

_BULK_WORDS = {
    Verb.KEEP: "keep your value of",
    Verb.DEFAULT: "take the new default of",
    Verb.OUT: "take out",
}


@dataclass(frozen=True, slots=True)
class Bulk:
    """The same decision for several rows: to be shown with its count before it is made."""

    label: str
    """An imperative sentence that names the count."""
    decisions: tuple[tuple[Key, Action], ...]

    @property
    def count(self) -> int:
        return len(self.decisions)


def bulks(
    state: State, actions_of: Callable[[Key], tuple[tuple[Action, ...], bool]], section: Path
) -> list[Bulk]:
    """What can be decided at once of what is open in a section."""
    verbs: dict[str, list[tuple[Key, Action]]] = {}
    for key in state.open:
        item = state.item(key)
        if item.path[: len(section)] != section:
            continue
        actions, suggested = actions_of(key)
        if suggested:
            verbs.setdefault("do what is suggested for", []).append((key, actions[0]))
        for action in actions:
            if action.verb in _BULK_WORDS and action.score is None:
                verbs.setdefault(_BULK_WORDS[action.verb], []).append((key, action))
    where = f" in {path_text(section)}" if section else ""
    return [
        Bulk(f"{words} {len(several)} option{'s' * (len(several) > 1)}{where}", tuple(several))
        for words, several in verbs.items()
    ]
