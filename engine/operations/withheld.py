"""Secret values on their way from a form into the secrets backend."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from engine.model.plan import Plan


class Withheld:
    """Secret values that were typed into a form, until the plan made from them is applied.

    They live in this process's memory and nowhere else: a plan that nobody approves leaves
    nothing behind, and a plan never holds a secret.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_plan: dict[str, dict[str, str]] = {}

    def keep(self, plan: Plan, secrets: Mapping[str, str]) -> None:
        if secrets:
            with self._lock:
                self._by_plan[plan.hash] = dict(secrets)

    def of(self, plan: Plan) -> dict[str, str]:
        """Name within the deployment's secrets -> value."""
        with self._lock:
            return dict(self._by_plan.get(plan.hash, {}))

    def drop(self, plan: Plan) -> None:
        with self._lock:
            self._by_plan.pop(plan.hash, None)


withheld = Withheld()
