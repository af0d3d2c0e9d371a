"""`homeport form --plain`: the dialogue on standard input and output, and the file behind it."""

from __future__ import annotations

import getpass
import os
import sys

from engine.cli import output
from engine.errors import Conflict, HomeportError, InvalidInput
from engine.filling import Filling
from forms.plain import Dialogue


def fill_in_by_prompts(filling: Filling) -> int:
    """Until somebody leaves; the exit status: 2 where something is left unwritten."""
    if filling.note:
        output.line(filling.note)
    lines = os.get_terminal_size().lines if sys.stdout.isatty() else 24
    writing = _Writing(filling)
    dialogue = Dialogue(filling.form, read_line, output.line, writing.write, page=max(5, lines - 4))
    try:
        done = dialogue.run()
    except KeyboardInterrupt:
        print("\nhomeport: stopped; what was not written is gone", file=sys.stderr)
        return 130
    return 0 if done else InvalidInput.exit_status


def read_line(prompt: str, secret: bool) -> str:
    """What somebody types after the prompt; EOFError where nobody does."""
    if secret and sys.stdin.isatty():
        return getpass.getpass(prompt)
    sys.stdout.write(output.printable(prompt))
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


class _Writing:
    """Writes the document for the dialogue. Where somebody else has changed the file, that is
    said the first time, and theirs is kept beside it the second time."""

    def __init__(self, filling: Filling) -> None:
        self._filling = filling
        self._over = False

    def write(self, name: str) -> str:
        filling = self._filling
        try:
            if name:
                filling.name_target(name)
            if filling.target is None:
                return ""
            saved = filling.save(filling.form.document(), over=self._over)
        except HomeportError as error:
            self._over = isinstance(error, Conflict) and filling.target is not None
            raise ValueError(f"{error}. {error.do}".strip()) from error
        self._over = False
        filling.form.mark_saved()
        said = f"Written to {saved.path}." if saved.changed else f"{saved.path} says all of it."
        if saved.kept_as is not None:
            said += f" The file as it was is kept as {saved.kept_as}."
        return said
