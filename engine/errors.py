"""The one exception tree of the engine.

Every error a user can meet says five things: what failed, on what, why as far as it is
known, what state is left behind, and what to do next. Permanent and retryable errors are
told apart by type, so that a step's retry policy never has to read a message.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar


@dataclass
class HomeportError(Exception):
    """Something failed in a way that is explained to the user.

    what: what failed, as a sentence without a full stop ("the guest cannot be created").
    on:   the object it failed on ("guest 9001 at harbour-a").
    why:  the cause, as far as known; text of another program is quoted here.
    left: the state that is left behind ("nothing was changed").
    do:   what the reader should do next, as an imperative sentence.
    """

    what: str
    on: str = ""
    why: str = ""
    left: str = ""
    do: str = ""

    code: ClassVar[str] = "error"
    """Stable name for `--json` output and for tests."""
    retryable: ClassVar[bool] = False
    """True where the same call may succeed later without anybody changing anything."""
    exit_status: ClassVar[int] = 1
    holds: ClassVar[bool] = False
    """True where it passes once somebody has brought another service back: an operation waits
    for that, however long it takes, and can be cancelled meanwhile."""

    def __str__(self) -> str:
        text = self.what + (f" ({self.on})" if self.on else "")
        return text + (f": {self.why}" if self.why else "")

    def describe(self) -> dict[str, str | bool]:
        """All that is known of the error, as plain JSON values."""
        return {"code": self.code, "retryable": self.retryable, **asdict(self)}


class InvalidInput(HomeportError):
    """What the user gave cannot be used; `on` names the field or option."""

    code = "invalid-input"
    exit_status = 2


class NotFound(HomeportError):
    code = "not-found"
    exit_status = 4


class Conflict(HomeportError):
    """Somebody else holds the name, id, address or record; nothing of theirs is touched."""

    code = "conflict"
    exit_status = 5


class PlanChanged(Conflict):
    """The plan that was approved is not the plan that would be carried out now."""

    code = "plan-changed"


class Unsafe(HomeportError):
    """A safety limit refuses this; it is never forced."""

    code = "unsafe"
    exit_status = 5


class Denied(HomeportError):
    """Credentials are wrong or lack a right; `do` names the right and how to grant it."""

    code = "denied"
    exit_status = 6


class NoCapacity(HomeportError):
    """No space, memory, address or id is left at the provider."""

    code = "no-capacity"
    exit_status = 7


class TooSlow(HomeportError):
    """It would take longer than the user allows; it was stopped before anybody noticed."""

    code = "too-slow"
    exit_status = 7


class NotReady(HomeportError):
    """What a provider's check found stands in the way; nothing was made yet."""

    code = "not-ready"
    exit_status = 7


class RemoteFailure(HomeportError):
    """A provider's task or a command on a guest ended in failure."""

    code = "remote-failure"
    exit_status = 8


class RetryableError(HomeportError):
    """The same call may succeed later."""

    code = "retryable"
    retryable = True
    exit_status = 9


class Unreachable(RetryableError):
    code = "unreachable"


class OnHold(Unreachable):
    """A service without which nothing can go on is away, and somebody must bring it back."""

    code = "on-hold"
    holds = True


class Sealed(OnHold):
    """The secrets store is up, but its owner must open it with his keys."""

    code = "sealed"


class NotReadyYet(RetryableError):
    """As `NotReady`, where all that stands in the way may pass by itself."""

    code = "not-ready"


class Locked(RetryableError):
    """Somebody else works on the same object at this moment."""

    code = "locked"


class OutcomeUnknown(RetryableError):
    """A request was sent and its answer lost: the step looks again before it acts."""

    code = "outcome-unknown"


class Busy(HomeportError):
    """Another operation holds this deployment."""

    code = "busy"
    exit_status = 5


class Cancelled(HomeportError):
    """The user asked the operation to stop; it stopped between two actions."""

    code = "cancelled"
    exit_status = 10


class HostKeyMismatch(HomeportError):
    """A guest showed another host key than the one pinned at its creation."""

    code = "host-key-mismatch"
    exit_status = 6
