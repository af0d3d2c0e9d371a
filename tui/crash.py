"""How the interface ends when it has a defect: in plain words, and without anybody's secrets.

Textual's own ending prints a traceback with the values of local variables, where a secret
that is being typed or shown would stand. Here the terminal gets sentences, and a file that
only its owner can read gets the places in the code. The words of an error go there only for
the types whose words name code; those of other types can quote what somebody typed.
"""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from textual.app import App

Result = TypeVar("Result")

_NAMES_CODE = (AttributeError, ImportError, NameError)
LOG = "interface.log"


class EndsPlainly(App[Result]):
    """Keeps the error that ended the application, and prints none of it."""

    crash: BaseException | None = None

    def _handle_exception(self, error: Exception) -> None:
        self.end_with(error)

    def panic(self, *renderables: Any) -> None:
        """Textual's way to give up where it has no exception at hand, as in its input thread."""
        self.end_with(RuntimeError("the terminal's input could not be read"))

    def end_with(self, error: BaseException) -> None:
        """End because of a defect. The first one counts: those after it are its echoes."""
        self._return_code = 1
        if self.crash is None:
            self.crash = error
        if self._exception is None and isinstance(error, Exception):
            self._exception = error  # what Textual's pilot raises in a test
            self._exception_event.set()
        self._close_messages_no_wait()


def report(
    error: BaseException, state: Path, now: datetime | None = None, *, again: str = "homeport"
) -> str:
    """Write where it happened to the log below `state`; give the lines for the terminal.
    again: the command that was running."""
    file = state / LOG
    try:
        _append(file, f"{now or datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z\n{trace(error)}\n")
        written = f"Where it happened is written in {file}, without any values."
    except OSError as failure:
        written = f"Where it happened could not be written to {file}: {failure.strerror}."
    return (
        f"homeport: the interface has a defect and had to stop ({type(error).__name__}).\n"
        "  Operations go on without it, and what you filled in is kept as a draft.\n"
        f"  {written}\n"
        f"  Run `{again}` to open it again, or `homeport operations` to see what is running."
    )


def trace(error: BaseException) -> str:
    """Files, lines and functions of an error and of its causes; never a value."""
    parts: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        frames = "".join(traceback.format_tb(cause.__traceback__))
        words = f": {cause}" if isinstance(cause, _NAMES_CODE) else ""
        parts.append(f"{frames}{type(cause).__module__}.{type(cause).__qualname__}{words}\n")
        cause = cause.__cause__ or cause.__context__
    return "because of:\n".join(parts)


def _append(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    descriptor = os.open(file, flags, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as log:
        os.fchmod(log.fileno(), 0o600)
        log.write(text)
