"""What an upgrade does to an option, in one word and one ASCII mark."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The worst that is to be said of an option: one for each row."""

    INVALID = "invalid"
    """Its value does not fit the new release, or it needs one and has none."""
    CONFLICT = "conflict"
    """You changed it, and its default changed too."""
    RETYPED = "type changed"
    """Its type changed, and its value with it, if it has one."""
    REMOVED = "removed"
    MOVED = "moved"
    """It has another path, for certain."""
    DEFAULT = "default changed"
    """You did not change it, and its default is another."""
    NEW = "new"
    SECRET = "secret"
    CUSTOM = "yours"
    """You changed it, and nothing else changed."""
    SAME = "same"

    @property
    def mark(self) -> str:
        return _MARKS[self]


_MARKS = {
    Status.INVALID: "x",
    Status.CONFLICT: "!",
    Status.RETYPED: "^",
    Status.REMOVED: "-",
    Status.MOVED: ">",
    Status.DEFAULT: "~",
    Status.NEW: "+",
    Status.SECRET: "?",
    Status.CUSTOM: "=",
    Status.SAME: " ",
}
