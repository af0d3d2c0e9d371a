"""Whether the user asked an operation to stop: read from the inventory, but not too often."""

from __future__ import annotations

import threading
import time

from engine.errors import Cancelled
from engine.inventory.inventory import Inventory
from engine.model.plan import OperationStatus

LOOK_SECONDS = 0.25


class Cancellation:
    """One operation's, shared by its steps: at most one query per LOOK_SECONDS for all.

    heeded: False for the way back, which nobody can stop halfway by cancelling.
    """

    def __init__(self, inventory: Inventory, operation_id: str, *, heeded: bool = True) -> None:
        self._heeded = heeded
        self._inventory = inventory
        self._operation = operation_id
        self._lock = threading.Lock()
        self._looked = 0.0
        self._asked = False

    def asked(self) -> bool:
        if not self._heeded:
            return False
        with self._lock:
            now = time.monotonic()
            if not self._asked and now - self._looked >= LOOK_SECONDS:
                self._looked = now
                status = self._inventory.operations.status(self._operation)
                self._asked = status is OperationStatus.CANCELLING
            return self._asked

    def raise_if_asked(self) -> None:
        """Raise Cancelled where somebody asked."""
        if self.asked():
            raise Cancelled(
                what="the operation was cancelled",
                on=self._operation,
                left="what its finished steps made is still there",
                do="Resume the operation to go on, or destroy the deployment to remove it all.",
            )

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until somebody asks; then raise Cancelled."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.raise_if_asked()
            time.sleep(min(LOOK_SECONDS, left))
        self.raise_if_asked()
