"""What people are asked for generated secrets: at the terminal or from files, never as words of a
command line, which other users of the machine can read."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.cli import output
from engine.errors import InvalidInput
from engine.vars.generators import Generator, Prompt

_END = "."


class Answers:
    """given: GENERATOR/PROMPT=FILE, as on the command line."""

    def __init__(self, given: Sequence[str]) -> None:
        self._files: dict[str, str] = {}
        for text in given:
            prompt, separator, file = text.partition("=")
            if not separator or prompt.count("/") != 1:
                raise InvalidInput(
                    "--prompt wants GENERATOR/PROMPT=FILE", why=f"it was given {text!r}"
                )
            self._files[prompt] = file

    def ask(self, generator: Generator, name: str, prompt: Prompt, is_stored: bool) -> bytes | None:
        """None where nobody can be asked, or to keep the stored answer. An answer of one line has
        no line break at its end."""
        on = f"{generator.name}/{name}"
        if on in self._files:
            data = read_file(self._files[on], on)
            return data if prompt.type.has_lines else data.rstrip(b"\r\n")
        if not sys.stdin.isatty():
            return None
        words = prompt.description or name
        keep = " (nothing: keep the stored one)" if is_stored else ""
        answer = _typed(
            f"{on}: {words}{keep}", hidden=prompt.type.is_hidden, lines=prompt.type.has_lines
        )
        return None if is_stored and not answer else answer.encode()


def read_value(on: str, source: str | None, *, hidden: bool) -> bytes:
    """A value for `vars set`: from a file, standard input or the terminal."""
    if source is not None:
        return read_file(source, on)
    if not sys.stdin.isatty():
        raise InvalidInput(
            "there is no value",
            on=on,
            left="nothing was changed",
            do="Give it by file: --from FILE; --from - reads standard input.",
        )
    return _typed(on, hidden=hidden, lines=False).encode()


def read_file(name: str, on: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InvalidInput(
            "a value cannot be read",
            on=on,
            why=f"{name}: {error.strerror}",
            left="nothing was changed",
            do="Give the path of a file that you may read.",
        ) from None


def _typed(words: str, *, hidden: bool, lines: bool) -> str:
    shown = output.printable(words)
    if not lines:
        return _line(f"{shown}: ", hidden)
    output.line(f"{shown}; a line that is '{_END}' ends it")
    typed = []
    while (text := _line("", hidden)) != _END:
        typed.append(f"{text}\n")
    return "".join(typed)


def _line(words: str, hidden: bool) -> str:
    return getpass.getpass(words) if hidden else input(words)
