"""Noticing that the terminal is gone, also where nobody says so.

A lost terminal ends the interface by SIGHUP. Where that signal is ignored (nohup) or never
comes, Textual would read end-of-file as fast as it can for ever; so the kernel is asked to
tell when the other side of the terminal has closed, which costs nothing until it does.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable
from threading import Thread

HUNG_UP = 128 + signal.SIGHUP
"""The exit status that a shell gives for a program that SIGHUP ended."""


def _end() -> None:
    # Nothing is left to restore, and an orderly end would wait for writes that never finish.
    os._exit(HUNG_UP)


def end_with_terminal(gone: Callable[[], None] = _end) -> None:
    """Call `gone`, which ends the program, when the terminal on standard input hangs up."""
    descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
    Thread(target=_wait, args=(descriptor, gone), name="hangup", daemon=True).start()


def _wait(descriptor: int, gone: Callable[[], None]) -> None:
    waiting = select.poll()
    # No event is asked for: hanging up, an error and a closed descriptor are always told.
    waiting.register(descriptor, 0)
    waiting.poll()
    gone()
