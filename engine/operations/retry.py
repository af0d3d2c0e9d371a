"""How long and how often a step is tried again after an error that may pass by itself."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.errors import InvalidInput

LIMIT_VARIABLE = "HOMEPORT_RETRY_SECONDS"


@dataclass(frozen=True)
class RetryPolicy:
    """Growing waits, scattered so that many operations do not come back at one moment."""

    first: float = 1.0
    factor: float = 2.0
    longest: float = 30.0
    limit: float = 300.0
    """Seconds of waiting altogether, after which the error stands."""
    scatter: float = 0.25

    def waits(self, chance: random.Random) -> Iterator[float]:
        """Seconds before each further try; ends when the limit is used up."""
        wait, used = self.first, 0.0
        while used < self.limit:
            scattered = wait * (1 + self.scatter * (2 * chance.random() - 1))
            used += scattered
            yield scattered
            wait = min(wait * self.factor, self.longest)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> RetryPolicy:
        """HOMEPORT_RETRY_SECONDS sets the limit; 0: an error stands at once."""
        given = (os.environ if environ is None else environ).get(LIMIT_VARIABLE)
        if given is None:
            return cls()
        try:
            limit = float(given)
        except ValueError:
            raise InvalidInput(
                what="the retry limit is not a number of seconds",
                on=LIMIT_VARIABLE,
                why=f"it is {given!r}",
                do=f"Set {LIMIT_VARIABLE} to a number of seconds, or unset it.",
            ) from None
        return cls(first=min(1.0, max(limit / 8, 0.05)), limit=limit)
