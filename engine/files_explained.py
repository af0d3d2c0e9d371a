"""Trouble with a user's file, as the errors that the command line and the interface show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import Conflict, InvalidInput
from forms.files import FileOnDisk, FileTrouble
from forms.files.disk import ChangedMeanwhile


def opened(name: str, what: str) -> FileOnDisk:
    """The file of that name, read; InvalidInput that says why it cannot be."""
    with explained(f"{what} cannot be read", name):
        return FileOnDisk(name)


def not_there_yet(name: str, do: str) -> FileOnDisk:
    """The file of that name, to be written; Conflict where there is one already."""
    file = opened(name, "the file to write")
    if not file.is_new:
        raise Conflict(
            "the file was not written", on=str(file.path), why="there is one already", do=do
        )
    return file


@contextmanager
def explained(what: str, on: str) -> Iterator[None]:
    """Say what failed, and on which file."""
    try:
        yield
    except ChangedMeanwhile as trouble:
        raise Conflict(
            what,
            on=on,
            why=str(trouble),
            left="the file is as they wrote it; what you filled in is kept here",
            do="Save again to write yours (theirs is kept beside it), or leave and look at it.",
        ) from trouble
    except FileTrouble as trouble:
        raise InvalidInput(what, on=on, why=str(trouble), left="nothing was changed") from trouble
